package cloudconfig

import (
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"
)

// Facts is what a datasource knows about the machine and layers may refer to;
// see [Substitute]. An empty fact is not known.
type Facts struct {
	PublicIPv4  string
	PrivateIPv4 string
	PublicIPv6  string
	PrivateIPv6 string
}

// factKeys are the names that datasources use, in the order in which they are
// looked for: ours, EC2's, those of RancherOS's own file of metadata.
var factKeys = map[string][]string{
	"public_ipv4":  {"public-ipv4", "publicipv4"},
	"private_ipv4": {"private-ipv4", "local-ipv4", "privateipv4"},
	"public_ipv6":  {"public-ipv6", "publicipv6", "ipv6"},
	"private_ipv6": {"private-ipv6", "local-ipv6", "privateipv6"},
}

// ParseFacts reads the facts in meta-data. What is absent, or is no address of
// its kind, is not known; whether meta-data can be read at all is for
// [ParseMetaData] to say.
func ParseFacts(data []byte) Facts {
	raw, _ := ParseLayer(layerMetaData, layerMetaData, jsonAsYAML(data))
	return Facts{
		PublicIPv4:  fact(raw.Doc.Root, "public_ipv4"),
		PrivateIPv4: fact(raw.Doc.Root, "private_ipv4"),
		PublicIPv6:  fact(raw.Doc.Root, "public_ipv6"),
		PrivateIPv6: fact(raw.Doc.Root, "private_ipv6"),
	}
}

// fact finds an address at the top of meta-data. Case and the choice of hyphen
// or underscore differ between datasources.
func fact(root *yaml.Node, name string) string {
	if root == nil {
		return ""
	}
	wanted := append([]string{name}, factKeys[name]...)
	for _, want := range wanted {
		for i := 0; i+1 < len(root.Content); i += 2 {
			if metaName(root.Content[i].Value) != metaName(want) {
				continue
			}
			if addr := address(root.Content[i+1], strings.HasSuffix(name, "6")); addr != "" {
				return addr
			}
		}
	}
	return ""
}

// address takes the first address of a family of a text or a list; EC2 separates
// several by spaces.
func address(n *yaml.Node, ipv6 bool) string {
	candidates := strings.Fields(n.Value)
	for _, item := range n.Content {
		candidates = append(candidates, item.Value)
	}
	for _, c := range candidates {
		c, _, _ = strings.Cut(c, "/")
		if addr, err := netip.ParseAddr(c); err == nil && addr.Zone() == "" && addr.Is6() == ipv6 {
			return addr.String()
		}
	}
	return ""
}

// named is the value of a fact by its name in references.
func (f Facts) named(name string) string {
	switch name {
	case "public_ipv4":
		return f.PublicIPv4
	case "private_ipv4":
		return f.PrivateIPv4
	case "public_ipv6":
		return f.PublicIPv6
	}
	return f.PrivateIPv6
}
