package cloudconfig

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

func (e *editor) put(from, to int, with string) {
	if from < 0 || to > len(e.text) {
		e.odd = true
		return
	}
	e.splices = append(e.splices, splice{from, to, with})
}

// replace puts another value into a slot. Comments beside the old value stay.
func (e *editor) replace(r valueRef, value *yaml.Node) {
	switch p := e.locate(r); {
	case e.odd:
	case r.holder == nil:
		e.replaceRoot(r, p, value)
	case r.flow:
		e.replaceInFlow(r, p, value)
	case !p.colon && r.holder.Kind == yaml.MappingNode:
		e.odd = true // a key behind "?" without a value
	default:
		e.replaceInBlock(r, p, inQuotesOf(r.node, value))
	}
}

func (e *editor) replaceRoot(r valueRef, p slot, value *yaml.Node) {
	if !isFlow(r.node) {
		e.odd = true
		return
	}
	v := *value
	v.HeadComment, v.LineComment, v.FootComment = "", "", ""
	text := strings.Join(e.encoded(e.written(&v)), "\n")
	if p.column > 0 && !isFlow(value) {
		text = "\n" + text
	}
	e.put(p.from, p.to, text)
}

func (e *editor) replaceInFlow(r valueRef, p slot, value *yaml.Node) {
	text := e.flowText(inQuotesOf(r.node, value))
	switch {
	case p.from < p.to:
	case p.colon:
		text = " " + text
		if comma := e.pastBlanks(p.to); e.is(comma, ',') {
			p.to = comma
		}
	case r.holder.Kind == yaml.MappingNode:
		text = ": " + text
	}
	e.put(p.from, p.to, text)
}

// replaceInBlock writes the new value behind the colon or the dash, the old
// comment of that line behind its first line, and the other lines below.
func (e *editor) replaceInBlock(r valueRef, p slot, value *yaml.Node) {
	comment, end := e.besideValue(r, p)
	first, more := e.valueLines(r, withoutRepeated(value, comment))
	beside := comment != ""
	if comment == "" && value.LineComment != "" && !strings.Contains(value.LineComment, "\n") {
		comment = " " + value.LineComment
	}
	switch inLine := len(more) == 0 && !isBlockCollection(r.node) && !isBlockScalar(r.node); {
	case inLine && beside:
		comment, end = "", p.to // it stays as it is
	case first == "" && len(more) > 0 && !e.sameLine(p) && !isBlockCollection(r.node):
		e.replaceBelow(p, more, comment, end)
		return
	}
	from, lead := p.after, " "
	if first != "" && p.from < p.to && !isBlockCollection(r.node) && !isBlockCollection(value) {
		from, lead = p.from, ""
	}
	if r.holder.Kind == yaml.SequenceNode && isBlockCollection(value) && comment != "" {
		first, more = "", slices.Insert(more, 0, "  "+first)
		comment = " " + strings.TrimLeft(comment, " \t") // no tab behind a dash
	}
	if first != "" {
		first = lead + first
	}
	e.put(from, end, first+comment+e.below(more, p.column))
}

// withoutRepeated is a value without the comment that was read as one above its
// first key, and stays where it is.
func withoutRepeated(value *yaml.Node, comment string) *yaml.Node {
	if comment == "" || len(value.Content) == 0 || value.Content[0].HeadComment != strings.TrimLeft(comment, " \t") {
		return value
	}
	v, first := *value, *value.Content[0]
	first.HeadComment = ""
	v.Content = append([]*yaml.Node{&first}, value.Content[1:]...)
	return &v
}

func isBlockCollection(n *yaml.Node) bool {
	return isCollection(n) && !isFlow(n) && len(n.Content) > 0
}

func (e *editor) sameLine(p slot) bool { return e.lineBegin(p.after) == e.lineBegin(p.from) }

// besideValue is the comment in the line of the key or the dash, or behind a
// value of one line, and the end of what a new value replaces.
func (e *editor) besideValue(r valueRef, p slot) (comment string, end int) {
	switch {
	case isBlockCollection(r.node):
		if end = p.after; p.from < e.lineEnd(end) {
			end, _ = e.pastMarks(p.from)
		}
		comment, _ = e.comment(end)
		return comment, e.extent(p)
	case isBlockScalar(r.node):
		at, mark := e.chomping(r.node)
		at += len(mark)
		for e.pastBlanks(at) == at && !e.atLineEnd(at) {
			at++ // the digit behind the mark
		}
		comment, _ = e.comment(at)
		return comment, p.to
	}
	comment, end = e.comment(p.to)
	if comment == "" && p.from == p.to && e.atLineEnd(e.pastBlanks(end)) {
		end = e.pastBlanks(end)
	}
	return comment, end
}

// replaceBelow replaces a value that stands in the lines below its key by one
// that does as well.
func (e *editor) replaceBelow(p slot, lines []string, comment string, end int) {
	begin := e.lineBegin(p.from)
	if !e.onOwnLine(p.from) {
		e.odd = true
		return
	}
	text := strings.TrimPrefix(e.below(lines, p.column), "\n")
	if comment != "" {
		text = string(e.text[begin:p.from]) + strings.TrimLeft(comment, " \t") + "\n" + text
	}
	e.put(begin, end, text)
}

// below are lines below another one.
func (e *editor) below(lines []string, column int) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteByte('\n')
		if line != "" {
			b.WriteString(strings.Repeat(" ", column))
			b.WriteString(line)
		}
	}
	return b.String()
}

