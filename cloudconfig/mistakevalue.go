package cloudconfig

import (
	"bytes"
	"fmt"
	"strings"
)

// node reads what begins at r.at, in the given column of its line: items, a
// key, a value. Behind a key no further key may follow in the same line.
func (r *reader) node(column int, behindKey bool) {
	at := r.at
	switch {
	case r.beyond:
	case r.atEnd() || r.peek() == '#':
		r.last = lastValue{kind: missing}
		r.nextLine()
	case r.isItem() && behindKey:
		r.wrong(at, "a list cannot begin behind a key", "write the items in the lines below, or between [ and ]")
	case r.isItem():
		r.ensure(block{column, true})
		r.at++
		if r.peek() == '\t' {
			r.wrong(r.at, "a tab stands behind the dash", "use a space")
			return
		}
		r.blanks()
		r.node(column+r.at-at, false)
	case r.isMarker("?"):
		r.beyond = true
	case r.peek() == '&' || r.peek() == '!':
		r.property(column, behindKey)
	case r.peek() == '|' || r.peek() == '>':
		r.literal()
	default:
		r.scalarOrKey(column, behindKey)
	}
}

// ensure opens a block unless it is open.
func (r *reader) ensure(b block) {
	if r.top() != b {
		r.blocks = append(r.blocks, b)
	}
	r.beyond = r.beyond || len(r.blocks) > 100*maxDepth
	r.last = lastValue{kind: missing}
}

func (r *reader) blanks() {
	for r.peek() == ' ' || r.peek() == '\t' {
		r.at++
	}
}

// property reads an anchor or a tag, and what it belongs to.
func (r *reader) property(column int, behindKey bool) {
	at := r.at
	for !r.atEnd() && !isBlank(r.peek()) {
		r.at++
	}
	if name := r.text[at+1 : r.at]; r.text[at] == '&' {
		if !isAnchor(name) {
			r.wrong(at, `a text cannot begin with "&"`, quoteIt)
			return
		}
		r.anchors[string(name)] = true
	} else if bytes.HasPrefix(name, []byte("<")) && !bytes.HasSuffix(name, []byte(">")) {
		r.wrong(at, `a text cannot begin with "!<"`, quoteIt)
		return
	}
	r.blanks()
	if r.atEnd() || r.peek() == '#' {
		r.last = lastValue{kind: missing}
		r.nextLine()
		return
	}
	r.node(column, behindKey)
}

func isAnchor(name []byte) bool {
	for _, b := range name {
		if b != '_' && b != '-' && (b < '0' || b > '9') && (b|0x20 < 'a' || b|0x20 > 'z') {
			return false
		}
	}
	return len(name) > 0
}

// scalarOrKey reads a text, an alias or brackets, and the colon behind it that
// makes a key of them.
func (r *reader) scalarOrKey(column int, behindKey bool) {
	at, line := r.at, lineEnd(r.text, r.at)
	var colon int
	kind := closed
	switch b := r.peek(); b {
	case '"', '\'':
		r.quoted()
		colon = r.behindClosed(at)
	case '[', '{':
		r.brackets()
		colon = r.behindClosed(at)
	case '*':
		r.alias()
		colon = r.behindClosed(at)
	default:
		kind = plain
		if !r.mayBegin(b) {
			return
		}
		colon = r.plainEnd()
	}
	switch {
	case r.found != nil:
	case colon < 0:
		r.value(at, column, kind, behindKey)
	case behindKey:
		r.wrong(colon, "a second colon, where a value has begun already", quoteIt)
	case colon > line:
		r.beyond = true // a key of several lines
	default:
		r.ensure(block{column, false})
		r.at = colon + 1
		r.blanks()
		r.node(column, true)
	}
}

// value ends a value that is no key. Among keys there cannot be one.
func (r *reader) value(at, column int, kind valueKind, behindKey bool) {
	if top := r.top(); !behindKey && !top.list && top.indent == column && len(r.blocks) > 0 {
		r.noColon(at)
		return
	}
	if !behindKey && r.last.kind == plain && r.top().indent < 0 {
		at = r.last.at // a text at the top goes on
	}
	r.last = lastValue{kind, at}
	r.nextLine()
}

