package cloudconfig

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// newValue reads a value for a path as a person types it.
func newValue(path []string, value string) *yaml.Node {
	p := schemaRoot.below(path...)
	if value == "null" || value == "~" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	n := parseValue(value)
	switch {
	case n == nil:
	case p.isText() && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0:
	case n.Kind == yaml.ScalarNode && (n.Style != 0 || !strings.Contains(value, "\n")):
		return n
	case n.Kind != yaml.ScalarNode && (n.Style&yaml.FlowStyle != 0 || p.isContainer()):
		return n
	}
	return newText(value)
}

func newText(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.Contains(s, "\n") && needsEscapes(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// needsEscapes says that a text of several lines would change as a block.
func needsEscapes(s string) bool {
	return strings.Trim(s, " \t\n") != strings.TrimSuffix(s, "\n") || strings.ContainsAny(s, "\r\t") || endsBlank(s)
}

// endsBlank says that a text ends with a line that is blank.
func endsBlank(s string) bool {
	return strings.HasSuffix(s, "\n") && (s == "\n" || strings.HasSuffix(s, "\n\n"))
}

// parseValue reads one YAML value; nil is "this is a text".
func parseValue(s string) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(s), &doc); err != nil || len(doc.Content) != 1 {
		return nil
	}
	r := resolver{files: map[*yaml.Node]string{}, expanding: map[*yaml.Node]bool{}}
	root := doc.Content[0]
	n := r.resolve(root, 1)
	switch {
	case n == nil || len(r.report) > 0:
		return nil
	case n.Kind != yaml.ScalarNode:
		return n
	case n.Value == "" && n.Style == 0: // null without a word for it, such as "!", which locks a password
		return nil
	case root.Anchor != "" || isComment(n) || isComment(&doc) || !strings.HasPrefix(n.ShortTag(), "!!"):
		return nil
	}
	return n
}
