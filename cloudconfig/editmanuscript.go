package cloudconfig

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// manuscript is a text as its user wrote it, and as it is read: without a byte
// order mark, with LF where he has CRLF.
type manuscript struct {
	written []byte
	text    []byte
	begin   int   // of text in written
	returns []int // offsets in text of the LF that are CRLF in written
	newline string
}

func newManuscript(doc []byte) manuscript {
	m := manuscript{written: doc, text: normalise(doc), newline: "\n"}
	body := bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))
	m.begin = len(doc) - len(body)
	if len(body) == len(m.text) {
		return m
	}
	for at := 0; ; {
		i := bytes.Index(body[at:], []byte("\r\n"))
		if i < 0 {
			break
		}
		at += i
		m.returns = append(m.returns, at-len(m.returns))
		at += 2
	}
	if m.returns[0] == bytes.IndexByte(m.text, '\n') {
		m.newline = "\r\n"
	}
	return m
}

// splice replaces the bytes of a text from one offset to another.
type splice struct {
	from, to int
	with     string
}

// inOrder puts splices in the order of the text; false is that two of them change
// the same bytes.
func inOrder(splices []splice) bool {
	slices.SortStableFunc(splices, func(a, b splice) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	end := 0
	for _, s := range splices {
		if s.from < end || s.to < s.from {
			return false
		}
		end = s.to
	}
	return true
}

// apply changes what was written, in the user's way of ending lines.
func (m manuscript) apply(splices []splice) []byte {
	var out bytes.Buffer
	out.Grow(len(m.written) + 256)
	at := 0
	for _, s := range splices {
		out.Write(m.written[at:m.writtenAt(s.from)])
		if m.newline == "\n" {
			out.WriteString(s.with)
		} else {
			out.WriteString(strings.ReplaceAll(s.with, "\n", m.newline))
		}
		at = m.writtenAt(s.to)
	}
	out.Write(m.written[at:])
	return out.Bytes()
}

func (m manuscript) writtenAt(offset int) int {
	return m.begin + offset + sort.SearchInts(m.returns, offset)
}

// attempts are ways to make a text say what is wanted, those that change least
// first.
func (m manuscript) attempts(raw, old, want *yaml.Node) iter.Seq[[]splice] {
	return func(yield func([]splice) bool) {
		if raw == nil {
			if !yield(m.begun(want)) {
				return
			}
		} else if !m.changed(raw, old, want, yield) {
			return
		}
		for _, all := range m.rewritten(want) {
			if !yield(all) {
				return
			}
		}
	}
}

// changed tries splices of ever larger values.
func (m manuscript) changed(raw, old, want *yaml.Node, yield func([]splice) bool) bool {
	e := newEditor(m.text, raw)
	for depth, plain := maxDepth, false; depth > 0; {
		e.depth, e.plain = depth, plain
		if splices, ok := e.differ(old, want); ok && !yield(splices) {
			return false
		}
		if plain {
			depth = min(depth, e.deepest) - 1
		}
		plain = true
	}
	return true
}

// begun is the text that has at most comments with its first values.
func (m manuscript) begun(want *yaml.Node) []splice {
	text, err := encodeIndented(want, defaultStep)
	if err != nil {
		return nil
	}
	end := len(m.text)
	if end > 0 && !endsLine(m.text) {
		text = "\n" + strings.TrimSuffix(text, "\n")
	}
	return []splice{{end, end, text}}
}

// rewritten is the whole text encoded anew, below the comments that it begins
// with: if that can be, with no newline at the end where there was none.
func (m manuscript) rewritten(want *yaml.Node) [][]splice {
	first, lines := firstComments(m.text)
	root := copyTree(want)
	root.HeadComment = ""
	if len(root.Content) > 0 && root.Content[0].Line == lines+1 {
		root.Content[0].HeadComment = ""
	}
	var all [][]splice
	for _, n := range []*yaml.Node{root, safeTree(root)} {
		text, err := encodeIndented(n, defaultStep)
		if err != nil {
			continue
		}
		if !endsLine(m.text) && len(m.text) > 0 {
			all = append(all, []splice{{len(first), len(m.text), strings.TrimSuffix(text, "\n")}})
		}
		all = append(all, []splice{{len(first), len(m.text), text}})
	}
	return all
}

// firstComments are the lines before the first that is no comment.
func firstComments(text []byte) (first []byte, lines int) {
	at := 0
	for at < len(text) {
		end := lineEnd(text, at)
		line := bytes.TrimSpace(text[at:end])
		if len(line) > 0 && line[0] != '#' || end == len(text) {
			break
		}
		at = end + breakAt(text, end)
		lines++
	}
	return text[:at], lines
}

func endsLine(text []byte) bool {
	return lastBreak(text) > 0
}
