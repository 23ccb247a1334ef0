package cloudconfig

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Effect is what became of what a layer says.
type Effect string

const (
	// InEffect is the value that counts.
	InEffect Effect = "in effect"
	// InPart is a map or a list of which some is in effect.
	InPart Effect = "in part"
	// Overridden is what a higher layer replaced or removed.
	Overridden Effect = "overridden"
)

// Statement is what one layer says about a value, and what became of it.
type Statement struct {
	Origin
	Effect Effect `json:"effect"`
}

// Explanation is all that layers say about one key.
type Explanation struct {
	Key        string      `json:"key"`
	Secret     bool        `json:"secret,omitempty"`
	Known      bool        `json:"known"`             // it is a key of the schema
	Hint       string      `json:"hint,omitempty"`    // what was probably meant, if it is not
	Default    string      `json:"default,omitempty"` // what counts while no layer speaks
	Statements []Statement `json:"statements"`        // of the highest layer first
}

const removed = "(removed)"

// Explain tells who said what about the value at a path.
func (m Merged) Explain(opts ExportOptions, path ...string) Explanation {
	at := schemaRoot.below(path...)
	e := Explanation{Key: JoinPath(path...), Secret: at.secret, Statements: []Statement{}}
	e.Known, e.Hint, e.Default = known(path)
	winners, whole := m.filesOf(path)
	m.speakers(path, func(l Layer, n *yaml.Node, speaks bool) {
		s := Statement{Origin: Origin{Layer: l.Name, Pos: l.Doc.Pos(n), Value: removed}, Effect: Overridden}
		if speaks {
			if !opts.Private {
				n = redact(n, at)
			}
			s.Value = oneLine(n)
		}
		if winners[l.File] > 0 {
			s.Effect = InPart
			if winners[l.File] == whole {
				s.Effect = InEffect
			}
		}
		e.Statements = append(e.Statements, s)
	})
	if last := len(e.Statements) - 1; last >= 0 && whole == 0 { // nothing is left of the value
		e.Statements[last].Effect = InEffect
	}
	slices.Reverse(e.Statements)
	return e
}

// speakers calls tell for every layer that says something about a path, lowest
// first: with its value, or with the value around the path that removes it.
func (m Merged) speakers(path []string, tell func(l Layer, n *yaml.Node, speaks bool)) {
	for _, l := range m.layers {
		n, depth := deepest(l.Doc.Root, path)
		if n == nil || depth < len(path) && n.Kind == yaml.MappingNode {
			continue
		}
		tell(l, n, depth == len(path) && !isNull(n))
	}
}

// filesOf counts from which files the leaves of the effective value come.
func (m Merged) filesOf(path []string) (files map[string]int, all int) {
	files = map[string]int{}
	n, ok := m.Get(path...)
	if !ok {
		return files, 0
	}
	leaves(n, nil, func(n *yaml.Node, _ []string) {
		files[m.Doc.Pos(n).File]++
		all++
	})
	return files, all
}

// leaves calls tell for all below n that has nothing below itself.
func leaves(n *yaml.Node, path []string, tell func(n *yaml.Node, path []string)) {
	if len(n.Content) == 0 {
		tell(n, path)
		return
	}
	for i, v := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			leaves(v, path, tell)
		case i%2 == 1:
			leaves(v, append(path[:len(path):len(path)], n.Content[i-1].Value), tell)
		}
	}
}

// ExplainAll explains every value below a path that has no keys below itself:
// scalars, lists, empty maps and what was removed, in order of their keys.
func (m Merged) ExplainAll(opts ExportOptions, path ...string) []Explanation {
	seen := map[string][]string{}
	note := func(_ *yaml.Node, at []string) { seen[strings.Join(at, "\x00")] = at }
	for _, l := range m.layers {
		if n := lookup(l.Doc.Root, path); n != nil {
			leaves(n, path, note)
		}
	}
	var all []Explanation
	for _, at := range seen {
		if n, ok := m.Get(at...); ok && n.Kind == yaml.MappingNode && len(n.Content) > 0 {
			continue // a map in the end: its keys are explained
		}
		all = append(all, m.Explain(opts, at...))
	}
	slices.SortFunc(all, func(a, b Explanation) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// known says whether the schema has a place for a path; if not, what was probably
// meant; if so, the default there.
func known(path []string) (ok bool, hint, otherwise string) {
	at := &spot{place: schemaRoot}
	for _, key := range path {
		if at.place.shape == nil { // inside a service: the rules are not ours
			return true, "", ""
		}
		below := at.below(key)
		if at.place.shape.isStruct() && !at.place.shape.form {
			f, has := at.place.shape.fields().byKey[key]
			if !has {
				return false, suggestion(key, at), ""
			}
			otherwise = f.from.Tag.Get("default")
		} else {
			otherwise = ""
		}
		at = below
	}
	return true, "", otherwise
}
