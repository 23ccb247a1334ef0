package datasource

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// vultr asks Vultr's metadata service.
type vultr struct {
	web  *web
	base string
}

func openVultr(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	return &vultr{web: o.web, base: base}, err
}

// vultrInstance is v1.json, as far as it is used.
type vultrInstance struct {
	ID         string           `json:"instance-v2-id"`
	OldID      string           `json:"instanceid"`
	Hostname   string           `json:"hostname"`
	UserData   string           `json:"user-data"`
	Script     string           `json:"startup-script"`
	PublicKeys lines            `json:"public-keys"`
	Interfaces []vultrInterface `json:"interfaces"`
}

type vultrInterface struct {
	MAC          string `json:"mac"`
	Type         string `json:"network-type"`
	MTU          int    `json:"mtu"`
	Unconfigured bool   `json:"unconfigured"` // its owner sets it up
	IPv4         struct {
		Address    string         `json:"address"`
		Netmask    string         `json:"netmask"`
		Additional []vultrAddress `json:"additional"`
	} `json:"ipv4"`
	IPv6 struct {
		Address    string         `json:"address"`
		Additional []vultrAddress `json:"additional"`
	} `json:"ipv6"`
}

// vultrAddress is an address beside the first one. Of IPv6 it is a network, the
// first address of which the machine has.
type vultrAddress struct {
	Address string `json:"address"`
	Netmask string `json:"netmask"`
	Network string `json:"network"`
	Prefix  string `json:"prefix"`
}

// lines are texts, in a list or one a line.
type lines []string

// UnmarshalJSON takes both.
func (l *lines) UnmarshalJSON(data []byte) error {
	var list []string
	if json.Unmarshal(data, &list) == nil {
		*l = list
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*l = strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return nil
}

// Fetch asks for the document that has it all, and for user-data by itself when
// it is not in there.
func (c *vultr) Fetch(ctx context.Context) (source.Seed, error) {
	g := &gather{fetch: func(ctx context.Context, address string) ([]byte, error) {
		return c.web.get(ctx, address, map[string]string{"Metadata-Token": "cloudinit"})
	}}
	var i vultrInstance
	if !g.json(ctx, c.base+"/v1.json", &i) {
		return g.done(source.Seed{})
	}
	s := source.Seed{UserData: []byte(i.UserData)}
	if i.UserData == "" {
		s.UserData = g.bytes(ctx, c.base+"/user-data/user-data")
	}
	if len(s.UserData) == 0 && strings.HasPrefix(i.Script, "#!") {
		s.UserData = []byte(i.Script)
	}
	m := metaData{InstanceID: firstOf(i.ID, i.OldID), Hostname: i.Hostname, PublicKeys: i.PublicKeys}
	for _, n := range i.Interfaces {
		if n.Type == "private" {
			m.LocalIPv4 = firstOf(m.LocalIPv4, n.IPv4.Address)
			continue
		}
		m.PublicIPv4, m.PublicIPv6 = firstOf(m.PublicIPv4, n.IPv4.Address), firstOf(m.PublicIPv6, n.IPv6.Address)
	}
	s.MetaData = g.marshal(m)
	network, err := i.network()
	g.note(err)
	s.NetworkConfig = network
	return g.done(s)
}

// network leaves the public card to DHCP and routers, and gives the others their
// addresses; each has those that were bought besides. An address that is none is an
// error beside the others.
func (i vultrInstance) network() ([]byte, error) {
	out := source.NewNetwork()
	var wrong []error
	for _, n := range i.Interfaces {
		l := &source.Link{Match: &source.Match{MAC: strings.ToLower(n.MAC)}, MTU: n.MTU}
		fixed, fixed6 := n.IPv4.Additional, n.IPv6.Additional
		switch yes := true; {
		case n.Unconfigured: // and DHCP is not asked there
			fixed, fixed6 = nil, nil
		case n.Type != "private":
			l.DHCP4, l.AcceptRA = true, &yes
		case n.IPv4.Address != "":
			fixed = append([]vultrAddress{{Address: n.IPv4.Address, Netmask: n.IPv4.Netmask}}, fixed...)
		}
		for _, a := range slices.Concat(fixed, fixed6) {
			address, err := source.WithMask(firstOf(a.Address, a.Network), firstOf(a.Netmask, a.Prefix))
			if err != nil {
				wrong = append(wrong, err)
				continue
			}
			l.Addresses = append(l.Addresses, address)
		}
		out.Ethernets["id"+strconv.Itoa(len(out.Ethernets))] = l
	}
	if len(out.Ethernets) == 0 {
		return nil, nil
	}
	network, err := out.Marshal()
	return network, errors.Join(append(wrong, err)...)
}
