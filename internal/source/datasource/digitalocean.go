package datasource

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// digitalOcean asks DigitalOcean's metadata service. Droplets have no DHCP: the
// service says their addresses, too.
type digitalOcean struct {
	web  *web
	base string
}

func openDigitalOcean(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	return &digitalOcean{web: o.web, base: base + "/metadata/v1"}, err
}

// droplet is metadata/v1.json, as far as it is used.
type droplet struct {
	ID         json.Number                   `json:"droplet_id"`
	Hostname   string                        `json:"hostname"`
	UserData   string                        `json:"user_data"`
	VendorData string                        `json:"vendor_data"`
	PublicKeys []string                      `json:"public_keys"`
	Region     string                        `json:"region"`
	Interfaces map[string][]dropletInterface `json:"interfaces"`
	DNS        struct {
		Nameservers []string `json:"nameservers"`
	} `json:"dns"`
}

type dropletInterface struct {
	MAC    string          `json:"mac"`
	IPv4   *dropletAddress `json:"ipv4"`
	IPv6   *dropletAddress `json:"ipv6"`
	Anchor *dropletAddress `json:"anchor_ipv4"`
}

type dropletAddress struct {
	Address string `json:"ip_address"`
	Netmask string `json:"netmask"`
	CIDR    int    `json:"cidr"`
	Gateway string `json:"gateway"`
}

// Fetch asks for the one document that has it all.
func (c *digitalOcean) Fetch(ctx context.Context) (source.Seed, error) {
	g := &gather{fetch: func(ctx context.Context, address string) ([]byte, error) { return c.web.get(ctx, address, nil) }}
	var d droplet
	if !g.json(ctx, c.base+".json", &d) {
		return g.done(source.Seed{})
	}
	s := source.Seed{UserData: []byte(d.UserData), VendorData: []byte(d.VendorData)}
	if d.UserData == "" {
		s.UserData = g.bytes(ctx, c.base+"/user-data")
	}
	m := metaData{InstanceID: d.ID.String(), Hostname: d.Hostname, PublicKeys: d.PublicKeys, Region: d.Region}
	for _, i := range d.Interfaces["public"] {
		m.PublicIPv4 = firstOf(m.PublicIPv4, i.IPv4.address())
		m.PublicIPv6 = firstOf(m.PublicIPv6, i.IPv6.address())
	}
	for _, i := range d.Interfaces["private"] {
		m.LocalIPv4 = firstOf(m.LocalIPv4, i.IPv4.address())
	}
	s.MetaData = g.marshal(m)
	network, err := d.network()
	g.note(err)
	s.NetworkConfig = network
	return g.done(s)
}

func (a *dropletAddress) address() string {
	if a == nil {
		return ""
	}
	return a.Address
}

// network gives each card its addresses, and the default route to a public one. An
// address that is none is an error beside the others.
func (d droplet) network() ([]byte, error) {
	out := source.NewNetwork()
	var wrong []error
	for _, side := range []string{"public", "private"} {
		for _, i := range d.Interfaces[side] {
			l := &source.Link{Match: &source.Match{MAC: strings.ToLower(i.MAC)}}
			for _, a := range []*dropletAddress{i.IPv4, i.IPv6, i.Anchor} {
				wrong = append(wrong, a.onto(l, side == "public" && a != i.Anchor))
			}
			l.AddDNS(d.DNS.Nameservers...)
			out.Ethernets["id"+strconv.Itoa(len(out.Ethernets))] = l
		}
	}
	if len(out.Ethernets) == 0 {
		return nil, errors.Join(wrong...)
	}
	network, err := out.Marshal()
	return network, errors.Join(append(wrong, err)...)
}

func (a *dropletAddress) onto(l *source.Link, route bool) error {
	if a == nil || a.Address == "" {
		return nil
	}
	mask := a.Netmask
	if a.CIDR > 0 {
		mask = strconv.Itoa(a.CIDR)
	}
	address, err := source.WithMask(a.Address, mask)
	if err != nil {
		return err
	}
	l.Addresses = append(l.Addresses, address)
	if route && a.Gateway != "" {
		l.Routes = append(l.Routes, source.Route{To: "default", Via: a.Gateway})
	}
	return nil
}
