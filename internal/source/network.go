package source

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Network is a network-config, version 2, that is made of what a datasource says
// in a form of its own.
type Network struct {
	Version   int              `json:"version"`
	Ethernets map[string]*Link `json:"ethernets,omitempty"`
	Bonds     map[string]*Link `json:"bonds,omitempty"`
	VLANs     map[string]*Link `json:"vlans,omitempty"`
}

// Link is one interface of a [Network].
type Link struct {
	Match       *Match         `json:"match,omitempty"`
	SetName     string         `json:"set-name,omitempty"`
	MAC         string         `json:"macaddress,omitempty"`
	MTU         int            `json:"mtu,omitempty"`
	DHCP4       bool           `json:"dhcp4,omitempty"`
	DHCP6       bool           `json:"dhcp6,omitempty"`
	AcceptRA    *bool          `json:"accept-ra,omitempty"`
	Addresses   []string       `json:"addresses,omitempty"`
	Routes      []Route        `json:"routes,omitempty"`
	Nameservers *Nameservers   `json:"nameservers,omitempty"`
	ID          int            `json:"id,omitempty"`   // of a VLAN
	Link        string         `json:"link,omitempty"` // below a VLAN
	Interfaces  []string       `json:"interfaces,omitempty"`
	Parameters  map[string]any `json:"parameters,omitempty"`
}

// Match says which card a [Link] is about.
type Match struct {
	MAC  string `json:"macaddress,omitempty"`
	Name string `json:"name,omitempty"`
}

// Route is a route of a [Link].
type Route struct {
	To  string `json:"to"`
	Via string `json:"via"`
}

// Nameservers are those of a [Link].
type Nameservers struct {
	Addresses []string `json:"addresses,omitempty"`
	Search    []string `json:"search,omitempty"`
}

// NewNetwork is one without interfaces.
func NewNetwork() *Network {
	return &Network{Version: 2, Ethernets: map[string]*Link{}, Bonds: map[string]*Link{}, VLANs: map[string]*Link{}}
}

func (n *Network) link(name string) *Link {
	for _, all := range []map[string]*Link{n.Ethernets, n.Bonds, n.VLANs} {
		if l := all[name]; l != nil {
			return l
		}
	}
	return nil
}

// Marshal writes the network as JSON, which is YAML, too.
func (n *Network) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(map[string]*Network{"network": n}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write the network of a datasource: %w", err)
	}
	return append(data, '\n'), nil
}

// AddDNS adds name servers that are not there yet.
func (l *Link) AddDNS(addresses ...string) {
	for _, a := range addresses {
		switch {
		case a == "":
		case l.Nameservers == nil:
			l.Nameservers = &Nameservers{Addresses: []string{a}}
		case !slices.Contains(l.Nameservers.Addresses, a):
			l.Nameservers.Addresses = append(l.Nameservers.Addresses, a)
		}
	}
}
