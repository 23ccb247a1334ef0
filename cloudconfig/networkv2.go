package cloudconfig

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// linkKinds are the keys of version 2 that have interfaces below them.
var linkKinds = []string{"ethernets", "bonds", "bridges", "vlans", "wifis", "tunnels", "vrfs", "dummy-devices"}

func (c *networkCheck) version2(n NetworkConfig) {
	l := links{where: map[string]Pos{}, taken: map[string]string{}}
	c.renderer(n.Renderer, []string{"renderer"})
	for _, kind := range linkKinds {
		devices := mappingValue(c.root, kind)
		if devices == nil || devices.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(devices.Content); i += 2 {
			key := devices.Content[i]
			c.define(&l, key.Value, key, []string{kind, key.Value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.Ethernets)) {
		c.ethernet(n.Ethernets[name], []string{"ethernets", name})
	}
	for _, name := range slices.Sorted(maps.Keys(n.Bonds)) {
		at := []string{"bonds", name}
		c.link(n.Bonds[name].LinkConfig, at)
		c.params(bondParams2(), "", below(at, "parameters"))
		c.parts(&l, name, below(at, "interfaces"))
	}
	for _, name := range slices.Sorted(maps.Keys(n.Bridges)) {
		at := []string{"bridges", name}
		c.link(n.Bridges[name].LinkConfig, at)
		c.params(bridgeParams2(), "", below(at, "parameters"))
		c.parts(&l, name, below(at, "interfaces"))
	}
	for _, name := range slices.Sorted(maps.Keys(n.Vlans)) {
		at := []string{"vlans", name}
		c.link(n.Vlans[name].LinkConfig, at)
		c.refer(&l, n.Vlans[name].Link, below(at, "link"))
	}
}

func (c *networkCheck) ethernet(e Ethernet, at []string) {
	c.link(e.LinkConfig, at)
	if e.SetName != "" && mappingValue(lookup(c.root, at), "match") == nil {
		c.fail(below(at, "set-name"), "a name can only be given to an interface that is matched", "write match with a macaddress")
	}
}

// link checks what every kind of interface has.
func (c *networkCheck) link(l LinkConfig, at []string) {
	c.renderer(l.Renderer, below(at, "renderer"))
	if a, err := netip.ParseAddr(l.Gateway4); err == nil && !a.Is4() {
		c.fail(below(at, "gateway4"), fmt.Sprintf("%q is not an IPv4 address", l.Gateway4), "write gateway6")
	}
	if (l.Gateway4 != "" || l.Gateway6 != "") && len(l.Addresses) == 0 && !l.DHCP4 && !l.DHCP6 {
		key := "gateway4"
		if l.Gateway4 == "" {
			key = "gateway6"
		}
		c.warn(below(at, key), "without an address the router cannot be reached", "write addresses")
	}
	for i, r := range l.Routes {
		route := below(at, "routes", strconv.Itoa(i))
		if r.Via == "" && r.Scope != "link" && (r.Type == "" || r.Type == "unicast") {
			c.warn(route, "the route has no router", "write via, or scope: link")
		}
	}
}

func (c *networkCheck) renderer(name string, at []string) {
	if name != "" && name != "networkd" && name != "NetworkManager" {
		c.fail(at, fmt.Sprintf("renderer %q is not known", name), "one of networkd, NetworkManager")
	}
}
