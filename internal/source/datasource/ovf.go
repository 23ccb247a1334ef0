package datasource

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/internal/crypt"
	"github.com/ros-os/ros/internal/source"
)

// ovf is an OVF environment: what the disk of a new machine says, on Azure and on
// VMware.
type ovf struct {
	properties map[string]string // of VMware
	hostname   string            // and on, of Azure
	customData string            // base64
	keys       []string
	password   source.Password // without a hash when there is none
}

// ovfDocument has the elements that are used, whatever their namespaces.
type ovfDocument struct {
	Properties []struct {
		Key   string `xml:"key,attr"`
		Value string `xml:"value,attr"`
	} `xml:"PropertySection>Property"`
	Azure struct {
		HostName   string   `xml:"HostName"`
		CustomData string   `xml:"CustomData"`
		Keys       []string `xml:"SSH>PublicKeys>PublicKey>Value"`
		Password   string   `xml:"UserPassword"`
		NoSSH      string   `xml:"DisableSshPasswordAuthentication"`
	} `xml:"ProvisioningSection>LinuxProvisioningConfigurationSet"`
}

// readOVF reads the environment that PID 1 found on a disk. A password that is in it
// is not kept any longer: its hash takes its place.
func readOVF(root string) (ovf, error) {
	path := filepath.Join(root, source.OVFFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return ovf{}, err
	}
	hidden, err := hidePassword(data)
	if err != nil {
		return ovf{}, err
	}
	if !bytes.Equal(hidden, data) {
		if err := source.WriteFile(path, hidden); err != nil {
			return ovf{}, err
		}
	}
	return parseOVF(hidden)
}

// hidePassword puts the hash of each password into its place.
func hidePassword(data []byte) ([]byte, error) {
	in := xml.NewDecoder(bytes.NewReader(data))
	var out []byte
	done := int64(0) // of data
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return append(out, data[done:]...), nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the OVF environment: %w", err)
		}
		if e, ok := token.(xml.StartElement); !ok || e.Name.Local != "UserPassword" {
			continue
		}
		begin := in.InputOffset()
		text, end, err := textOf(in)
		if err != nil {
			return nil, err
		}
		if end == begin || text == redacted || crypt.IsMade(text) {
			continue
		}
		hash := ""
		if text != "" {
			if hash, err = crypt.Hash(text); err != nil {
				return nil, err
			}
		}
		out, done = append(append(out, data[done:begin]...), hash...), end
	}
}

// textOf is the text of the element that has begun, and where its content ends.
func textOf(in *xml.Decoder) (text string, end int64, err error) {
	for depth := 0; depth >= 0; {
		end = in.InputOffset()
		token, err := in.Token()
		if err != nil {
			return "", 0, fmt.Errorf("cannot read the OVF environment: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 {
				text += string(token)
			}
		}
	}
	return strings.TrimSpace(text), end, nil
}

// redacted is what Azure's agents leave of a password that was used.
const redacted = "REDACTED"

func parseOVF(data []byte) (ovf, error) {
	var d ovfDocument
	if err := xml.Unmarshal(data, &d); err != nil {
		return ovf{}, fmt.Errorf("cannot read the OVF environment: %w", err)
	}
	out := ovf{
		properties: map[string]string{}, hostname: d.Azure.HostName, customData: d.Azure.CustomData, keys: d.Azure.Keys,
	}
	if text := strings.TrimSpace(d.Azure.Password); crypt.IsMade(text) {
		out.password = source.Password{Hash: text, SSH: !strings.EqualFold(strings.TrimSpace(d.Azure.NoSSH), "true")}
	}
	for _, p := range d.Properties {
		out.properties[p.Key] = p.Value
	}
	return out, nil
}
