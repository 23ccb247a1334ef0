package cloudconfig

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Origin is what one layer said about a value.
type Origin struct {
	Layer string `json:"layer"`
	Pos   Pos    `json:"pos"`
	Value string `json:"value"` // on one line; secrets are redacted
}

// Get returns the effective value at a path; no path is the whole tree. Items of
// lists are counted from 0. The node must not be changed.
func (m Merged) Get(path ...string) (*yaml.Node, bool) {
	n := lookup(m.Doc.Root, path)
	return n, n != nil
}

// Origins tells which layers spoke about a path, lowest first. The last one is
// where the effective value comes from, or who removed it.
func (m Merged) Origins(path ...string) []Origin {
	var chain []Origin
	var below *yaml.Node // what the layer below wrote, of those that spoke
	for _, l := range m.layers {
		n, depth := deepest(l.Doc.Root, path)
		if n == nil || depth < len(path) && n.Kind == yaml.MappingNode && !replacesList(below, path[:depth]) {
			continue
		}
		below = l.Doc.Root
		o := Origin{Layer: l.Name, Pos: l.Doc.Pos(n), Value: "(removed)"}
		if depth == len(path) && (!isNull(n) || nullHasMeaning(path)) {
			o.Value = oneLine(redact(n, schemaRoot.below(path...)))
		}
		chain = append(chain, o)
	}
	return chain
}

// replacesList says that a map at a path stands where there was a list: what the
// path leads to below it is gone.
func replacesList(root *yaml.Node, path []string) bool {
	n := lookup(root, path)
	return n != nil && n.Kind == yaml.SequenceNode
}

// pos is the position of a value, or of the innermost one around it.
func (m Merged) pos(path []string) Pos {
	n, _ := deepest(m.Doc.Root, path)
	if n == m.Doc.Root && len(path) > 0 {
		return Pos{}
	}
	return m.Doc.Pos(n)
}

func lookup(n *yaml.Node, path []string) *yaml.Node {
	n, depth := deepest(n, path)
	if depth < len(path) {
		return nil
	}
	return n
}

// deepest walks down a path as far as it leads.
func deepest(n *yaml.Node, path []string) (found *yaml.Node, depth int) {
	for depth < len(path) {
		next := child(n, path[depth])
		if next == nil {
			break
		}
		n = next
		depth++
	}
	return n, depth
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return mappingValue(n, key)
	}
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= len(n.Content) {
		return nil
	}
	return n.Content[i]
}

// Render writes a value for a person: a scalar as its plain text, maps and
// lists as YAML. It ends with a newline.
func Render(n *yaml.Node) (string, error) {
	switch {
	case n == nil || isNull(n):
		return "\n", nil
	case n.Kind == yaml.ScalarNode:
		return strings.TrimSuffix(n.Value, "\n") + "\n", nil
	}
	text, err := encode(withoutComments(n))
	return string(text), err
}

func encode(n *yaml.Node) ([]byte, error) {
	text, err := encodeIndented(n, defaultStep)
	return []byte(text), err
}

func withoutComments(n *yaml.Node) *yaml.Node {
	c := *n
	c.HeadComment, c.LineComment, c.FootComment = "", "", ""
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, v := range n.Content {
		c.Content[i] = withoutComments(v)
	}
	return &c
}

const longestLine = 200

func oneLine(n *yaml.Node) string {
	flow := *withoutComments(n)
	flow.Style = yaml.FlowStyle
	text := flow.Value
	if flow.Kind != yaml.ScalarNode {
		if out, err := encode(&flow); err == nil {
			text = string(out)
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longestLine {
		text = strings.ToValidUTF8(text[:longestLine], "") + "…"
	}
	return text
}
