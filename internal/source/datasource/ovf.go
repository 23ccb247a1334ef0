package datasource

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ros-os/ros/internal/source"
)

// ovf is an OVF environment: what the disk of a new machine says, on Azure and on
// VMware.
type ovf struct {
	properties map[string]string // of VMware
	hostname   string            // and on, of Azure
	customData string            // base64
	keys       []string
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
	} `xml:"ProvisioningSection>LinuxProvisioningConfigurationSet"`
}

// readOVF reads the environment that PID 1 found on a disk.
func readOVF(root string) (ovf, error) {
	data, err := os.ReadFile(filepath.Join(root, source.OVFFile))
	if err != nil {
		return ovf{}, err
	}
	return parseOVF(data)
}

func parseOVF(data []byte) (ovf, error) {
	var d ovfDocument
	if err := xml.Unmarshal(data, &d); err != nil {
		return ovf{}, fmt.Errorf("cannot read the OVF environment: %w", err)
	}
	out := ovf{
		properties: map[string]string{}, hostname: d.Azure.HostName, customData: d.Azure.CustomData, keys: d.Azure.Keys,
	}
	for _, p := range d.Properties {
		out.properties[p.Key] = p.Value
	}
	return out, nil
}
