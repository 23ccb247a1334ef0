package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// openStackNetwork is OpenStack's network_data.json, as far as it is used.
type openStackNetwork struct {
	Links []struct {
		ID         string      `json:"id"`
		Type       string      `json:"type"`
		MAC        string      `json:"ethernet_mac_address"`
		MTU        json.Number `json:"mtu"` // numbers are texts on some clouds
		VLAN       json.Number `json:"vlan_id"`
		VLANLink   string      `json:"vlan_link"`
		VLANMAC    string      `json:"vlan_mac_address"`
		BondLinks  []string    `json:"bond_links"`
		BondMode   string      `json:"bond_mode"`
		BondMiimon json.Number `json:"bond_miimon"`
		BondHash   string      `json:"bond_xmit_hash_policy"`
	} `json:"links"`
	Networks []struct {
		Type    string `json:"type"`
		Link    string `json:"link"`
		Address string `json:"ip_address"`
		Netmask string `json:"netmask"`
		Gateway string `json:"gateway"`
		Routes  []struct {
			Network string `json:"network"`
			Netmask string `json:"netmask"`
			Gateway string `json:"gateway"`
		} `json:"routes"`
		Services []openStackService `json:"services"`
		DNS      []string           `json:"dns_nameservers"`
	} `json:"networks"`
	Services []openStackService `json:"services"`
}

type openStackService struct {
	Type    string `json:"type"`
	Address string `json:"address"`
}

// NetworkFromOpenStack makes network-config, version 2, of an OpenStack
// network_data.json; of nothing it makes nothing. What is wrong in it is an error
// beside what is good.
func NetworkFromOpenStack(data []byte) ([]byte, error) {
	if len(strings.TrimSpace(string(data))) == 0 {
		return nil, nil
	}
	var in openStackNetwork
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("cannot read network_data.json: %w", err)
	}
	out := NewNetwork()
	names := map[string]string{} // of interfaces, by the id of their link
	for _, l := range in.Links {
		name := "id" + strconv.Itoa(len(names))
		names[l.ID] = name
		link := &Link{MTU: number(l.MTU)}
		switch l.Type {
		case "bond":
			link.Parameters = bondParameters(l.BondMode, number(l.BondMiimon), l.BondHash)
			link.MAC = l.MAC
			names[l.ID] = "bond" + strconv.Itoa(len(out.Bonds))
			out.Bonds[names[l.ID]] = link
			link.Interfaces = l.BondLinks // ids yet
		case "vlan":
			link.ID, link.Link, link.MAC = number(l.VLAN), l.VLANLink, l.VLANMAC
			names[l.ID] = out.vlanName(link.ID)
			out.VLANs[names[l.ID]] = link
		default:
			link.Match = &Match{MAC: strings.ToLower(l.MAC)}
			out.Ethernets[name] = link
		}
	}
	for _, b := range out.Bonds {
		for i, id := range b.Interfaces {
			b.Interfaces[i] = names[id]
		}
	}
	for _, v := range out.VLANs {
		v.Link = names[v.Link]
	}
	wrong := in.addresses(out, names)
	network, err := out.Marshal()
	return network, errors.Join(wrong, err)
}

// number is a whole number, 0 where none is said.
func number(n json.Number) int {
	i, err := strconv.Atoi(n.String())
	if err != nil {
		return 0
	}
	return i
}

// vlanName is a name for a VLAN: another link may have one of the same number.
func (n *Network) vlanName(id int) string {
	name := "vlan" + strconv.Itoa(id)
	for i := 1; n.VLANs[name] != nil; i++ {
		name = fmt.Sprintf("vlan%d-%d", id, i)
	}
	return name
}

func bondParameters(mode string, miimon int, hash string) map[string]any {
	p := map[string]any{}
	if mode != "" {
		p["mode"] = mode
	}
	if miimon > 0 {
		p["mii-monitor-interval"] = miimon
	}
	if hash != "" {
		p["transmit-hash-policy"] = hash
	}
	return p
}

// addresses puts the networks onto their links. What is wrong is left out.
func (in openStackNetwork) addresses(out *Network, names map[string]string) error {
	global := dnsOf(in.Services)
	var wrong []error
	for i, n := range in.Networks {
		l := out.link(names[n.Link])
		if l == nil {
			wrong = append(wrong, fmt.Errorf("network_data.json: networks.%d: there is no link %q", i, n.Link))
			continue
		}
		if err := l.addressed(n.Type, n.Address, n.Netmask); err != nil {
			wrong = append(wrong, fmt.Errorf("network_data.json: networks.%d: %w", i, err))
		}
		if n.Gateway != "" {
			l.Routes = append(l.Routes, Route{To: "default", Via: n.Gateway})
		}
		for _, r := range n.Routes {
			to, err := WithMask(r.Network, r.Netmask)
			if err != nil {
				wrong = append(wrong, fmt.Errorf("network_data.json: networks.%d: %w", i, err))
				continue
			}
			if to == "0.0.0.0/0" || to == "::/0" {
				to = "default"
			}
			l.Routes = append(l.Routes, Route{To: to, Via: r.Gateway})
		}
		l.AddDNS(slices.Concat(n.DNS, dnsOf(n.Services), global)...)
	}
	return errors.Join(wrong...)
}

// addressed gives a link the address of a network of OpenStack's, or has it asked for.
func (l *Link) addressed(kind, address, netmask string) error {
	yes, no := true, false
	switch {
	case kind == "ipv4_dhcp":
		l.DHCP4 = true
	case kind == "ipv6_slaac", kind == "ipv6_dhcpv6-stateless": // DHCP has no address then
		l.AcceptRA = &yes
	case strings.HasPrefix(kind, "ipv6_dhcp"):
		l.DHCP6, l.AcceptRA = true, &yes
	case address != "":
		prefix, err := WithMask(address, netmask)
		if err != nil {
			return err
		}
		l.Addresses = append(l.Addresses, prefix)
		// The cloud lets no packets of an address pass that it did not give.
		if strings.Contains(prefix, ":") && l.AcceptRA == nil {
			l.AcceptRA = &no
		}
	}
	return nil
}

func dnsOf(services []openStackService) []string {
	var all []string
	for _, s := range services {
		if s.Type == "dns" && s.Address != "" {
			all = append(all, s.Address)
		}
	}
	return all
}

// WithMask is an address with the length of its network: mask is an address
// (255.255.255.0, ffff:ffff::), a number, or empty when the address has it.
func WithMask(address, mask string) (string, error) {
	if strings.Contains(address, "/") {
		p, err := netip.ParsePrefix(address)
		if err != nil {
			return "", fmt.Errorf("%q is no address", address)
		}
		return p.String(), nil
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return "", fmt.Errorf("%q is no address", address)
	}
	bits, err := maskBits(mask, addr.BitLen())
	if err != nil {
		return "", err
	}
	return netip.PrefixFrom(addr, bits).String(), nil
}

func maskBits(mask string, whole int) (int, error) {
	if mask == "" {
		return whole, nil
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(mask, "/")); err == nil && n >= 0 && n <= whole {
		return n, nil
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || m.BitLen() != whole {
		return 0, fmt.Errorf("%q is no netmask", mask)
	}
	bits, ended := 0, false
	for _, b := range m.AsSlice() {
		for i := 7; i >= 0; i-- {
			switch set := b&(1<<i) != 0; {
			case set && ended:
				return 0, fmt.Errorf("%q is no netmask", mask)
			case set:
				bits++
			default:
				ended = true
			}
		}
	}
	return bits, nil
}
