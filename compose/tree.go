package compose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
)

// tree is a value of a definition with its position. Variables in it are
// already replaced. A tree belongs to one service: others never see its changes.
type tree struct {
	node    *yaml.Node // kind, tag and text; text is tree's own
	text    string     // of a scalar, after interpolation
	pos     cloudconfig.Pos
	items   []*tree // of a list
	entries []entry // of a map, in the order written
}

type entry struct {
	key   string
	pos   cloudconfig.Pos
	value *tree
}

func (t *tree) isMap() bool    { return t != nil && t.node.Kind == yaml.MappingNode }
func (t *tree) isList() bool   { return t != nil && t.node.Kind == yaml.SequenceNode }
func (t *tree) isScalar() bool { return t != nil && t.node.Kind == yaml.ScalarNode }
func (t *tree) isNull() bool   { return t == nil || t.isScalar() && t.tag() == "!!null" }

func (t *tree) tag() string { return t.node.ShortTag() }

// get returns the value of a key of a map, or nil.
func (t *tree) get(key string) *tree {
	if i := t.index(key); i >= 0 {
		return t.entries[i].value
	}
	return nil
}

func (t *tree) index(key string) int {
	if t == nil {
		return -1
	}
	for i := range t.entries {
		if t.entries[i].key == key {
			return i
		}
	}
	return -1
}

// take removes a key from a map and returns its entry.
func (t *tree) take(key string) (entry, bool) {
	i := t.index(key)
	if i < 0 {
		return entry{}, false
	}
	e := t.entries[i]
	t.entries = slices.Delete(t.entries, i, i+1)
	return e, true
}

// posOf is where a key of a map is written, or where the map is.
func (t *tree) posOf(key string) cloudconfig.Pos {
	if i := t.index(key); i >= 0 {
		return t.entries[i].pos
	}
	return t.pos
}

// newMap is a map that was not written, but stands for what was at pos.
func newMap(pos cloudconfig.Pos, entries ...entry) *tree {
	return &tree{node: &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}, pos: pos, entries: entries}
}

// newText is a text that was not written, but stands for what was at pos.
func newText(text string, pos cloudconfig.Pos) *tree {
	return &tree{node: &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"}, text: text, pos: pos}
}

// describe names the kind of a value as a person would.
func (t *tree) describe() string {
	switch {
	case t.isNull():
		return "nothing"
	case t.isMap():
		return "a map"
	case t.isList():
		return "a list"
	}
	switch t.tag() {
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "the number " + t.text
	}
	return fmt.Sprintf("the text %q", shorten(t.text, 40))
}

// plain is a scalar as compose prints it into an environment variable or a
// label: 0x10 is 16, True is true; a text is itself.
func (t *tree) plain() string {
	if t.tag() == "!!str" {
		return t.text
	}
	var v any
	if err := t.node.Decode(&v); err != nil {
		return t.text
	}
	return fmt.Sprint(v)
}

// integer is the value of a number without fraction.
func (t *tree) integer() (int, bool) {
	n, err := strconv.Atoi(t.plain())
	return n, err == nil
}

// reader makes trees of YAML nodes.
type reader struct {
	doc    cloudconfig.Document
	expand func(text string, pos cloudconfig.Pos) string // replaces variables
	report *cloudconfig.Report
}

// read returns n as a tree. What cannot be one (an alias that the parser did not
// resolve, a key that is not a text) is reported and left out.
func (r reader) read(n *yaml.Node) *tree {
	t := &tree{node: n, pos: r.doc.Pos(n)}
	switch n.Kind {
	case yaml.ScalarNode:
		t.text = n.Value
		if n.ShortTag() == "!!str" {
			t.text = r.expand(n.Value, t.pos)
		}
	case yaml.SequenceNode:
		t.items = make([]*tree, 0, len(n.Content))
		for _, c := range n.Content {
			if item := r.read(c); item != nil {
				t.items = append(t.items, item)
			}
		}
	case yaml.MappingNode:
		t.entries = make([]entry, 0, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			r.readEntry(t, n.Content[i], n.Content[i+1])
		}
	default:
		*r.report = append(*r.report, cloudconfig.Problem{Pos: t.pos, Msg: "expected a text, a list or a map"})
		return nil
	}
	return t
}

func (r reader) readEntry(t *tree, key, value *yaml.Node) {
	pos := r.doc.Pos(key)
	if key.Kind != yaml.ScalarNode {
		*r.report = append(*r.report, cloudconfig.Problem{Pos: pos, Msg: "expected a text as key"})
		return
	}
	if v := r.read(value); v != nil {
		t.entries = append(t.entries, entry{key: key.Value, pos: pos, value: v})
	}
}

// overlay lays high over low: maps key by key, everything else is replaced.
// Lists of KEY=VALUE count as maps where both are told apart by environment and
// labels.
func overlay(low, high *tree) *tree {
	if low == nil || !low.isMap() || !high.isMap() {
		return high
	}
	both := &tree{node: high.node, pos: high.pos, entries: append([]entry(nil), low.entries...)}
	for _, e := range high.entries {
		i := both.index(e.key)
		if i < 0 {
			both.entries = append(both.entries, e)
			continue
		}
		lower := both.entries[i].value
		if e.key == "environment" || e.key == "labels" {
			lower, e.value = lower.pairs(), e.value.pairs()
		}
		e.value = overlay(lower, e.value)
		both.entries[i] = e
	}
	return both
}

// pairs is a list of KEY=VALUE as a map; anything else is itself.
func (t *tree) pairs() *tree {
	if !t.isList() {
		return t
	}
	m := newMap(t.pos)
	for _, item := range t.items {
		if !item.isScalar() {
			return t
		}
		m.entries = append(m.entries, item.pair())
	}
	return m
}

// pair is a scalar KEY=VALUE as an entry; the value of a lone KEY is null.
func (t *tree) pair() entry {
	key, value, given := strings.Cut(t.text, "=")
	v := newText(value, t.pos)
	if !given {
		v.node = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	return entry{key: key, pos: t.pos, value: v}
}
