package cloudconfig

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// itemKeys are the keys of each kind of item of version 1; those before the bar
// must be there.
func itemKeys() map[string]string {
	return map[string]string{
		"physical":   "name | mac_address mtu subnets accept-ra accept_ra keep_configuration",
		"loopback":   "name | mtu subnets",
		"infiniband": "name | mac_address mtu subnets accept-ra accept_ra keep_configuration",
		"bond":       "name | bond_interfaces params mac_address mtu subnets accept-ra accept_ra",
		"bridge":     "name bridge_interfaces | params mac_address mtu subnets accept-ra accept_ra",
		"vlan":       "name vlan_link vlan_id | mac_address mtu subnets accept-ra accept_ra",
		"nameserver": "address | search interface",
		"route":      "gateway | destination network netmask metric",
	}
}

// version1 looks at the items as they are written: also at those that decoding
// had to leave out.
func (c *networkCheck) version1() {
	list := lookup(c.root, []string{"config"})
	switch {
	case list == nil:
		c.fail(nil, `key "config" is missing`, "a list of interfaces, name servers and routes")
		return
	case list.Kind != yaml.SequenceNode:
		return // told by decoding
	}
	l := links{where: map[string]Pos{}, taken: map[string]string{}}
	all, kinds := newShape(reflect.TypeFor[NetworkItem](), rules{}).fields(), itemKeys()
	for i, n := range list.Content {
		at := itemPath(i)
		c.itemKeys(n, at, all, kinds[textOf(n, "type")])
		if name := mappingValue(n, "name"); name != nil && name.Value != "" {
			c.define(&l, name.Value, name, below(at, "name"))
		}
	}
	for i, n := range list.Content {
		c.item(&l, n, itemPath(i))
	}
}

func itemPath(i int) []string { return []string{"config", strconv.Itoa(i)} }

func below(at []string, keys ...string) []string { return slices.Concat(at, keys) }

// textOf is the text at a key of a map, "" when it has none.
func textOf(n *yaml.Node, key string) string {
	if v := mappingValue(n, key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// itemsOf is the list at a key of a map.
func itemsOf(n *yaml.Node, key string) []*yaml.Node {
	if v := mappingValue(n, key); v != nil && v.Kind == yaml.SequenceNode {
		return v.Content
	}
	return nil
}

// itemKeys checks which keys an item has: keys are those of its kind.
func (c *networkCheck) itemKeys(n *yaml.Node, at []string, all fields, keys string) {
	if keys == "" || n.Kind != yaml.MappingNode {
		return // told by decoding
	}
	required, also, _ := strings.Cut(keys, " | ")
	must := strings.Fields(required)
	for _, key := range must {
		if isUnset(mappingValue(n, key)) {
			c.fail(at, fmt.Sprintf("key %q is missing, which a %s must have", key, textOf(n, "type")), "")
		}
	}
	may := append(append(must, strings.Fields(also)...), "type", "id")
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if _, isKey := all.byKey[key]; isKey && !slices.Contains(may, key) {
			c.failAt(n.Content[i], below(at, key), "has no meaning for a "+textOf(n, "type"), "")
		}
	}
}

func (c *networkCheck) item(l *links, n *yaml.Node, at []string) {
	switch textOf(n, "type") {
	case "bond":
		c.params(bondParams1(), "bond_", below(at, "params"))
		c.parts(l, textOf(n, "name"), below(at, "bond_interfaces"))
	case "bridge":
		c.params(bridgeParams1(), "bridge_", below(at, "params"))
		c.parts(l, textOf(n, "name"), below(at, "bridge_interfaces"))
	case "vlan":
		c.refer(l, textOf(n, "vlan_link"), below(at, "vlan_link"))
	case "nameserver":
		name := textOf(n, "interface")
		if _, defined := l.where[name]; !defined && name != "" {
			c.fail(below(at, "interface"), fmt.Sprintf("interface %q is not defined here", name), "")
		}
	case "route":
		c.destination(n, at)
	}
	for i, s := range itemsOf(n, "subnets") {
		c.subnet(s, below(at, "subnets", strconv.Itoa(i)))
	}
}

func (c *networkCheck) destination(n *yaml.Node, at []string) {
	if textOf(n, "destination") == "" && textOf(n, "network") == "" {
		c.fail(at, `key "destination" is missing, which a route must have`, "")
	}
}

func (c *networkCheck) subnet(n *yaml.Node, at []string) {
	kind, address := textOf(n, "type"), textOf(n, "address")
	static := kind == "static" || kind == "static6"
	switch {
	case static && address == "":
		c.fail(at, fmt.Sprintf("key \"address\" is missing, which type %s must have", kind), "")
	case static && !strings.Contains(address, "/") && textOf(n, "netmask") == "":
		c.warn(below(at, "address"), "has no length of its network", "such as "+address+"/24")
	}
	for i, r := range itemsOf(n, "routes") {
		c.destination(r, below(at, "routes", strconv.Itoa(i)))
	}
}
