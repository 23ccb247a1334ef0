package cloudconfig

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// How far the values of a map and the items of a list are indented where the
// text has no example.
const defaultStep = 2

// indentation is how a text is indented.
type indentation struct {
	maps  int // a map within a map
	lists int // the dashes of a list within a map
}

// indentation is that of the first map and the first list within maps.
func (e *editor) indentation() indentation {
	in := indentation{maps: -1, lists: -1}
	in.look(e.root)
	if in.maps < 2 || in.maps > 9 {
		in.maps = defaultStep
	}
	if in.lists < 0 || in.lists > 9 {
		in.lists = in.maps
	}
	return in
}

// look takes the first examples below a node, and reports whether it has both.
func (in *indentation) look(n *yaml.Node) bool {
	if isFlow(n) || !isCollection(n) {
		return false
	}
	for i, v := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && !isFlow(v) && len(v.Content) > 0 {
			step := v.Content[0].Column - n.Content[0].Column
			switch {
			case v.Kind == yaml.MappingNode && in.maps < 0:
				in.maps = step
			case v.Kind == yaml.SequenceNode && in.lists < 0 && v.Anchor == "":
				in.lists = v.Column - n.Content[0].Column
			}
		}
		if in.maps >= 0 && in.lists >= 0 || in.look(v) {
			return true
		}
	}
	return false
}

func encodeIndented(n *yaml.Node, step int) (string, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(step)
	if err := enc.Encode(encodable(n, false)); err != nil {
		return "", fmt.Errorf("cannot write YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return "", fmt.Errorf("cannot write YAML: %w", err)
	}
	return b.String(), nil
}

// encodable mends what the encoder would write as something else: nothing
// between brackets, which would become an empty text, and "<<" as a text.
func encodable(n *yaml.Node, flow bool) *yaml.Node {
	c := *n
	switch {
	case flow && isNull(n) && n.Value == "":
		c.Value = "null"
	case n.Value == "<<" && n.ShortTag() == "!!str" && n.Style&^yaml.TaggedStyle == 0:
		c.Style |= yaml.DoubleQuotedStyle
	}
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, v := range n.Content {
		c.Content[i] = encodable(v, flow || isFlow(n))
	}
	return &c
}

// pairLines are the lines of a key and its value; their indentation counts from
// that of the key.
func (e *editor) pairLines(key, value *yaml.Node) []string {
	k, v := *key, *value
	k.FootComment, v.FootComment, k.Anchor = "", "", ""
	k.Style &= yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle
	if strings.Contains(k.Value, "\n") {
		k.Style = yaml.DoubleQuotedStyle
	}
	lines := e.encoded(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{&k, e.written(&v)}})
	if v.Kind == yaml.SequenceNode && !isFlow(&v) && len(v.Content) > 0 {
		for i, line := range lines {
			if rest, ok := strings.CutPrefix(line, strings.Repeat(" ", e.indent.maps)); ok {
				lines[i] = strings.Repeat(" ", e.indent.lists) + rest
			}
		}
	}
	return lines
}

// itemLines are the lines of an item; their indentation counts from its dash.
func (e *editor) itemLines(value *yaml.Node) []string {
	v := *value
	v.FootComment = ""
	return e.encoded(&yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{e.written(&v)}})
}

// valueLines are the lines of the value of a key or an item. The first begins
// behind the colon or the dash; the others count their indentation from what is
// before these.
func (e *editor) valueLines(r valueRef, value *yaml.Node) (first string, more []string) {
	v := *value
	v.HeadComment, v.LineComment = "", ""
	var lines []string
	if r.holder.Kind == yaml.SequenceNode {
		lines = e.itemLines(&v)
	} else {
		lines = e.pairLines(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "k"}, &v)
	}
	if len(lines) == 0 || e.odd {
		return "", nil
	}
	first = strings.TrimPrefix(strings.TrimPrefix(lines[0], "k:"), "-")
	return strings.TrimLeft(first, " "), lines[1:]
}

func (e *editor) encoded(n *yaml.Node) []string {
	text, err := encodeIndented(n, e.indent.maps)
	if err != nil {
		e.odd = true
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if last := len(lines) - 1; last > 0 && lines[last] == "" && endsFolded(n) {
		lines = lines[:last]
	}
	return lines
}

// endsFolded says that a value ends with a folded text that ends with one line break:
// the encoder writes a blank line behind it that means nothing.
func endsFolded(n *yaml.Node) bool {
	for isCollection(n) && len(n.Content) > 0 {
		n = n.Content[len(n.Content)-1]
	}
	return n.Kind == yaml.ScalarNode && n.Style&yaml.FoldedStyle != 0 && strings.HasSuffix(n.Value, "\n") && !endsBlank(n.Value)
}

// written is a value in the form in which it can stand in lines. A text that ends
// with blank lines would take those that stand below it.
func (e *editor) written(n *yaml.Node) *yaml.Node {
	if e.plain {
		return safeTree(n)
	}
	c := *n
	if n.Kind == yaml.ScalarNode && endsBlank(n.Value) {
		c.Style = c.Style&yaml.TaggedStyle | yaml.DoubleQuotedStyle
	}
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, v := range n.Content {
		c.Content[i] = e.written(v)
	}
	return &c
}

// safeTree is a tree without what can go wrong when it is written: comments,
// and texts over several lines.
func safeTree(n *yaml.Node) *yaml.Node {
	c := withoutComments(n)
	for i, v := range c.Content {
		c.Content[i] = safeTree(v)
	}
	if c.Kind == yaml.ScalarNode && (isBlockScalar(c) || strings.ContainsAny(c.Value, "\n\r\t\u0085\u2028\u2029")) {
		c.Style = c.Style&yaml.TaggedStyle | yaml.DoubleQuotedStyle
	}
	return c
}

// flowText is a value as it can stand between brackets.
func (e *editor) flowText(n *yaml.Node) string {
	text, err := encodeIndented(&yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle, Content: []*yaml.Node{flowTree(n)}}, defaultStep)
	text = strings.TrimSuffix(text, "\n")
	if err != nil || len(text) < 2 || strings.Contains(text, "\n") {
		e.odd = true
		return ""
	}
	return text[1 : len(text)-1]
}

func flowTree(n *yaml.Node) *yaml.Node {
	c := safeTree(n)
	for i, v := range c.Content {
		c.Content[i] = flowTree(v)
	}
	if isCollection(c) {
		c.Style |= yaml.FlowStyle
	}
	return c
}

// inQuotesOf lets a text keep the kind of quotes that the text before it had.
func inQuotesOf(old, value *yaml.Node) *yaml.Node {
	quotes := old.Style & (yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle)
	if old.Kind != yaml.ScalarNode || quotes == 0 || value.Kind != yaml.ScalarNode || value.Style != 0 ||
		value.Tag != "!!str" || strings.ContainsAny(value.Value, "\n\r\t\\'\"") {
		return value
	}
	v := *value
	v.Style = quotes
	return &v
}
