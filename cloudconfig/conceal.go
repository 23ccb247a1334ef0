package cloudconfig

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// ConcealSecrets returns the text of a layer with its secrets replaced. It has
// the same lines: what is written where, and comments, can still be seen. Where
// it is not certain what belongs to a secret, too much is replaced. A text that
// does not parse is an error: its secrets cannot be told from the rest.
func ConcealSecrets(doc []byte) ([]byte, error) {
	return concealed(doc, func(*yaml.Node) place { return schemaRoot })
}

// concealed is [ConcealSecrets] for a document whose content stands at a place of
// the schema.
func concealed(doc []byte, at func(*yaml.Node) place) ([]byte, error) {
	if _, report := ParseLayer("", "document", doc); report.Err() != nil {
		return nil, fmt.Errorf("cannot tell what is secret in a text that is not valid: %w", report.Err())
	}
	text := bytes.ReplaceAll(doc, []byte("\r\n"), []byte("\n"))
	if bytes.ContainsRune(text, '\r') {
		return nil, errors.New("cannot tell what is secret in a text with line breaks of old Macs")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("cannot read YAML: %w", err)
	}
	c := concealer{secret: map[*yaml.Node]bool{}, lines: strings.Split(string(text), "\n")}
	for _, n := range root.Content {
		c.find(n, at(n))
		c.list(n)
	}
	for i, n := range slices.Backward(c.nodes) { // from the end: columns before stay right
		if c.secret[n] {
			c.hide(n, c.nodes[i+1:])
		}
	}
	return []byte(strings.Join(c.lines, "\n")), nil
}

// concealer replaces secrets in the lines of a text.
type concealer struct {
	secret map[*yaml.Node]bool
	nodes  []*yaml.Node // as they stand in the text
	lines  []string
}

// find looks for secrets, through aliases and merge keys too: what is secret in
// one of the places where it is used is secret.
func (c *concealer) find(n *yaml.Node, p place) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode {
		if (p.secret || withoutPassword(n.Value) != n.Value) && n.Value != "" && !isNull(n) {
			c.secret[n] = true
		}
		return
	}
	for i, v := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			c.find(v, p.child(""))
		case i%2 == 0:
		case n.Content[i-1].ShortTag() == "!!merge":
			c.findMerged(v, p)
		default:
			c.find(v, p.child(n.Content[i-1].Value))
		}
	}
}

// findMerged looks into what a merge key names: a map, or a list of maps, with
// the keys of the map around it.
func (c *concealer) findMerged(v *yaml.Node, p place) {
	if v.Kind != yaml.SequenceNode {
		c.find(v, p)
		return
	}
	for _, item := range v.Content {
		c.find(item, p)
	}
}

// list notes every node that stands somewhere in the text.
func (c *concealer) list(n *yaml.Node) {
	c.nodes = append(c.nodes, n)
	for _, v := range n.Content {
		c.list(v)
	}
}

// hide replaces one scalar, up to the node behind it.
func (c *concealer) hide(n *yaml.Node, behind []*yaml.Node) {
	last, end := len(c.lines)+1, 0 // line and length of what comes before the next node
	for _, next := range behind {
		if next.Line > n.Line || next.Line == n.Line && next.Column > n.Column {
			last, end = next.Line, next.Column-1
			break
		}
	}
	line := []rune(c.lines[n.Line-1])
	rest := ""
	if last == n.Line && end > 0 {
		rest = " " + string(line[end:])
	}
	c.lines[n.Line-1] = string(line[:n.Column-1]) + redacted + rest
	for i := n.Line; i < min(last, len(c.lines)); i++ {
		if n.Style == 0 && isCommentLine(c.lines[i]) {
			return // a comment ends a text that has no quotes
		}
		if i+1 < last {
			c.lines[i] = hidden(c.lines[i])
		} else {
			c.lines[i] = hiddenBefore([]rune(c.lines[i]), end)
		}
	}
}

// hidden is a line behind the first one of a secret.
func hidden(line string) string {
	text := strings.TrimLeft(line, " \t")
	if text == "" {
		return line
	}
	return line[:len(line)-len(text)] + redacted
}

// hiddenBefore is the line of the next node: what is before it may belong to
// the secret.
func hiddenBefore(line []rune, end int) string {
	if strings.Trim(string(line[:end]), " \t-?{}[],:") == "" {
		return string(line)
	}
	return hidden(string(line[:end])) + " " + string(line[end:])
}

func isCommentLine(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") }
