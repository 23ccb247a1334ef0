package cloudconfig

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// resolver copies a tree, replaces aliases and merge keys by what they mean,
// and notes the file of every node.
type resolver struct {
	file      string
	files     map[*yaml.Node]string
	report    Report
	expanding map[*yaml.Node]bool // anchors that are being copied
	outermost *yaml.Node          // the alias that is being replaced, of several the first
	full      bool                // a bound was passed: stop, it is reported
}

// resolve returns the copy of n, or nil when n has no meaning; the reason is
// then in the report.
func (r *resolver) resolve(n *yaml.Node, depth int) *yaml.Node {
	switch {
	case r.full:
		return nil
	case len(r.files) >= maxNodes:
		r.stop(n, fmt.Sprintf("has more than %d values, counting each use of an alias", maxNodes))
		return nil
	case depth > maxDepth:
		r.stop(n, fmt.Sprintf("is nested deeper than %d maps and lists", maxDepth))
		return nil
	case n.Kind == yaml.AliasNode:
		return r.alias(n, depth)
	case n.Style&yaml.TaggedStyle != 0 && !r.tag(n):
		return nil
	}
	c := *n
	c.Anchor, c.Alias, c.Content = "", nil, nil
	r.files[&c] = r.file
	if n.Anchor != "" {
		r.expanding[n] = true
		defer delete(r.expanding, n)
	}
	if n.Kind == yaml.MappingNode {
		r.mapping(n, &c, depth)
		return &c
	}
	for _, item := range n.Content {
		if v := r.resolve(item, depth+1); v != nil {
			c.Content = append(c.Content, v)
		}
	}
	return &c
}

// tag checks an explicit tag. Neither a tag that is not known nor the value is shown: a
// password without quotes may begin with an exclamation mark.
func (r *resolver) tag(n *yaml.Node) bool {
	want := map[yaml.Kind]string{yaml.MappingNode: "!!map", yaml.SequenceNode: "!!seq"}[n.Kind]
	switch tag := n.ShortTag(); tag {
	case want:
		return true
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!binary", "!!timestamp":
		var v any
		if n.Kind == yaml.ScalarNode && n.Decode(&v) == nil {
			return true
		}
		r.fail(n, fmt.Sprintf("is marked as %s, and is something else", tag), "remove the mark")
	case "!reset", "!override": // compose's own
		r.fail(n, tag+" is for a file that is laid over others, which is not supported here", "remove the tag")
	default:
		r.fail(n, `begins with "!", which marks a type, and this type is not known`, quoteIt)
	}
	return false
}

func (r *resolver) alias(n *yaml.Node, depth int) *yaml.Node {
	if r.expanding[n.Alias] {
		r.fail(n, fmt.Sprintf("alias %q contains itself", "*"+n.Value), "")
		return nil
	}
	if r.outermost == nil {
		r.outermost = n
		defer func() { r.outermost = nil }()
	}
	return r.resolve(n.Alias, depth)
}

// notMerged begins what is told of a merge key with something else.
const notMerged = `expected a map or a list of maps after "<<", found `

// mapping fills c with the keys of n; a key that is written twice is reported
// and its last value counts.
func (r *resolver) mapping(n, c *yaml.Node, depth int) {
	seen := make(map[string]int, len(n.Content)/2) // key → index of its value in c
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			if isNull(value) { // which may have no place in the text
				r.fail(key, notMerged+"nothing", "")
			} else {
				merges = append(merges, value)
			}
			continue
		}
		k := r.key(n, key, depth)
		if k == nil {
			continue
		}
		v := r.resolve(value, depth+1)
		if v == nil {
			continue
		}
		if at, twice := seen[k.Value]; twice {
			first := Pos{File: r.file, Line: c.Content[at-1].Line, Col: c.Content[at-1].Column}
			r.fail(key, fmt.Sprintf("key %q is written twice, first at %s", k.Value, first), "remove one of them")
			c.Content[at] = v
			continue
		}
		seen[k.Value] = len(c.Content) + 1
		c.Content = append(c.Content, k, v)
	}
	for _, m := range merges {
		r.mergeKey(m, c, seen, depth)
	}
}

// key resolves a key of the map in.
func (r *resolver) key(in, n *yaml.Node, depth int) *yaml.Node {
	k := r.resolve(n, depth+1)
	switch {
	case k == nil:
		return nil
	case k.Kind == yaml.MappingNode && in.Style&yaml.FlowStyle != 0 && n.Line == in.Line && n.Column == in.Column+1:
		r.fail(n, "expected a text as key, found a map", "put a text with {{ }} between quotes")
		return nil
	case k.Kind != yaml.ScalarNode:
		r.fail(n, "expected a text as key, found "+describe(k), "")
		return nil
	case k.Value == "" && isNull(k):
		r.fail(n, "a key is missing before the colon", "")
		return nil
	}
	return k
}

// mergeKey adds to c what "<<" stands for: keys of c win, then earlier sources.
func (r *resolver) mergeKey(n, c *yaml.Node, seen map[string]int, depth int) {
	v := r.resolve(n, depth)
	if v == nil {
		return
	}
	sources := []*yaml.Node{v}
	if v.Kind == yaml.SequenceNode {
		sources = v.Content
	}
	for _, source := range sources {
		if source.Kind != yaml.MappingNode {
			r.fail(n, notMerged+describe(source), "")
			return
		}
		for i := 0; i+1 < len(source.Content); i += 2 {
			key := source.Content[i].Value
			if _, has := seen[key]; has {
				continue
			}
			seen[key] = len(c.Content) + 1
			c.Content = append(c.Content, source.Content[i], source.Content[i+1])
		}
	}
}

func (r *resolver) stop(n *yaml.Node, msg string) {
	r.full = true
	if r.outermost != nil {
		n = r.outermost
	}
	r.fail(n, msg, "")
}

func (r *resolver) fail(n *yaml.Node, msg, hint string) {
	if len(r.report) == maxProblems {
		r.full = true
		msg, hint = "has more problems than are shown", ""
	}
	if len(r.report) > maxProblems {
		return
	}
	r.report = append(r.report, Problem{
		Pos:  Pos{File: r.file, Line: n.Line, Col: n.Column},
		Msg:  msg,
		Hint: hint,
	})
}
