package cloudconfig

import "strings"

// addInFlow adds elements between brackets, behind the one at index after.
func (e *editor) addInFlow(r valueRef, after int, elements []string) bool {
	open, ok := e.open(r.node)
	p := e.locate(r.below(after))
	if !ok || e.odd {
		return false
	}
	if after < r.last() || !e.aloneInFlow(p, open) {
		comma := ", "
		if p.colon && p.from == p.to {
			comma = " , " // a colon must not touch it
		}
		e.put(p.to, p.to, comma+strings.Join(elements, ", "))
		return true
	}
	pad := "\n" + string(e.text[e.lineBegin(p.begin):p.begin])
	comma := e.pastBlanks(p.to)
	if e.is(comma, ',') {
		e.addBelow(e.lineEnd(comma), pad+strings.Join(elements, ","+pad)+",")
		return true
	}
	e.put(p.to, p.to, ",")
	e.addBelow(e.lineEnd(p.to), pad+strings.Join(elements, ","+pad))
	return true
}

// aloneInFlow says that an element between brackets has lines of its own.
func (e *editor) aloneInFlow(p slot, open int) bool {
	if e.lineBegin(p.begin) <= open || !e.onOwnLine(p.begin) {
		return false
	}
	end := e.pastBlanks(p.to)
	if e.is(end, ',') {
		end++
	}
	_, end = e.comment(end)
	return e.atLineEnd(e.pastBlanks(end))
}

// removeInFlow removes one of several elements between brackets.
func (e *editor) removeInFlow(r valueRef, index int) {
	open, ok := e.open(r.node)
	p := e.locate(r.below(index))
	e.odd = e.odd || !ok
	if e.odd {
		return
	}
	comma := e.pastBlanks(p.to)
	switch alone := e.aloneInFlow(p, open); {
	case alone && (index < r.last() || e.is(comma, ',')):
		begin := e.ownComments(e.lineBegin(p.begin), p.column, open)
		e.put(begin, e.afterLine(e.lineEnd(comma)), "")
	case index < r.last():
		e.put(p.begin, e.locate(r.below(index+r.stride())).begin, "")
	case alone:
		before := e.locate(r.below(index - r.stride()))
		comma := e.pastTrivia(before.to)
		begin := e.ownComments(e.lineBegin(p.begin), p.column, comma+1)
		e.odd = e.odd || !e.is(comma, ',')
		e.put(comma, comma+1, "")
		e.put(begin, e.afterLine(e.lineEnd(p.to)), "")
	default:
		e.put(e.locate(r.below(index-r.stride())).to, p.to, "")
	}
}
