package cloudconfig

import (
	"slices"

	"gopkg.in/yaml.v3"
)

const (
	layerOSConfig = "os-config"
	layerMetaData = "meta-data"
	sshKeys       = "ssh_authorized_keys"
)

// Merged is the outcome of a merge: one tree in which every value still knows
// where it was written, and the layers that it came from. It is never changed.
type Merged struct {
	Doc    Document // the effective values
	layers []Layer
}

// Merge lays layers over each other, lowest first. Maps are merged key by key,
// lists and scalars are replaced, null removes what lower layers said. Lists of
// a layer that asks for it with merge_how are appended. The SSH keys of the
// layer "meta-data" are added to those of all other layers, unless a layer above
// it says null.
//
// The layers are not changed, but the result shares nodes with them: nobody may
// change nodes of either.
func Merge(layers ...Layer) Merged {
	return Merged{Doc: together(layers).document(), layers: slices.Clone(layers)}
}

// together is what layers say together. Since it does not matter which of them
// are laid over each other first, halves are: so each value is copied a few times,
// and not once for every layer above it.
func together(layers []Layer) state {
	switch n := len(layers); n {
	case 0:
		return state{}
	case 1:
		return newState(layers[0])
	default:
		return together(layers[:n/2]).with(together(layers[n/2:]))
	}
}

// state is what some neighbouring layers say together.
type state struct {
	root       *tree
	metaKeys   []item // SSH keys of meta-data
	clearsKeys bool   // SSH keys of meta-data below are removed
}

func newState(l Layer) state {
	if l.Doc.Root == nil {
		return state{}
	}
	appends, _ := mergeForm(l.Doc) // a bad form is reported by Validate
	root := newTree(l.Doc.Root, l.Doc, appends).without("merge_how").without("merge_type")
	s := state{root: root}
	keys := root.get(sshKeys)
	switch {
	case keys == nil:
	case isNull(keys.node):
		s.clearsKeys = true
	case l.Name == layerMetaData && keys.node.Kind == yaml.SequenceNode:
		s.metaKeys = keys.items
		s.root = root.without(sshKeys)
	}
	return s
}

// with lays higher layers over s.
func (s state) with(high state) state {
	if high.root == nil {
		return s
	}
	out := state{
		root:       combine(s.root, high.root),
		metaKeys:   high.metaKeys,
		clearsKeys: s.clearsKeys || high.clearsKeys,
	}
	if !high.clearsKeys {
		out.metaKeys = append(slices.Clone(s.metaKeys), high.metaKeys...)
	}
	return out
}

// document ends the merge: marks of removal go, meta-data's keys come.
func (s state) document() Document {
	if s.root == nil {
		return Document{}
	}
	b := builder{files: map[*yaml.Node]string{}, places: map[*yaml.Node]int{}}
	root := b.build(s.withMetaKeys(), nil)
	return Document{Root: root, files: b.files, places: b.places}
}

func (s state) withMetaKeys() *tree {
	if len(s.metaKeys) == 0 {
		return s.root
	}
	first := s.metaKeys[0]
	list := &tree{node: &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: first.node.Line, Column: first.node.Column}}
	key := entry{key: &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: sshKeys, Line: first.node.Line, Column: first.node.Column}}
	file := first.src.files[first.node]
	list.src = Document{files: map[*yaml.Node]string{list.node: file, key.key: file}}
	key.src = list.src
	if has := s.root.get(sshKeys); has != nil && !isNull(has.node) {
		if has.node.Kind != yaml.SequenceNode {
			return s.root // a wrong type, which decoding reports
		}
		list.node, list.src = has.node, has.src
		list.items = slices.Clone(has.items)
		key = s.root.entries[s.root.index[sshKeys]]
	}
	for _, k := range s.metaKeys {
		if !slices.ContainsFunc(list.items, func(i item) bool { return sameValue(i.node, k.node) }) {
			list.items = append(list.items, k)
		}
	}
	key.value = list
	root := *s.root.without(sshKeys)
	root.entries = append(slices.Clone(root.entries), key)
	return &root
}

// builder makes YAML nodes of trees, and notes the file of each, and the place in it.
type builder struct {
	files  map[*yaml.Node]string
	places map[*yaml.Node]int
}

func (b *builder) build(t *tree, path []string) *yaml.Node {
	if t.node.Kind != yaml.MappingNode && t.node.Kind != yaml.SequenceNode {
		b.note(t.node, t.src)
		return t.node
	}
	n := *t.node
	n.Content = make([]*yaml.Node, 0, len(t.items)+2*len(t.entries))
	b.files[&n] = t.src.files[t.node]
	for at, i := range t.items {
		b.note(i.node, i.src)
		if i.place != at {
			b.places[i.node] = i.place
		}
		n.Content = append(n.Content, i.node)
	}
	for _, e := range t.entries {
		below := append(path[:len(path):len(path)], e.key.Value)
		if isNull(e.value.node) && !nullHasMeaning(below) {
			continue
		}
		b.note(e.key, e.src)
		n.Content = append(n.Content, e.key, b.build(e.value, below))
	}
	return &n
}

// nullHasMeaning says whether a null at path is a value instead of a removal.
// Inside the keys of a service it is: "environment: {TERM: }" takes a variable
// over, "networks: {back: }" joins a network.
func nullHasMeaning(path []string) bool {
	return len(path) > 4 && path[0] == "rancher" && slices.Contains(serviceKeys, path[1])
}

var serviceKeys = []string{"services", "bootstrap", "cloud_init_services"}

func (b *builder) note(n *yaml.Node, src Document) {
	b.files[n] = src.files[n]
	for _, c := range n.Content {
		b.note(c, src)
	}
}
