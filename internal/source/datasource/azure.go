package datasource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ros-os/ros/internal/source"
)

// azure asks Azure's metadata service, and reads the disk that comes with a new
// machine.
type azure struct {
	web  *web
	base string
	wire string // where Azure's own agent reports
	root string
}

func openAzure(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	return &azure{web: o.web, base: base, wire: wireServer, root: o.root}, err
}

// azureInstance is metadata/instance, as far as it is used.
type azureInstance struct {
	Compute struct {
		VMID      string `json:"vmId"`
		Name      string `json:"name"`
		Location  string `json:"location"`
		Zone      string `json:"zone"`
		OSProfile struct {
			ComputerName string `json:"computerName"`
		} `json:"osProfile"`
		PublicKeys []struct {
			KeyData string `json:"keyData"`
		} `json:"publicKeys"`
		UserData   string `json:"userData"`
		CustomData string `json:"customData"`
	} `json:"compute"`
	Network struct {
		Interface []struct {
			IPv4 struct {
				Address []struct {
					Private string `json:"privateIpAddress"`
					Public  string `json:"publicIpAddress"`
				} `json:"ipAddress"`
			} `json:"ipv4"`
		} `json:"interface"`
	} `json:"network"`
}

// Fetch asks the service, and the disk for what the service does not have: custom
// data, which is meant to be user-data and counts more than what is called so.
func (c *azure) Fetch(ctx context.Context) (source.Seed, error) {
	g := &gather{fetch: func(ctx context.Context, address string) ([]byte, error) {
		data, err := c.web.get(ctx, address, map[string]string{"Metadata": "true"})
		if errors.Is(err, errAbsent) {
			// Azure says so for more than a minute while the service is set up.
			err = fmt.Errorf("%s is not there yet", source.ShownURL(address))
		}
		return data, err
	}}
	var i azureInstance
	g.json(ctx, c.base+"/metadata/instance?api-version=2021-08-01", &i)
	m := i.metaData()
	disk, err := readOVF(c.root)
	switch {
	case err == nil:
		g.found = true
		m.Hostname = firstOf(m.Hostname, disk.hostname)
		if len(m.PublicKeys) == 0 {
			m.PublicKeys = disk.keys
		}
	case !errors.Is(err, fs.ErrNotExist):
		g.note(err)
	}
	s := source.Seed{MetaData: g.marshal(m)}
	if disk.password.Hash != "" {
		s.Password, err = c.firstPassword(disk.password, m.InstanceID)
		g.note(err)
	}
	if text := firstOf(disk.customData, i.Compute.CustomData, i.Compute.UserData); text != "" {
		s.UserData, err = decodeBase64("custom data", text)
		g.note(err)
	}
	return g.done(s)
}

// firstPassword is the password of the disc, as it was when this instance had it first:
// each boot makes another hash of the same text.
func (c *azure) firstPassword(now source.Password, instance string) ([]byte, error) {
	if kept, err := source.KeptPassword(c.root, source.InstanceFolder(instance)); err != nil || len(kept) > 0 {
		return kept, err
	}
	return now.Marshal()
}

func (i azureInstance) metaData() metaData {
	m := metaData{InstanceID: i.Compute.VMID, Hostname: firstOf(i.Compute.OSProfile.ComputerName, i.Compute.Name), Region: i.Compute.Location, Zone: i.Compute.Zone}
	for _, k := range i.Compute.PublicKeys {
		m.PublicKeys = append(m.PublicKeys, k.KeyData)
	}
	for _, n := range i.Network.Interface {
		for _, a := range n.IPv4.Address {
			m.LocalIPv4 = firstOf(m.LocalIPv4, a.Private)
			m.PublicIPv4 = firstOf(m.PublicIPv4, a.Public)
		}
	}
	return m
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func mustBeJSON(name string, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	return nil
}
