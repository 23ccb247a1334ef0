package cloudconfig

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Salvaged is what can be used of a layer that has errors.
type Salvaged struct {
	Layer  Layer
	Report Report // that of [Validate]
	// Restored says which problems of the report cost nothing, because what the
	// last good copy said stands in the place of what they are about.
	Restored []int
}

// Salvage takes out of a layer what does not validate, and leaves all the rest
// as it is. What goes is a whole that means something without the others: an
// entry of a list (a file, a user, a command), an entry of a map (a service, an
// interface), else a key. Inside of an entry nothing is taken out: half a user is
// none. A list that loses all its entries goes with its key.
//
// Where good, the last good copy of the layer, has something in that place, this
// is used: the same key, or the entry of a list with the same name. A key that
// nobody knows may be any key, mistyped or in the wrong place, so that whatever
// the layer lacks then comes from the good copy. A zero good is none.
//
// The result validates, a layer without errors is not changed, and neither are
// the layers given.
func Salvage(l, good Layer) Salvaged {
	out := Salvaged{Layer: l, Report: Validate(l)}
	_, faults := examine(l)
	if len(faults) == 0 {
		return out
	}
	s := salvager{good: good.Doc, doc: l.Doc.with(l.File)}
	s.doc.places = map[*yaml.Node]int{}
	s.mend(faults)
	out.Restored = s.restored
	// What was restored is whole. Were it not, because it fits badly to the rest,
	// it goes too: each further round makes the layer smaller.
	for s.good = (Document{}); ; s.mend(faults) {
		out.Layer.Doc = s.doc
		if _, faults = examine(out.Layer); len(faults) == 0 {
			return out
		}
	}
}

// sections are the maps whose keys stand for themselves. Any other map of known
// keys is a whole: power_state without its condition would power off.
var sections = map[string]bool{
	"": true, "rancher": true, "rancher.network": true, "rancher.cloud_init": true, "network": true,
	"ca_certs": true, "chpasswd": true, "ntp": true,
}

// entryNames say by what an entry of a list is known: the place of its name.
var entryNames = map[string]string{
	"users": "name", "write_files": "path", "mounts": "1", "fs_setup": "device", "chpasswd.users": "name", "network.config": "name",
}

type salvager struct {
	good     Document
	doc      Document
	restored []int
}

// pruning is a tree of what goes.
type pruning struct {
	whole   bool
	problem int // the first about it
	below   map[string]*pruning
}

// mend takes out what has faults.
func (s *salvager) mend(faults []fault) {
	goes := &pruning{below: map[string]*pruning{}}
	unknown := -1
	for _, f := range faults {
		unit := unitOf(s.doc.Root, f.path)
		goes.add(unit, f.problem)
		if f.unknown && len(unit) == len(f.path) && unknown < 0 {
			unknown = f.problem
		}
	}
	if goes.whole {
		s.doc = Document{}
		return
	}
	s.doc.Root = s.prune(s.doc.Root, nil, goes)
	if unknown >= 0 && s.good.Root != nil && s.fill(s.doc.Root, s.good.Root, nil) {
		s.restored = append(s.restored, unknown)
	}
	slices.Sort(s.restored)
	s.restored = slices.Compact(s.restored)
}

// unitOf is the path of the smallest whole that has what path leads to; none when
// that is the layer.
func unitOf(root *yaml.Node, path []string) []string {
	n := root
	for i, key := range path {
		if n = child(n, key); n == nil {
			return path[:i]
		}
		unit := path[:i+1]
		switch {
		case isSection(unit):
		case hasEntries(n, unit) && i+1 < len(path) && child(n, path[i+1]) != nil:
			return path[:i+2]
		default:
			return unit
		}
	}
	return path
}

func isSection(path []string) bool { return sections[strings.Join(path, ".")] }

// hasEntries says that what is in a list or a map at a path are wholes.
func hasEntries(n *yaml.Node, path []string) bool {
	at := schemaRoot.below(path...)
	if at.shape == nil || n.Kind == yaml.ScalarNode || at.shape.isStruct() {
		return false
	}
	switch at.shape.typ {
	case usersType, groupsType, networkItemsType:
		return true
	}
	return at.isContainer() && !at.shape.form
}