// addPairs adds keys and values behind the value at index after.
func (e *editor) addPairs(r valueRef, after int, pairs []*yaml.Node) bool {
	switch {
	case len(pairs) == 0:
		return true
	case r.below(after).flow:
		var elements []string
		for i := 0; i+1 < len(pairs); i += 2 {
			key := flowTree(pairs[i])
			elements = append(elements, e.flowText(key)+": "+e.flowText(pairs[i+1]))
		}
		return e.addInFlow(r, after, elements)
	}
	var lines []string
	for i := 0; i+1 < len(pairs); i += 2 {
		lines = append(lines, e.pairLines(pairs[i], pairs[i+1])...)
	}
	return e.addLines(r, after, lines)
}

// addItems adds items behind the one at index after.
func (e *editor) addItems(r valueRef, after int, items []*yaml.Node) bool {
	if r.below(after).flow {
		var elements []string
		for _, item := range items {
			elements = append(elements, e.flowText(item))
		}
		return e.addInFlow(r, after, elements)
	}
	var lines []string
	for _, item := range items {
		lines = append(lines, e.itemLines(item)...)
	}
	return e.addLines(r, after, lines)
}

func (e *editor) addLines(r valueRef, after int, lines []string) bool {
	p := e.locate(r.below(after))
	end := e.extent(p)
	if e.odd {
		return false
	}
	e.addBelow(end, e.below(lines, p.column))
	if end == len(e.text) {
		e.endBlock(r.below(after))
	}
	return true
}

// addBelow adds lines, each behind a newline, below the line that ends at end.
func (e *editor) addBelow(end int, lines string) {
	if next := e.afterLine(end); next > end {
		e.put(next, next, lines[1:]+"\n")
		return
	}
	e.put(end, end, lines)
}

// endBlock keeps the meaning of a block scalar that the text ends with, when a
// line break comes behind it where there was none.
func (e *editor) endBlock(r valueRef) {
	for isCollection(r.node) && len(r.node.Content) > 0 {
		r = r.below(r.last())
	}
	if !isBlockScalar(r.node) || r.node.Value == "" || strings.HasSuffix(r.node.Value, "\n") {
		return
	}
	at, mark := e.chomping(r.node)
	goes := func(s splice) bool { return s.from < at && at < s.to }
	if mark != "-" && !slices.ContainsFunc(e.splices, goes) {
		e.put(at, at+len(mark), "-")
	}
}

// remove removes the values at some indices, and their keys. False is that what
// holds them must be written anew.
func (e *editor) remove(r valueRef, gone []int, added int) bool {
	if len(gone) == 0 {
		return true
	}
	all := len(gone)*r.stride() == len(r.node.Content)
	flow := r.below(gone[0]).flow
	if flow && (all || added > 0 || len(gone) > 1) {
		return false
	}
	for _, i := range gone {
		e.drop(r.node.Content[i])
		if r.node.Kind == yaml.MappingNode {
			e.drop(r.node.Content[i-1])
		}
		if flow {
			e.removeInFlow(r, i)
		} else if !e.removeLines(r, i, !slices.Contains(gone, i+r.stride())) {
			return false
		}
	}
	return !e.odd
}

// removeLines removes a key or an item that has lines of its own, or shares its
// first line with the dash of an item around it.
func (e *editor) removeLines(r valueRef, index int, nextStays bool) bool {
	p := e.locate(r.below(index))
	end := e.extent(p)
	if e.odd {
		return false
	}
	begin := e.lineBegin(p.begin)
	if !e.onOwnLine(p.begin) {
		return index == r.first() && index < r.last() && nextStays && e.removeFirst(r, p, end)
	}
	if index > r.first() || r.holder != nil {
		begin = e.ownComments(begin, p.column, e.bound(r, index))
	}
	above := e.blockAbove(r, index, e.beforeLine(begin))
	to := e.afterLine(end)
	if above != nil && e.keepsBreaks(above) {
		to = e.pastBlankLines(to)
	}
	// The break above may be the one that its text ends with, unless a blank line is there.
	last := e.lineBegin(e.beforeLine(begin))
	blank := e.atLineEnd(e.pastBlanks(last))
	endsWithBreak := above != nil && strings.HasSuffix(above.Value, "\n") && (!blank || e.keepsBreaks(above))
	if to > end || begin == 0 || endsWithBreak {
		e.put(begin, to, "")
	} else {
		e.put(e.beforeLine(begin), end, "")
	}
	return true
}

// bound is the end of what stands above a key or an item.
func (e *editor) bound(r valueRef, index int) int {
	if index == r.first() {
		return e.offset(r.node)
	}
	return e.locate(r.below(index - r.stride())).to
}

// blockAbove is the block scalar that ends at end, above a key or an item; nil is
// that something else stands there. The lines below it have a meaning for it.
func (e *editor) blockAbove(r valueRef, index, end int) *yaml.Node {
	if index == r.first() || e.bound(r, index) < end {
		return nil
	}
	above := r.below(index - r.stride())
	for isCollection(above.node) && len(above.node.Content) > 0 {
		above = above.below(above.last())
	}
	if !isBlockScalar(above.node) {
		return nil
	}
	return above.node
}

func (e *editor) keepsBreaks(n *yaml.Node) bool {
	_, mark := e.chomping(n)
	return mark == "+"
}

// removeFirst removes the first key or item of a collection that begins behind
// a dash; what comes next takes its place.
func (e *editor) removeFirst(r valueRef, p slot, end int) bool {
	next := e.locate(r.below(r.first() + r.stride()))
	if e.lineBegin(next.begin) == e.afterLine(end) {
		e.put(p.begin, next.begin, "")
	} else {
		e.put(e.beforeBlanks(p.begin), end, "")
	}
	return true
}
