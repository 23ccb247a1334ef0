package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// want is what one link should be.
type want struct {
	Name      string         `json:"name"`
	MTU       int            `json:"mtu,omitempty"`
	Master    string         `json:"master,omitempty"` // the bridge or bond that it is a port of
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	Gateways  []netip.Addr   `json:"gateways,omitempty"`
	DHCP      bool           `json:"dhcp,omitempty"`
	DHCPArgs  string         `json:"dhcp_args,omitempty"`
	IPv4LL    bool           `json:"ipv4ll,omitempty"`
	PreUp     []string       `json:"pre_up,omitempty"`
	PostUp    []string       `json:"post_up,omitempty"`
}

// addressed says whether the link is to have an address at all.
func (w want) addressed() bool { return w.DHCP || w.IPv4LL || len(w.Addresses) > 0 }

// byDHCPCD says whether dhcpcd has work on the link.
func (w want) byDHCPCD() bool { return w.DHCP || w.IPv4LL }

// desire turns the entries into what each existing link should be. A value that
// cannot be understood is left out and told; the rest of its link is made.
func desire(entries map[string]cloudconfig.Interface, links []link) (wants []want, problems []string) {
	for _, l := range links {
		entry, ok := match(entries, l)
		if !ok {
			continue
		}
		w, bad := desireLink(l.Name, entry)
		wants, problems = append(wants, w), append(problems, bad...)
	}
	slices.SortFunc(wants, func(a, b want) int { return strings.Compare(a.Name, b.Name) })
	return wants, problems
}

// wantsAddresses says whether any link is to have an address, once it is there.
func wantsAddresses(entries map[string]cloudconfig.Interface) bool {
	for name, entry := range entries {
		if w, _ := desireLink(name, entry); w.addressed() {
			return true
		}
	}
	return false
}

func desireLink(name string, entry cloudconfig.Interface) (w want, problems []string) {
	w = want{Name: name, MTU: entry.MTU, PreUp: entry.PreUp, PostUp: entry.PostUp, Master: masterOf(name, entry)}
	if w.Master != "" {
		return w, nil // a port has no address of its own
	}
	w.DHCP, w.DHCPArgs, w.IPv4LL = entry.DHCP, entry.DHCPArgs, entry.IPV4LL
	for _, text := range append([]string{entry.Address}, entry.Addresses...) {
		if text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: cannot use address %q: it must look like 192.0.2.7/24", name, text))
			continue
		}
		// The loopback has its own addresses from the kernel as soon as it is up.
		if !prefix.Addr().IsLoopback() && !slices.Contains(w.Addresses, prefix) {
			w.Addresses = append(w.Addresses, prefix)
		}
	}
	for _, text := range []string{entry.Gateway, entry.GatewayIPv6} {
		if text == "" {
			continue
		}
		gateway, err := netip.ParseAddr(text)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: cannot use gateway %q: it must be an IP address", name, text))
			continue
		}
		w.Gateways = append(w.Gateways, gateway)
	}
	return w, problems
}

// masterOf is the bridge or bond that a link is made a port of.
func masterOf(name string, entry cloudconfig.Interface) string {
	for _, master := range []string{entry.Bond, entry.Bridge} {
		if master != "" && master != name && !isTrue(master) && !isFalse(master) {
			return master
		}
	}
	return ""
}

// isTrue says that "bridge: true" was written: this entry is the bridge.
func isTrue(s string) bool { b, err := strconv.ParseBool(s); return err == nil && b }

func isFalse(s string) bool { b, err := strconv.ParseBool(s); return err == nil && !b }

// vlan is one VLAN on top of a link.
type vlan struct {
	Parent string
	ID     int
	Name   string
}

// parseVlans reads "100,200:name": VLAN 100 named PARENT.100, and VLAN 200 named
// "name".
func parseVlans(parent, text string) (vlans []vlan, problems []string) {
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		number, name, named := strings.Cut(part, ":")
		id, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || id < 1 || id > 4094 {
			problems = append(problems, fmt.Sprintf("%s: cannot use VLAN %q: its number must be 1 to 4094", parent, part))
			continue
		}
		if name = strings.TrimSpace(name); !named || name == "" {
			name = parent + "." + strconv.Itoa(id)
		}
		if !validName(name) {
			problems = append(problems, fmt.Sprintf("%s: cannot use VLAN %q: %q is no name of an interface", parent, part, name))
			continue
		}
		vlans = append(vlans, vlan{Parent: parent, ID: id, Name: name})
	}
	return vlans, problems
}

// validName is the kernel's rule: 1 to 15 bytes, no slash, colon or space.
func validName(name string) bool {
	return name != "" && len(name) < 16 && name != "." && name != ".." && !strings.ContainsAny(name, "/: \t\n\v\f\r\x00")
}

// virtual is the links that the configuration wants to exist.
type virtual struct {
	Bridges []string
	Bonds   map[string]map[string]string // name to options
	Vlans   []vlan
}

// desireVirtual collects the bridges, bonds and VLANs that the entries name.
// VLANs are wanted on links that exist.
func desireVirtual(entries map[string]cloudconfig.Interface, links []link) (v virtual, problems []string) {
	v.Bonds = map[string]map[string]string{}
	for _, key := range sortedKeys(entries) {
		entry := entries[key]
		if name := made(key, entry.Bridge); name != "" && !slices.Contains(v.Bridges, name) {
			v.Bridges = append(v.Bridges, name)
		}
		if name := made(key, entry.Bond); name != "" {
			v.Bonds[name] = entries[name].BondOpts
		} else if len(entry.BondOpts) > 0 {
			v.Bonds[key] = entry.BondOpts
		}
	}
	for _, l := range links {
		entry, ok := match(entries, l)
		if !ok || entry.Vlans == "" || l.Kind == "vlan" {
			continue
		}
		vlans, bad := parseVlans(l.Name, entry.Vlans)
		v.Vlans, problems = append(v.Vlans, vlans...), append(problems, bad...)
	}
	slices.Sort(v.Bridges)
	return v, problems
}

// made is the name of the bridge or bond that a value asks for: the entry's own
// key for "true", else the name itself.
func made(key, value string) string {
	switch {
	case value == "" || isFalse(value):
		return ""
	case isTrue(value):
		return key
	}
	return value
}
