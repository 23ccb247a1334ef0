package datasource

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

// parrot answers every request with the same text.
type parrot []byte

func (p parrot) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{}, ContentLength: int64(len(p)),
		Body: io.NopCloser(strings.NewReader(string(p))),
	}, nil
}

// FuzzMetadata: whatever a metadata service answers, the datasource comes to an
// end, and what it makes of it can be read.
func FuzzMetadata(f *testing.F) {
	for _, name := range cloudtest.Names() {
		c, err := cloudtest.New(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, text := range c.Files {
			for i := range kinds() {
				f.Add(i, []byte(text))
			}
		}
	}
	all, root := kinds(), f.TempDir() // they only read there
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		k := all[(which%len(all)+len(all))%len(all)]
		if k.name == "vmware" || k.name == "tftp" || k.name == "file" || k.name == "configdrive" {
			return // not over HTTP
		}
		client := &http.Client{Transport: parrot(data)}
		w := &web{direct: client, proxied: client}
		d, err := k.open(opening{
			arg: linkLocal, web: w, root: root, cmdline: "ds=nocloud;s=" + linkLocal + "/ cloud-config-url=" + linkLocal,
		})
		if err != nil {
			t.Fatal(err)
		}
		seed, _ := d.Fetch(t.Context()) // that there is an error is no fault
		cloudconfig.ParseMetaData("meta-data", "meta-data", seed.MetaData)
		cloudconfig.ParseNetworkConfig("network-config", seed.NetworkConfig)
	})
}

// FuzzOVF: any environment is read or refused.
func FuzzOVF(f *testing.F) {
	for _, name := range []string{"azure", "vmware"} {
		data, err := os.ReadFile(filepath.Join("testdata/ovf", name+".xml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(bytes.ReplaceAll(data, []byte("<UserName>"), []byte("<UserPassword>secret<!-- -->&amp;<b>x</b></UserPassword><UserName>")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if env, err := parseOVF(data); err == nil && env.properties == nil {
			t.Error("no properties, and no error")
		}
		hidden, err := hidePassword(data)
		if err != nil {
			return
		}
		if again, err := hidePassword(hidden); err != nil || !bytes.Equal(again, hidden) {
			t.Errorf("a password is left: %v\n%s\n%s", err, hidden, again)
		}
		before, err := parseOVF(data)
		after, also := parseOVF(hidden)
		if (err == nil) != (also == nil) || before.hostname != after.hostname || before.customData != after.customData || len(before.properties) != len(after.properties) {
			t.Errorf("%+v, %v became %+v, %v", before, err, after, also)
		}
	})
}

// FuzzPackets: no packet of a TFTP or DHCP server, no routing table, and no key of
// Google's, does harm; a block is never longer than blocks are.
func FuzzPackets(f *testing.F) {
	f.Add([]byte("\x00\x03\x00\x01#cloud-config\n"), uint16(1))
	f.Add([]byte("\x00\x05\x00\x01File not found\x00"), uint16(1))
	f.Add([]byte(`ann:ssh-ed25519 AAAA google-ssh {"expireOn":"2026-01-01T00:00:00+0000"}`), uint16(0))
	f.Add([]byte(routingTable), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, block uint16) {
		if part, err := parseTFTP(data, block); err == nil && len(part) > tftpBlock {
			t.Errorf("a block of %d bytes", len(part))
		}
		leaseServer(data)
		if gateway := defaultGateway(string(data)); gateway.IsValid() && !gateway.Is4() {
			t.Errorf("gateway %v", gateway)
		}
		for _, key := range gceKeys(string(data), time.Unix(0, 0)) {
			if strings.ContainsAny(key, "\n") || key == "" {
				t.Errorf("key %q", key)
			}
		}
		noCloudWords(string(data))
	})
}
