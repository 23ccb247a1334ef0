package datasource

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/internal/source"
)

// hetzner asks Hetzner Cloud's metadata service.
type hetzner struct {
	web  *web
	base string
}

func openHetzner(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	return &hetzner{web: o.web, base: base + "/hetzner/v1/"}, err
}

// Fetch asks for the documents; the network is a part of the meta-data.
func (c *hetzner) Fetch(ctx context.Context) (source.Seed, error) {
	g := &gather{fetch: func(ctx context.Context, address string) ([]byte, error) { return c.web.get(ctx, address, nil) }}
	s := source.Seed{MetaData: g.bytes(ctx, c.base+"metadata")}
	network, vendor, err := partsOfHetzner(s.MetaData)
	g.note(err)
	s.NetworkConfig, s.VendorData = network, vendor
	s.UserData = maybeBase64(g.bytes(ctx, c.base+"userdata"))
	return g.done(s)
}

func partsOfHetzner(meta []byte) (network, vendor []byte, err error) {
	var m struct {
		Network yaml.Node `yaml:"network-config"`
		Vendor  string    `yaml:"vendor_data"`
	}
	if err := yaml.Unmarshal(meta, &m); err != nil {
		return nil, nil, fmt.Errorf("cannot read the meta-data: %w", err)
	}
	if !m.Network.IsZero() {
		if network, err = yaml.Marshal(&m.Network); err != nil {
			return nil, nil, fmt.Errorf("cannot read the network: %w", err)
		}
	}
	return network, []byte(m.Vendor), nil
}

// maybeBase64 decodes what some tools encode once more than they should: only
// when it becomes user-data by that.
func maybeBase64(data []byte) []byte {
	out, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || !bytes.HasPrefix(out, []byte("#")) && !bytes.HasPrefix(out, []byte{0x1f, 0x8b}) && !bytes.HasPrefix(out, []byte("Content-Type:")) {
		return data
	}
	return out
}
