package cloudconfig

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// editor finds the splices that make a text say what is wanted. It walks over
// three trees beside each other: as the text was read, as that is meant (without
// aliases and merge keys), and as it is wanted.
type editor struct {
	scanner
	root    *yaml.Node
	aliases bool
	indent  indentation

	depth int  // values this deep are written anew when they change
	plain bool // texts of several lines are written in one

	splices []splice
	deepest int                 // where a value changes
	touched map[*yaml.Node]bool // anchors whose value changes or goes
	dropped map[*yaml.Node]bool // nodes whose text goes
}

func newEditor(text []byte, root *yaml.Node) *editor {
	e := &editor{scanner: newScanner(text), root: root}
	e.aliases = bytes.IndexByte(text, '&') >= 0 && bytes.IndexByte(text, '*') >= 0
	e.indent = e.indentation()
	return e
}

// differ returns the splices in order; false is that they cannot be trusted.
func (e *editor) differ(old, want *yaml.Node) ([]splice, bool) {
	e.splices, e.odd, e.deepest = nil, false, 0
	if e.aliases {
		e.touched, e.dropped = map[*yaml.Node]bool{}, map[*yaml.Node]bool{}
	}
	e.differAt(rootRef(e.root), old, want, 0)
	if len(e.touched) > 0 {
		e.writeOut(rootRef(e.root))
	}
	return e.splices, !e.odd && inOrder(e.splices)
}

// differAt changes the value of r from old to want. A map or a list is changed
// one value at a time where that is possible, else it is written anew.
func (e *editor) differAt(r valueRef, old, want *yaml.Node, depth int) {
	if isCollection(r.node) && r.node.Kind == want.Kind && len(old.Content) > 0 && depth < e.depth {
		mark, odd := len(e.splices), e.odd
		done := false
		if r.node.Kind == yaml.MappingNode {
			done = e.differMaps(r, old, want, depth)
		} else {
			done = e.differLists(r, old, want, depth)
		}
		if done && !e.odd {
			e.touch(r.node, len(e.splices) > mark)
			return
		}
		e.splices, e.odd = e.splices[:mark], odd
	}
	if !sameValue(old, want) {
		e.deepest = max(e.deepest, depth)
		e.drop(r.node)
		if r.node.Kind == yaml.AliasNode {
			want = withoutComments(want) // they are those of the anchor
		}
		e.replace(r, want)
	}
}

// differMaps returns false when the map must be written anew.
func (e *editor) differMaps(r valueRef, old, want *yaml.Node, depth int) bool {
	wanted, found := newFinder(want), 0
	var gone []int
	last, own := -1, 0
	for i := 1; i < len(r.node.Content); i += 2 {
		if r.node.Content[i-1].ShortTag() == "!!merge" {
			last = i
			continue
		}
		is := old.Content[own+1]
		to := wanted.find(old.Content[own].Value)
		own += 2
		if to == nil {
			gone = append(gone, i)
			continue
		}
		found++
		last = i
		if !sameScalars(is, to) {
			e.differAt(r.below(i), is, to, depth+1)
		}
	}
	added, ok := e.added(old, want, own, found)
	switch {
	case !ok, last < 0 && (r.holder != nil || len(added) > 0):
		return false
	case len(gone) == 0 && len(added) == 0:
		return true
	}
	e.deepest = max(e.deepest, depth+1)
	return e.remove(r, gone, len(added)) && e.addPairs(r, last, added)
}

// added lists keys and values that the map does not have in its own text. What
// it has from a merge key begins in old at merged.
func (e *editor) added(old, want *yaml.Node, merged, found int) (added []*yaml.Node, ok bool) {
	wanted := newFinder(want)
	for i := merged; i+1 < len(old.Content); i += 2 {
		to := wanted.find(old.Content[i].Value)
		if to == nil {
			return nil, false
		}
		found++
		if !sameValue(old.Content[i+1], to) {
			added = append(added, withoutComments(old.Content[i]), withoutComments(to))
		}
	}
	if 2*found == len(want.Content) {
		return added, true
	}
	has := newFinder(old)
	for i := 0; i+1 < len(want.Content); i += 2 {
		if has.find(want.Content[i].Value) == nil {
			added = append(added, want.Content[i], want.Content[i+1])
		}
	}
	return added, true
}

// sameScalars spares most values of a map a closer look.
func sameScalars(a, b *yaml.Node) bool {
	return a.Kind == yaml.ScalarNode && b.Kind == yaml.ScalarNode && sameValue(a, b)
}

// differLists returns false when the list must be written anew.
func (e *editor) differLists(r valueRef, old, want *yaml.Node, depth int) bool {
	is, to := old.Content, want.Content
	begin, end := 0, 0
	for begin < min(len(is), len(to)) && sameValue(is[begin], to[begin]) {
		begin++
	}
	for end < min(len(is), len(to))-begin && sameValue(is[len(is)-1-end], to[len(to)-1-end]) {
		end++
	}
	i := begin
	for ; i < min(len(is), len(to))-end; i++ {
		e.differAt(r.below(i), is[i], to[i], depth+1)
	}
	if len(is) != len(to) {
		e.deepest = max(e.deepest, depth+1)
	}
	switch {
	case i < len(to)-end:
		return i > 0 && e.addItems(r, i-1, to[i:len(to)-end])
	case i < len(is)-end:
		if begin+end == 0 && i == 0 {
			return false
		}
		var gone []int
		for ; i < len(is)-end; i++ {
			gone = append(gone, i)
		}
		return e.remove(r, gone, 0)
	}
	return true
}

// touch notes that the value of a node changes, which aliases of it must not see.
func (e *editor) touch(n *yaml.Node, changes bool) {
	if changes && e.aliases && n.Anchor != "" {
		e.touched[n] = true
	}
}

// drop notes that the text of a node goes, with all anchors and aliases in it.
func (e *editor) drop(n *yaml.Node) {
	if !e.aliases {
		return
	}
	e.touch(n, true)
	e.dropped[n] = true
	for _, c := range n.Content {
		e.drop(c)
	}
}

// writeOut replaces aliases of what has been touched by what they meant.
func (e *editor) writeOut(r valueRef) {
	n := r.node
	if e.dropped[n] {
		return
	}
	if n.Kind == yaml.AliasNode && e.touched[n.Alias] {
		means := resolver{files: map[*yaml.Node]string{}, expanding: map[*yaml.Node]bool{}}
		if value := means.resolve(n, 1); value != nil {
			e.replace(r, withoutComments(value))
		}
		return
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			e.odd = e.odd || c.Kind == yaml.AliasNode && e.touched[c.Alias]
			continue
		}
		e.writeOut(r.below(i))
	}
}