// mayBegin says whether a text without quotes may begin with a character.
func (r *reader) mayBegin(b byte) bool {
	switch b {
	case '@', '`', '%':
		r.wrong(r.at, fmt.Sprintf("a text cannot begin with %q", string(b)), quoteIt)
	case ']', '}':
		r.wrong(r.at, fmt.Sprintf("a %q that closes nothing", string(b)), "remove it, or "+quoteIt)
	case ',':
		r.wrong(r.at, `a text cannot begin with ","`, quoteIt)
	case ':':
		if r.at+1 >= len(r.text) || isBlank(r.text[r.at+1]) {
			r.wrong(r.at, "a key is missing before the colon", "")
		}
	}
	return r.found == nil
}

// plainEnd goes to the end of a text without quotes: its line, a comment, or
// the colon of a key, whose offset it returns.
func (r *reader) plainEnd() (colon int) {
	for ; !r.atEnd(); r.at++ {
		switch b := r.peek(); {
		case b == ':' && (r.at+1 >= len(r.text) || isBlank(r.text[r.at+1])):
			return r.at
		case b == '#' && isBlank(r.text[r.at-1]):
			return -1
		}
	}
	return -1
}

// behindClosed looks at what follows quotes, brackets or an alias in their line.
func (r *reader) behindClosed(at int) (colon int) {
	if r.found != nil {
		return -1
	}
	end := r.at
	r.blanks()
	switch {
	case r.atEnd() || r.peek() == '#' && r.at > end:
	case r.peek() == ':':
		return r.at
	case bytes.HasPrefix(r.text[at:], []byte("{{")):
		r.wrong(at, `"{{" begins a map`, "put the text between quotes")
	case r.text[at] == '*':
		r.wrong(at, `a text cannot begin with "*"`, quoteIt)
	case lineEnd(r.text, at) < end:
		r.wrong(at, fmt.Sprintf("the %s is not closed in its line", nameOf(r.text[at])), "close it where the value ends")
	case r.text[at] == '\'':
		r.wrong(r.at, "text follows behind the closing quote", "inside of '…' write '' for a quote, or put the whole text between double quotes")
	case r.text[at] == '"':
		r.wrong(r.at, "text follows behind the closing quote", `put the whole text between quotes; inside of "…" write \" for a quote`)
	default:
		r.wrong(r.at, "text follows behind the closing bracket", quoteIt)
	}
	return -1
}

func nameOf(b byte) string {
	if b == '[' || b == '{' {
		return "bracket " + string(b)
	}
	return "quote " + string(b)
}

// alias reads "*name".
func (r *reader) alias() {
	at := r.at
	for !r.atEnd() && !isBlank(r.peek()) && !strings.ContainsRune(",]}:", rune(r.peek())) {
		r.at++
	}
	name := r.text[at+1 : r.at]
	switch {
	case !isAnchor(name):
		r.wrong(at, `a text cannot begin with "*"`, quoteIt)
	case !r.anchors[string(name)]:
		// The name is not shown: it may be a password without quotes.
		r.wrong(at, "an alias refers to nothing: no value above has an anchor of this name", quoteIt+` if it is a text that begins with "*"`)
	}
}

// literal reads "|" or ">" and the lines of text below.
func (r *reader) literal() {
	at := r.at
	given := 0 // the indentation that the header says
	for r.at++; strings.ContainsRune("+-123456789", rune(r.peek())); r.at++ {
		if r.peek() > '0' {
			given = int(r.peek() - '0')
		}
	}
	end := r.at
	r.blanks()
	if !r.atEnd() && (r.peek() != '#' || r.at == end) {
		r.wrong(r.at, fmt.Sprintf("text stands behind %q", r.text[at:at+1]), "begin the text in the next line, or "+quoteIt)
		return
	}
	r.nextLine()
	parent := r.top().indent
	indent := 0
	if given > 0 {
		indent = max(parent, 0) + given
	}
	for r.at < len(r.text) && r.found == nil && r.literalLine(parent, &indent) {
		r.nextLine()
	}
	r.last = lastValue{literal, at}
}

// literalLine says whether a line belongs to a text behind "|" or ">", whose
// indentation its first line gives.
func (r *reader) literalLine(parent int, indent *int) bool {
	begin := r.at
	for r.peek() == ' ' && (*indent == 0 || r.at-begin < *indent) {
		r.at++
	}
	n := r.at - begin
	switch {
	case r.atEnd():
		return true
	case r.peek() == '\t' && n < max(*indent, parent+1):
		if strings.TrimSpace(string(r.text[r.at:lineEnd(r.text, r.at)])) != "" || *indent == 0 {
			r.wrong(r.at, "a tab is used for indentation", "use spaces")
			return false
		}
		return true
	case *indent == 0 && n > parent:
		*indent = n
		return true
	case *indent > 0 && n >= *indent:
		return true
	}
	r.at = begin
	return false
}
