package cloudconfig

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// valueRef names a value of the tree that a text was read into: the root, the value
// of a key, or an item.
type valueRef struct {
	node   *yaml.Node
	holder *yaml.Node // the map or list that it is in, nil for the root
	index  int        // in holder.Content
	flow   bool       // it stands between brackets
}

func rootRef(n *yaml.Node) valueRef { return valueRef{node: n} }

// below is the valueRef of a value in the map or list of r.
func (r valueRef) below(index int) valueRef {
	return valueRef{node: r.node.Content[index], holder: r.node, index: index, flow: r.flow || isFlow(r.node)}
}

// values are the indices of the values in a map or list.
func (r valueRef) first() int {
	if r.node.Kind == yaml.MappingNode {
		return 1
	}
	return 0
}

func (r valueRef) stride() int { return r.first() + 1 }

func (r valueRef) last() int { return len(r.node.Content) - 1 }

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

func isCollection(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode
}

// slot is the place of a value in the text.
type slot struct {
	begin    int  // of the key, or of the dash
	column   int  // of begin, in its line
	after    int  // behind the colon or the dash, or behind the key
	colon    bool // there is one
	from, to int  // the value, with anchor and tag; both are after when it is nothing
}

func (s *scanner) locate(r valueRef) slot {
	var p slot
	switch {
	case r.holder == nil:
		p.begin = s.offset(r.node)
		p.after = p.begin
	case r.holder.Kind == yaml.MappingNode:
		s.locatePair(r, &p)
	case r.flow:
		p.begin = s.offset(r.node)
		p.after = p.begin
	default:
		p.begin = s.dash(r)
		p.after = p.begin + 1
	}
	p.column = p.begin - s.lineBegin(p.begin)
	p.from, p.to = p.after, p.after
	if !s.isNothing(r.node) {
		p.from = s.offset(r.node)
		p.to = s.end(r, p)
	}
	if p.from < p.after || p.to < p.from {
		s.odd = true
	}
	return p
}

func (s *scanner) locatePair(r valueRef, p *slot) {
	key := r.holder.Content[r.index-1]
	p.begin = s.offset(key)
	explicit := false
	if mark := s.beforeBlanks(p.begin); mark > 0 && s.text[mark-1] == '?' {
		explicit = true
		p.after = s.keyEnd(key)
		p.begin = mark - 1
	} else {
		p.after = s.keyEnd(key)
	}
	colon := s.pastBlanks(p.after)
	if explicit || r.flow {
		colon = s.pastTrivia(p.after)
	}
	if s.is(colon, ':') {
		p.after, p.colon = colon+1, true
	}
}

func (s *scanner) beforeBlanks(at int) int {
	for at > 0 && (s.text[at-1] == ' ' || s.text[at-1] == '\t') {
		at--
	}
	return at
}

func (s *scanner) keyEnd(key *yaml.Node) int {
	if s.isNothing(key) || isCollection(key) {
		s.odd = true
		return s.offset(key)
	}
	if key.Kind == yaml.AliasNode {
		return s.offset(key) + len("*") + len(key.Value)
	}
	return s.scalarEnd(key)
}

// dash is where the dash of an item stands.
func (s *scanner) dash(r valueRef) int {
	var at int
	if r.index == 0 {
		_, at = s.pastMarks(s.offset(r.holder))
	} else {
		before := r
		before.index--
		before.node = r.holder.Content[before.index]
		at = s.offset(before.node) // right behind the dash when it is nothing
		if !s.isNothing(before.node) {
			at = s.end(before, slot{})
		}
		at = s.pastTrivia(at)
	}
	if !s.is(at, '-') {
		s.odd = true
	}
	return at
}

// isNothing says that a value is null and takes no room.
func (s *scanner) isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == "" && !s.is(s.offset(n), '!')
}

// end is the end of a value that is not nothing.
func (s *scanner) end(r valueRef, p slot) int {
	switch {
	case r.node.Kind == yaml.AliasNode:
		return s.offset(r.node) + len("*") + len(r.node.Value)
	case r.node.Kind == yaml.ScalarNode:
		return s.scalarEnd(r.node)
	case isFlow(r.node):
		return s.flowEnd(r)
	case len(r.node.Content) == 0:
		s.odd = true
		return p.after
	}
	return s.lastEnd(r)
}

// lastEnd is the end of the last value in a map or list.
func (s *scanner) lastEnd(r valueRef) int {
	last := r.below(r.last())
	if !s.isNothing(last.node) {
		return s.end(last, slot{})
	}
	if r.node.Kind == yaml.SequenceNode && !last.flow {
		return s.offset(last.node)
	}
	return s.locate(last).to
}

func (s *scanner) flowEnd(r valueRef) int {
	begin, open := s.open(r.node)
	if !open {
		if len(r.node.Content) == 0 {
			s.odd = true
			return begin
		}
		return s.lastEnd(r)
	}
	at := begin + 1
	if len(r.node.Content) > 0 {
		at = s.lastEnd(r)
	}
	at = s.pastTrivia(at)
	if s.is(at, ',') {
		at = s.pastTrivia(at + 1)
	}
	if !s.is(at, ']') && !s.is(at, '}') {
		s.odd = true
		return at
	}
	return at + 1
}

// open is where the bracket of a flow collection is; a map of one key within a
// list has none.
func (s *scanner) open(n *yaml.Node) (at int, ok bool) {
	_, at = s.pastMarks(s.offset(n))
	bracket := byte('[')
	if n.Kind == yaml.MappingNode {
		bracket = '{'
	}
	return at, s.is(at, bracket)
}

// onOwnLine says that nothing but spaces stands before at in its line.
func (s *scanner) onOwnLine(at int) bool {
	return len(bytes.Trim(s.text[s.lineBegin(at):at], " ")) == 0
}

// extent is the end of what belongs to a key or an item in lines of its own: a
// comment behind the value, and comment lines below that are indented deeper.
func (s *scanner) extent(p slot) int {
	_, end := s.comment(p.to)
	end = s.pastBlanks(end)
	if !s.atLineEnd(end) {
		s.odd = true
		return end
	}
	for next := s.afterLine(end); next < len(s.text); {
		at := s.pastBlanks(next)
		if s.is(at, '#') && at-next > p.column {
			end = s.lineEnd(at)
		} else if !s.atLineEnd(at) || s.is(at, '#') {
			break
		}
		below := s.afterLine(s.lineEnd(at))
		if below == next || below >= len(s.text) {
			break
		}
		next = below
	}
	return end
}

// ownComments is where the comment lines begin that stand right above a line and
// are as far indented as its first word, at column.
func (s *scanner) ownComments(begin, column, bound int) int {
	for begin > 0 {
		above := s.lineBegin(s.beforeLine(begin))
		at := s.pastBlanks(above)
		if above < bound || !s.is(at, '#') || at-above != column {
			break
		}
		begin = above
	}
	return begin
}
