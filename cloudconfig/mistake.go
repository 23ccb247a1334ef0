package cloudconfig

import (
	"bytes"
	"fmt"
	"regexp"
)

// mistake is a place where a text is not YAML, in a person's words.
type mistake struct {
	at        int // offset
	msg, hint string
}

// firstMistake looks for what people do wrong in YAML. It is asked only about a
// text that the parser refused: the parser knows that something is wrong, but
// seldom where, and never in words that help. It reads only the plain part of
// YAML, and finds nothing in a text that goes beyond it.
func firstMistake(text []byte) *mistake {
	r := reader{text: text, anchors: map[string]bool{}}
	for r.found == nil && !r.beyond && r.at < len(text) {
		r.line()
	}
	return r.found
}

// reader reads a text line by line.
type reader struct {
	text    []byte
	at      int             // offset of what is read next
	blocks  []block         // open maps and lists, outermost first
	anchors map[string]bool // names that "&" gave
	last    lastValue
	flow    []flowLevel // open brackets, outermost first
	found   *mistake
	beyond  bool // the text has something that is not known here
}

// block is a map or a list that is written line by line.
type block struct {
	indent int
	list   bool
}

// lastValue says what the value before the line was, which decides what a line
// that is indented deeper can be.
type lastValue struct {
	kind valueKind
	at   int // of its first character
}

type valueKind int

const (
	missing valueKind = iota // "key:" or "-" with nothing behind, or nothing at all
	plain                    // a text without quotes, which may go on
	closed                   // quotes or brackets
	literal                  // a text behind | or >
)

func (r *reader) wrong(at int, msg, hint string) {
	if r.found == nil {
		r.found = &mistake{at: at, msg: msg, hint: hint}
	}
}

// line reads one line, and all lines that belong to a value that begins in it.
func (r *reader) line() {
	begin := r.at
	for r.peek() == ' ' {
		r.at++
	}
	switch {
	case r.atEnd() || r.peek() == '#':
		r.nextLine()
		return
	case r.peek() == '\t':
		r.tab()
		return
	case r.at == begin && (r.isMarker("---") || r.isMarker("...")):
		r.blocks, r.last = nil, lastValue{}
		r.nextLine()
		return
	case r.at == begin && r.peek() == '%':
		r.wrong(r.at, `a line cannot begin with "%"`, quoteIt)
		return
	}
	r.open(r.at - begin)
}

// tab reads a line whose indentation has a tab. In a line without anything else
// it does harm only where a text may go on.
func (r *reader) tab() {
	at := r.at
	for r.peek() == ' ' || r.peek() == '\t' {
		r.at++
	}
	switch {
	case !r.atEnd():
		r.wrong(at, "a tab is used for indentation", "use spaces")
	case r.last.kind == plain:
		r.wrong(at, "a tab is used in an empty line", "remove it")
	default:
		r.nextLine()
	}
}

// open closes the blocks that end before a line of this indentation.
func (r *reader) open(indent int) {
	deeper := -1
	for n := len(r.blocks); n > 0 && r.blocks[n-1].indent > indent; n-- {
		deeper = r.blocks[n-1].indent
		r.blocks = r.blocks[:n-1]
	}
	isItem := r.isItem()
	if n := len(r.blocks); n > 1 && !isItem && r.blocks[n-1].list && r.blocks[n-1].indent == indent && r.blocks[n-2].indent == indent {
		r.blocks = r.blocks[:n-1] // a list may be indented like the key that it belongs to
	}
	top := r.top()
	switch {
	case top.indent == indent && top.list == isItem:
	case top.indent == indent && isItem && r.last.kind == missing:
	case top.indent == indent && isItem:
		r.wrong(r.at, "an item of a list stands among keys", `a list belongs below a line such as "key:"`)
	case top.indent == indent && r.peek() == '-':
		r.wrong(r.at, "a space is missing behind the dash", "write \"- \" before each item")
	case top.indent == indent:
		r.wrong(r.at, "a key stands among the items of a list", `begin the line with "- ", or indent it like the key that the list belongs to`)
	case deeper >= 0 && r.last.kind != missing || deeper >= 0 && len(r.blocks) > 0:
		r.wrong(r.at, fmt.Sprintf("indented by %s, which fits none of the lines above", spaces(indent)),
			fmt.Sprintf("indent it by %s or by %s", spaces(max(top.indent, 0)), spaces(deeper)))
	case r.last.kind == missing:
	default:
		r.deeper()
		return
	}
	if r.found == nil {
		r.node(indent, false)
	}
}

