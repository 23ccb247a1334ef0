package cloudconfig

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// SetValue sets the value at a path in the text of a layer, which keeps its
// comments and its order. Items of lists are counted from 0; the number behind
// the last one adds an item. A value for a key that is a text is taken as it is;
// any other is read as a YAML scalar, list or map, and is a text when it is none
// of these.
func SetValue(doc []byte, path []string, value string) ([]byte, error) {
	if len(path) == 0 {
		return nil, errors.New("cannot set a value without a key")
	}
	out, err := edit(doc, func(root *yaml.Node) error {
		return setAt(root, path, newValue(path, value))
	})
	if err != nil {
		return nil, fmt.Errorf("cannot set %s: %w", JoinPath(path...), err)
	}
	return out, nil
}

// UnsetValue removes a key, or an item of a list, from the text of a layer. A
// text that does not have it is returned as it is.
func UnsetValue(doc []byte, path []string) ([]byte, error) {
	if len(path) == 0 {
		return nil, errors.New("cannot remove a value without a key")
	}
	l, report := ParseLayer("", "document", doc)
	if err := report.Err(); err != nil {
		return nil, fmt.Errorf("cannot remove %s: %w", JoinPath(path...), err)
	}
	if lookup(l.Doc.Root, path) == nil {
		return doc, nil
	}
	out, err := edit(doc, func(root *yaml.Node) error { return removeAt(root, path) })
	if err != nil {
		return nil, fmt.Errorf("cannot remove %s: %w", JoinPath(path...), err)
	}
	return out, nil
}

// MergeInto lays a patch over the text of a layer, as [Merge] would. A null in
// the patch is kept: it removes what lower layers say.
func MergeInto(doc, patch []byte) ([]byte, error) {
	p, report := ParseLayer("", "patch", patch)
	if err := report.Err(); err != nil {
		return nil, fmt.Errorf("cannot merge: %w", err)
	}
	if p.Doc.Root == nil {
		return doc, nil
	}
	appends, _ := mergeForm(p.Doc) // its problems are in report
	removeKey(p.Doc.Root, "merge_how")
	removeKey(p.Doc.Root, "merge_type")
	out, err := edit(doc, func(root *yaml.Node) error {
		return mergeNodes(root, p.Doc.Root, appends)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot merge: %w", err)
	}
	return out, nil
}

const header = "#cloud-config"

// edit changes the text by changing its tree. What the new text means is
// compared with the same change to what the old text means. They differ where
// the change goes through an alias or a merge key, that is, would change other
// places too: then those are written out.
func edit(doc []byte, change func(root *yaml.Node) error) ([]byte, error) {
	text := normalise(doc)
	l, report := ParseLayer("", "document", text)
	if err := report.Err(); err != nil {
		return nil, err
	}
	first, body := splitHeader(text)
	want := l.Doc.Root
	if want == nil {
		return editEmpty(first, body, change)
	}
	if err := change(want); err != nil {
		return nil, err
	}
	var raw yaml.Node
	if err := yaml.Unmarshal(body, &raw); err != nil {
		return nil, fmt.Errorf("cannot read YAML: %w", err)
	}
	plainMergeKeys(&raw)
	if err := change(raw.Content[0]); err == nil {
		if out, err := encodeWith(first, &raw); err == nil && means(out, want) {
			return out, nil
		}
	}
	raw.Content[0] = want
	out, err := encodeWith(first, &raw)
	if err != nil {
		return nil, err
	}
	if !means(out, want) {
		return nil, errors.New("the text cannot be rewritten without changing other values")
	}
	return out, nil
}

// plainMergeKeys makes the encoder write "<<", and not "!!merge <<".
func plainMergeKeys(n *yaml.Node) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.ShortTag() == "!!merge" {
			c.Tag = ""
		}
		plainMergeKeys(c)
	}
}

// editEmpty makes the first value of a text that has at most comments.
func editEmpty(first, body []byte, change func(root *yaml.Node) error) ([]byte, error) {
	root := newMapping()
	if err := change(root); err != nil {
		return nil, err
	}
	for line := range bytes.Lines(body) {
		if trimmed := bytes.TrimSpace(line); len(trimmed) == 0 || trimmed[0] == '#' {
			first = append(append(first, bytes.TrimRight(line, "\n")...), '\n')
		}
	}
	out, err := encodeWith(first, root)
	if err == nil && !means(out, root) {
		err = errors.New("the value cannot be written as YAML")
	}
	return out, err
}

// splitHeader takes the line off that makes a file a cloud-config, so that it
// stays first whatever happens to the key below it.
func splitHeader(text []byte) (first, body []byte) {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	if string(bytes.TrimRight(line, " \t")) != header {
		return nil, text
	}
	return append(bytes.Clone(line), '\n'), rest
}

func encodeWith(first []byte, n *yaml.Node) ([]byte, error) {
	out, err := encode(n)
	return append(bytes.Clone(first), out...), err
}

// means says whether a text has the values of a tree.
func means(text []byte, want *yaml.Node) bool {
	l, report := ParseLayer("", "document", text)
	if report.Err() != nil {
		return false
	}
	got := l.Doc.Root
	if got == nil {
		got = newMapping()
	}
	return sameValue(got, want)
}

func sameValue(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind == yaml.ScalarNode {
		return a.ShortTag() == b.ShortTag() && (a.Value == b.Value || isNull(a))
	}
	if a.Kind == yaml.MappingNode {
		return sameMap(a, b)
	}
	for i := range a.Content {
		if !sameValue(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// sameMap does not mind the order of keys.
func sameMap(a, b *yaml.Node) bool {
	index := make(map[string]*yaml.Node, len(b.Content)/2)
	for i := 0; i+1 < len(b.Content); i += 2 {
		index[b.Content[i].Value] = b.Content[i+1]
	}
	for i := 0; i+1 < len(a.Content); i += 2 {
		other, ok := index[a.Content[i].Value]
		if !ok || !sameValue(a.Content[i+1], other) {
			return false
		}
	}
	return true
}

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
	if strings.Contains(s, "\n") && (strings.Trim(s, " \t\n") != strings.TrimSuffix(s, "\n") || strings.ContainsAny(s, "\r\t")) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
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
	case root.Anchor != "" || isComment(n) || isComment(&doc) || !strings.HasPrefix(n.ShortTag(), "!!"):
		return nil
	}
	return n
}
