package cloudconfig

import (
	"bytes"
	"fmt"
	"strings"
)

// flowLevel is a bracket that is open.
type flowLevel struct {
	at      int  // of the bracket
	colons  int  // since the last comma
	value   bool // something stands since the last comma or colon
	between bool // nothing stands since the last comma
}

// quoted reads a text between quotes, over as many lines as it has.
func (r *reader) quoted() {
	at, quote := r.at, r.peek()
	for r.at++; r.at < len(r.text); r.at++ {
		switch b := r.peek(); {
		case b == '\\' && quote == '"':
			if !r.escape() {
				return
			}
		case b == quote && quote == '\'' && r.at+1 < len(r.text) && r.text[r.at+1] == '\'':
			r.at++
		case b == quote:
			r.at++
			return
		}
	}
	r.wrong(at, fmt.Sprintf("the quote %c is not closed", quote), "close it where the text ends")
}

// escape goes to the last character of an escape between double quotes.
func (r *reader) escape() bool {
	at := r.at
	r.at++
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[r.peek()]
	known := r.at < len(r.text) && (r.atEnd() || strings.ContainsRune("0abt\tnvfre \"'\\N_LPxuU", rune(r.peek())))
	for ; digits > 0 && known; digits-- {
		r.at++
		known = known && bytes.IndexByte([]byte("0123456789abcdefABCDEF"), r.peek()) >= 0
	}
	if known || r.at >= len(r.text) {
		return true
	}
	r.wrong(at, string(bytes.TrimSpace(r.text[at:r.at+1]))+" is not known between double quotes",
		`write "\\" for a backslash, or put the text between single quotes`)
	return false
}

// brackets reads a map or a list between brackets, over as many lines as it has.
func (r *reader) brackets() {
	r.flow = nil
	for r.found == nil && r.at < len(r.text) {
		if r.atEnd() {
			r.nextLine()
			continue
		}
		if r.flowToken(); len(r.flow) == 0 {
			return
		}
	}
	if len(r.flow) > 0 {
		r.unclosed(r.flow[len(r.flow)-1].at)
	}
}

func (r *reader) unclosed(at int) {
	closing := map[byte]string{'[': "]", '{': "}"}[r.text[at]]
	r.wrong(at, fmt.Sprintf("the bracket %c is not closed", r.text[at]), fmt.Sprintf("write %q where it ends", closing))
}

// flowToken reads the next thing between brackets.
func (r *reader) flowToken() {
	at := r.at
	switch b := r.peek(); {
	case isBlank(b):
		r.at++
	case b == '#' && (at == 0 || isBlank(r.text[at-1])):
		r.at = lineEnd(r.text, at)
	case b == '[' || b == '{':
		r.startValue()
		r.flow = append(r.flow, flowLevel{at: at, between: true})
		r.at++
	case b == ']' || b == '}':
		r.closeBracket(b)
	case b == ',':
		r.comma()
	case b == ':' && r.isFlowColon():
		r.colon()
	case b == '"' || b == '\'':
		r.startValue()
		r.quoted()
	case b == '*':
		r.startValue()
		r.alias()
	case b == '&' || b == '!':
		for !r.atEnd() && !isBlank(r.peek()) && !strings.ContainsRune(",[]{}", rune(r.peek())) {
			r.at++
		}
		if b == '&' {
			r.anchors[string(r.text[at+1:r.at])] = true
		}
	case b == '?' && r.isMarker("?"):
		r.beyond, r.at = true, len(r.text)
		r.flow = nil
	default:
		r.startValue()
		r.flowText(b)
	}
}

func (r *reader) level() *flowLevel {
	if len(r.flow) == 0 {
		return &flowLevel{}
	}
	return &r.flow[len(r.flow)-1]
}

// startValue notes a value; two of them need a comma between.
func (r *reader) startValue() {
	l := r.level()
	if l.value && r.found == nil {
		r.missingComma()
	}
	l.value, l.between = true, false
}

// missingComma blames the bracket when the line looks as if it stood below.
func (r *reader) missingComma() {
	l := r.level()
	begin := r.at
	for begin > 0 && breakAt(r.text, begin-1) == 0 {
		begin--
	}
	onlyBlank := len(bytes.TrimSpace(r.text[begin:r.at])) == 0
	if begin > l.at && onlyBlank {
		r.unclosed(l.at)
		return
	}
	r.wrong(r.at, "a comma is missing", "between brackets, put a comma between items, and texts with a colon between quotes")
}

func (r *reader) closeBracket(b byte) {
	open := r.text[r.level().at]
	if open == '[' && b != ']' || open == '{' && b != '}' {
		r.wrong(r.at, fmt.Sprintf("the bracket %c is closed with %c", open, b), "")
		return
	}
	r.flow = r.flow[:len(r.flow)-1]
	r.at++
}

func (r *reader) comma() {
	l := r.level()
	if l.between {
		r.wrong(r.at, "an item is missing before the comma", "remove the comma")
		return
	}
	*l = flowLevel{at: l.at, between: true}
	r.at++
}

func (r *reader) isFlowColon() bool {
	if r.at+1 >= len(r.text) {
		return true
	}
	next := r.text[r.at+1]
	return isBlank(next) || strings.ContainsRune(",[]{}", rune(next)) || r.text[r.at-1] == '"' || r.text[r.at-1] == '\''
}

func (r *reader) colon() {
	l := r.level()
	if l.between {
		r.wrong(r.at, "a key is missing before the colon", "")
		return
	}
	if l.colons++; l.colons > 1 {
		r.missingComma()
		return
	}
	l.value, l.between = false, false
	r.at++
}

// flowText reads a text without quotes, which may go on in the next line.
func (r *reader) flowText(first byte) {
	if strings.ContainsRune("@`%|>", rune(first)) {
		r.wrong(r.at, fmt.Sprintf("a text cannot begin with %q", string(first)), quoteIt)
		return
	}
	if first == '-' && r.isItem() {
		r.wrong(r.at, `"- " is not for lists between brackets`, "put commas between items")
		return
	}
	at := r.at
	for r.at < len(r.text) {
		switch b := r.peek(); {
		case strings.ContainsRune(",[]{}", rune(b)), b == '#' && isBlank(r.text[r.at-1]):
			return
		case b == ':' && r.isFlowColon():
			if bytes.ContainsAny(r.text[at:r.at], "\r\n") {
				r.unclosed(r.level().at) // no key has two lines: the second one stands below
			}
			return
		}
		r.at++
	}
}
