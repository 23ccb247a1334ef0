package cloudconfig

import (
	"gopkg.in/yaml.v3"
)

// tree is a value on its way through the merge. It remembers what it does to
// the layers below it, which makes combine associative: it does not matter
// which neighbours are combined first. Trees are never changed once built.
type tree struct {
	node  *yaml.Node // as written by the highest layer that spoke
	src   Document   // knows the file of node and, for a leaf, of all below it
	items []item     // of a list

	entries []entry        // of a map, in order of first appearance
	index   map[string]int // key → entries

	// resets is set when the value replaces whatever lower layers said. Maps
	// and appending lists do not, unless they stand on something else.
	resets bool
}

type entry struct {
	key   *yaml.Node
	src   Document // of the key
	value *tree
}

type item struct {
	node  *yaml.Node
	src   Document
	place int // in its file
}

// newTree is the tree of one layer's value.
func newTree(n *yaml.Node, src Document, appends bool) *tree {
	t := &tree{node: n, src: src}
	switch n.Kind {
	case yaml.MappingNode:
		t.index = make(map[string]int, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			t.index[n.Content[i].Value] = len(t.entries)
			t.entries = append(t.entries, entry{n.Content[i], src, newTree(n.Content[i+1], src, appends)})
		}
	case yaml.SequenceNode:
		for i, v := range n.Content {
			t.items = append(t.items, item{v, src, src.place(v, i)})
		}
		t.resets = !appends
	default:
		t.resets = true
	}
	return t
}

// combine lays high over low.
func combine(low, high *tree) *tree {
	switch {
	case low == nil || high.resets:
		return high
	case low.node.Kind != high.node.Kind:
		onOther := *high
		onOther.resets = true
		return &onOther
	case len(high.entries)+len(high.items) == 0:
		return low
	case high.node.Kind == yaml.SequenceNode:
		both := *high
		both.items = append(append([]item(nil), low.items...), high.items...)
		both.resets = low.resets
		return &both
	}
	return combineMaps(low, high)
}

func combineMaps(low, high *tree) *tree {
	both := &tree{node: high.node, src: high.src, resets: low.resets}
	both.entries = append(make([]entry, 0, len(low.entries)+len(high.entries)), low.entries...)
	both.index = make(map[string]int, cap(both.entries))
	for i, e := range both.entries {
		both.index[e.key.Value] = i
	}
	for _, e := range high.entries {
		i, has := both.index[e.key.Value]
		if !has {
			both.index[e.key.Value] = len(both.entries)
			both.entries = append(both.entries, e)
			continue
		}
		e.value = combine(both.entries[i].value, e.value)
		both.entries[i] = e
	}
	return both
}

// get returns the value of a key of a map, or nil.
func (t *tree) get(key string) *tree {
	if t == nil {
		return nil
	}
	if i, ok := t.index[key]; ok {
		return t.entries[i].value
	}
	return nil
}

// without is the map without a key.
func (t *tree) without(key string) *tree {
	if t.get(key) == nil {
		return t
	}
	less := *t
	less.entries, less.index = nil, make(map[string]int, len(t.entries))
	for _, e := range t.entries {
		if e.key.Value != key {
			less.index[e.key.Value] = len(less.entries)
			less.entries = append(less.entries, e)
		}
	}
	return &less
}
