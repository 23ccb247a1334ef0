package cloudconfig

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// cmdlineValue reads a scalar or a list in brackets. Colons, question marks and
// braces have no meaning on a command line, so maps cannot be written.
func cmdlineValue(s string) *yaml.Node {
	text := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if s == "" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return cmdlineList(s)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(s), &doc); err != nil || len(doc.Content) != 1 {
		return text
	}
	n := doc.Content[0]
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || isComment(&doc) || isComment(n) {
		return text
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: n.ShortTag(), Value: n.Value, Style: n.Style}
}

// isComment says that YAML took part of a value for a comment.
func isComment(n *yaml.Node) bool {
	return n.HeadComment != "" || n.LineComment != "" || n.FootComment != ""
}

// cmdlineList reads "[a, b]". Items are scalars; commas between quotes are text.
func cmdlineList(s string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	inner := s[1 : len(s)-1]
	if strings.TrimSpace(inner) == "" {
		return list
	}
	quote := rune(0)
	items := strings.FieldsFunc(inner, func(r rune) bool {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		default:
			return r == ','
		}
		return false
	})
	for _, i := range items {
		list.Content = append(list.Content, cmdlineItem(strings.TrimSpace(i)))
	}
	return list
}

// cmdlineItem is a scalar; brackets inside brackets are text.
func cmdlineItem(s string) *yaml.Node {
	if strings.HasPrefix(s, "[") {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	}
	return cmdlineValue(s)
}

func newMapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

// setKey sets a key of a map, in its place or at the end.
func setKey(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

func noteFile(n *yaml.Node, file string, files map[*yaml.Node]string) {
	files[n] = file
	for _, c := range n.Content {
		noteFile(c, file, files)
	}
}