func (p *pruning) add(unit []string, problem int) {
	for _, key := range unit {
		next := p.below[key]
		if next == nil {
			next = &pruning{problem: problem, below: map[string]*pruning{}}
			p.below[key] = next
		}
		p = next
	}
	p.whole = true
}

// prune copies a section, or a list or map of entries, without what goes.
func (s *salvager) prune(n *yaml.Node, path []string, goes *pruning) *yaml.Node {
	c := *n
	c.Content = nil
	s.doc.files[&c] = s.doc.files[n]
	if n.Kind == yaml.SequenceNode {
		there := lookup(s.good.Root, path)
		for i, item := range n.Content {
			key, place := strconv.Itoa(i), s.doc.place(item, i)
			if item = s.left(item, append(path[:len(path):len(path)], key), goes.below[key]); item == nil {
				continue
			}
			if there != nil && slices.Contains(there.Content, item) {
				place = s.good.place(item, slices.Index(there.Content, item))
			}
			s.doc.places[item] = place
			c.Content = append(c.Content, item)
		}
		return &c
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if v := s.left(n.Content[i+1], append(path[:len(path):len(path)], key.Value), goes.below[key.Value]); v != nil {
			c.Content = append(c.Content, key, v)
		}
	}
	return &c
}

// left is what is left of a value, or stands in its place; nil is nothing.
func (s *salvager) left(n *yaml.Node, path []string, goes *pruning) *yaml.Node {
	if goes == nil {
		return n
	}
	if !goes.whole {
		rest := s.prune(n, path, goes)
		if rest.Kind != yaml.SequenceNode || len(rest.Content) > 0 {
			return rest
		}
	}
	instead := s.counterpart(n, path)
	if instead != nil {
		s.restored = append(s.restored, goes.problem)
		s.adopt(instead)
	}
	return instead
}

// counterpart is what the good copy has in the place of a value.
func (s *salvager) counterpart(n *yaml.Node, path []string) *yaml.Node {
	list := path[:len(path)-1]
	in := lookup(s.doc.Root, list)
	if in == nil || in.Kind != yaml.SequenceNode {
		return lookup(s.good.Root, path)
	}
	name := entryName(n, list)
	there := lookup(s.good.Root, list)
	if name == "" || there == nil || there.Kind != yaml.SequenceNode {
		return nil
	}
	var found *yaml.Node
	for _, item := range there.Content {
		switch {
		case entryName(item, list) != name:
		case found != nil:
			return nil // nobody knows which of them
		default:
			found = item
		}
	}
	return found
}

// entryName is the name of an entry of a list, "" when it has none.
func entryName(n *yaml.Node, list []string) string {
	key, named := entryNames[strings.Join(list, ".")]
	switch {
	case !named:
		return ""
	case n.Kind == yaml.ScalarNode:
		return n.Value // a user may be a name alone
	}
	if n = child(n, key); n == nil {
		return ""
	}
	return n.Value
}

// fill adds to c what the good copy has and c has not.
func (s *salvager) fill(c, good *yaml.Node, path []string) bool {
	filled := false
	for i := 0; i+1 < len(good.Content); i += 2 {
		key, value := good.Content[i], good.Content[i+1]
		below := append(path[:len(path):len(path)], key.Value)
		has := mappingValue(c, key.Value)
		switch {
		case key.Value == "merge_how", key.Value == "merge_type": // is about lists that are not there
		case has == nil:
			s.adopt(key)
			s.adopt(value)
			c.Content = append(c.Content, key, value)
			filled = true
		case has.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode && (isSection(below) || hasEntries(has, below)):
			fuller := s.copied(has)
			if s.fill(fuller, value, below) {
				setValue(c, key.Value, fuller)
				filled = true
			}
		}
	}
	return filled
}

// copied is a map that may be added to.
func (s *salvager) copied(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = slices.Clone(n.Content)
	s.doc.files[&c] = s.doc.files[n]
	return &c
}

// setValue puts another value behind a key of a map.
func setValue(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
		}
	}
}

// adopt makes the file of what comes from the good copy known.
func (s *salvager) adopt(n *yaml.Node) {
	s.doc.files[n] = s.good.files[n]
	for _, c := range n.Content {
		s.adopt(c)
	}
}