// deeper reads a line that is indented deeper than the value before it.
func (r *reader) deeper() {
	at := r.at
	colon := r.plainEnd()
	switch {
	case colon >= 0 && r.last.kind == plain && r.beginsLine(r.last.at):
		r.noColon(r.last.at)
	case colon >= 0:
		r.wrong(at, "indented deeper than the line above, which has a value already", "indent both alike, or remove the value above")
	case r.last.kind == plain:
		r.nextLine()
	case r.last.kind == literal:
		r.wrong(at, "indented less than the first line of the text above, and more than its key", "indent all lines of the text alike")
	default:
		r.wrong(at, "does not belong to the value above, which has ended", "")
	}
}

var (
	noSpace  = regexp.MustCompile(`^[A-Za-z0-9_.-]+:[^\s/]`)
	equals   = regexp.MustCompile(`^([A-Za-z0-9_.-]+)\s*=\s*\S`)
	conflict = regexp.MustCompile(`^(<<<<<<<|=======|>>>>>>>)( |$)`)
)

const quoteIt = "put the text between quotes"

// noColon is about a line among keys that has none.
func (r *reader) noColon(at int) {
	line := r.text[at:lineEnd(r.text, at)]
	switch {
	case conflict.Match(line):
		r.wrong(at, "the mark of a merge conflict", "keep one of both versions, and remove the marks")
	case noSpace.Match(line):
		colon := bytes.IndexByte(line, ':')
		r.wrong(at+colon, "a space is missing behind the colon", fmt.Sprintf("write %q", string(line[:colon+1])+" …"))
	case equals.Match(line):
		key := equals.FindSubmatch(line)[1]
		r.wrong(at, "a colon is missing", fmt.Sprintf("write %q", string(key)+": …"))
	default:
		r.wrong(at, "a colon is missing", `write "key: value"`)
	}
}

// beginsLine says that nothing stands before an offset in its line.
func (r *reader) beginsLine(at int) bool {
	for at > 0 && r.text[at-1] == ' ' {
		at--
	}
	return at == 0 || breakAt(r.text, at-1) > 0
}

func (r *reader) top() block {
	if len(r.blocks) == 0 {
		return block{indent: -1}
	}
	return r.blocks[len(r.blocks)-1]
}

func spaces(n int) string {
	switch n {
	case 0:
		return "no space"
	case 1:
		return "1 space"
	}
	return fmt.Sprintf("%d spaces", n)
}

// peek is the next byte, or a line break at the end of the text.
func (r *reader) peek() byte {
	if r.at >= len(r.text) {
		return '\n'
	}
	return r.text[r.at]
}

// atEnd says that the line has ended.
func (r *reader) atEnd() bool {
	return r.at >= len(r.text) || breakAt(r.text, r.at) > 0
}

// nextLine goes behind the next line break.
func (r *reader) nextLine() {
	r.at = lineEnd(r.text, r.at)
	if r.at < len(r.text) {
		r.at += breakAt(r.text, r.at)
	}
}

func (r *reader) isMarker(m string) bool {
	rest := r.text[r.at:]
	return bytes.HasPrefix(rest, []byte(m)) && (len(rest) == len(m) || isBlank(rest[len(m)]))
}

func (r *reader) isItem() bool { return r.isMarker("-") }

// isBlank is about what may stand behind an indicator.
func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }
