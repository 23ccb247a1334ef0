package cloudconfig

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// networkFile is a document whose content stands below the key "network".
type networkFile struct {
	Network NetworkConfig `yaml:"network"`
}

// ParseNetworkConfig reads a document of cloud-init's network-config, version 1
// or 2, with or without the key "network" around it. The report has every
// problem: what [NetworkConfig] says about single values, and what one part of
// the document says about another. Values with an error are left out.
func ParseNetworkConfig(file string, data []byte) (NetworkConfig, Report) {
	l, report := ParseLayer("network-config", file, data)
	root := l.Doc.Root
	if root == nil {
		return NetworkConfig{}, report
	}
	d := decoder{doc: l.Doc, whole: true, report: report}
	c := networkCheck{doc: l.Doc, root: root}
	var out networkFile
	if inner := mappingValue(root, "network"); inner != nil {
		d.structure(root, reflect.ValueOf(&out).Elem(), newSpot(reflect.TypeFor[networkFile]()))
		c.root, c.around = inner, []string{"network"}
	} else {
		d.structure(root, reflect.ValueOf(&out.Network).Elem(), newSpot(reflect.TypeFor[NetworkConfig]()))
	}
	c.check(out.Network)
	return out.Network, append(d.report, c.report...)
}

func newSpot(t reflect.Type) *spot { return &spot{place: place{shape: newShape(t, rules{})}} }

// networkCheck looks for what parts of a network configuration say about each
// other.
type networkCheck struct {
	doc    Document
	root   *yaml.Node
	around []string // keys around root
	report Report
}

func (c *networkCheck) check(n NetworkConfig) {
	version := mappingValue(c.root, "version")
	switch {
	case c.root.Kind != yaml.MappingNode || n.Config.Disabled:
	case version == nil && c.has(linkKinds):
		c.warn(nil, `key "version" is missing: it is taken for version 2`, "write version: 2")
		c.version2(n)
	case version == nil:
		c.fail(nil, `key "version" is missing`, "1 for a list of things below config, 2 for netplan's keys")
	case n.Version == 1:
		c.belong(2, "version", "config")
		c.version1()
	case n.Version == 2:
		c.belong(1, c.keysBut("config")...)
		c.version2(n)
	}
}

// has says whether the document has one of some keys.
func (c *networkCheck) has(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return mappingValue(c.root, key) != nil })
}

// keysBut are the keys of the document without one.
func (c *networkCheck) keysBut(key string) []string {
	var keys []string
	for i := 0; i+1 < len(c.root.Content); i += 2 {
		keys = append(keys, c.root.Content[i].Value)
	}
	return slices.DeleteFunc(keys, func(k string) bool { return k == key })
}

// belong reports known keys that are none of those of this version.
func (c *networkCheck) belong(other int, keys ...string) {
	all := newShape(reflect.TypeFor[NetworkConfig](), rules{}).fields()
	for i := 0; i+1 < len(c.root.Content); i += 2 {
		key := c.root.Content[i].Value
		if _, known := all.byKey[key]; known && !slices.Contains(keys, key) {
			c.failAt(c.root.Content[i], []string{key}, fmt.Sprintf("belongs to version %d", other), "")
		}
	}
}

// fail reports an error about the value at a path, or about what is around it.
func (c *networkCheck) fail(path []string, msg, hint string) {
	n, _ := deepest(c.root, path)
	c.failAt(n, path, msg, hint)
}

func (c *networkCheck) failAt(n *yaml.Node, path []string, msg, hint string) {
	c.add(Error, n, path, msg, hint)
}

func (c *networkCheck) warn(path []string, msg, hint string) {
	n, _ := deepest(c.root, path)
	c.add(Warning, n, path, msg, hint)
}

func (c *networkCheck) add(s Severity, n *yaml.Node, path []string, msg, hint string) {
	c.report = append(c.report, Problem{
		Pos: c.doc.Pos(n), Path: JoinPath(slices.Concat(c.around, path)...), Msg: msg, Hint: hint, Severity: s,
	})
}

// links are the interfaces of a document by name, and what has taken them.
type links struct {
	where map[string]Pos    // of the definition
	taken map[string]string // by which bond or bridge
}

// define notes an interface, unless there is one of that name.
func (c *networkCheck) define(l *links, name string, n *yaml.Node, path []string) {
	if first, twice := l.where[name]; twice {
		c.failAt(n, path, fmt.Sprintf("%q is defined twice, first at %s", name, first), "give one of them another name")
		return
	}
	l.where[name] = c.doc.Pos(n)
}

// parts checks what a bond or a bridge is made of: the list at a path.
func (c *networkCheck) parts(l *links, owner string, at []string) {
	list := lookup(c.root, at)
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	for i, n := range list.Content {
		name, at := n.Value, below(at, strconv.Itoa(i))
		switch other, taken := l.taken[name]; {
		case name == owner:
			c.fail(at, fmt.Sprintf("%q cannot be a part of itself", name), "")
		case taken:
			c.fail(at, fmt.Sprintf("%q is a part of %q already", name, other), "")
		default:
			l.taken[name] = owner
			c.refer(l, name, at)
		}
	}
}

// refer warns of the name of an interface that is not defined: it may be there
// by itself, but it may be a typing error as well.
func (c *networkCheck) refer(l *links, name string, at []string) {
	if _, defined := l.where[name]; defined || name == "" {
		return
	}
	hint := ""
	var names []string
	for known := range l.where {
		names = append(names, known)
	}
	slices.Sort(names)
	if near := Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	c.warn(at, fmt.Sprintf("interface %q is not defined here", name), hint)
}

// params checks the names of a bond's or bridge's parameters, and those values
// that are words.
func (c *networkCheck) params(table map[string][]string, prefix string, path []string) {
	n := lookup(c.root, path)
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := below(path, key.Value)
		words, known := table[plainParam(key.Value, prefix)]
		switch {
		case slices.Contains(bridgeVlanParams, key.Value) && prefix == "":
			c.add(Warning, key, at, "is ignored: "+notYet, "")
		case !known:
			c.failAt(key, at, "unknown key", c.nearestParam(key.Value, table, prefix))
		case words != nil && value.Kind == yaml.ScalarNode && !isNull(value) && !slices.Contains(words, value.Value):
			c.failAt(value, at, fmt.Sprintf("%s %q is not known", key.Value, value.Value), "one of "+strings.Join(words, ", "))
		}
	}
}

// plainParam takes off the prefix of a parameter, which version 1 has.
func plainParam(key, prefix string) string {
	if prefix == "" {
		return key
	}
	return strings.TrimPrefix(strings.ReplaceAll(key, "-", "_"), prefix)
}

func (c *networkCheck) nearestParam(key string, table map[string][]string, prefix string) string {
	var names []string
	for name := range table {
		names = append(names, prefix+name)
	}
	slices.Sort(names)
	if near := Nearest(key, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
