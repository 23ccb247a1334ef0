package cloudconfig

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// scanner finds where the nodes of a text end; the YAML library tells only where
// they begin. It may trust that the text is valid.
type scanner struct {
	text  []byte
	lines []int // offsets where lines begin
	odd   bool  // something is not where it was expected: nothing can be trusted
}

func newScanner(text []byte) scanner {
	s := scanner{text: text, lines: make([]int, 1, len(text)/24+1)}
	for i := 0; i < len(text); {
		n := 1
		if b := text[i]; b < ' ' || b >= 0x80 {
			if n = breakAt(text, i); n > 0 {
				s.lines = append(s.lines, i+n)
			}
			n = max(n, 1)
		}
		i += n
	}
	return s
}

// offset is where a node begins: columns count characters.
func (s *scanner) offset(n *yaml.Node) int {
	if n.Line == len(s.lines)+1 && n.Kind == yaml.ScalarNode && n.Value == "" {
		return len(s.text) // what is missing behind a last line without an end
	}
	if n.Line < 1 || n.Line > len(s.lines) {
		s.odd = true
		return len(s.text)
	}
	at := s.lines[n.Line-1]
	for range n.Column - 1 {
		if at >= len(s.text) {
			break
		}
		if s.text[at] < utf8.RuneSelf {
			at++
			continue
		}
		_, size := utf8.DecodeRune(s.text[at:])
		at += size
	}
	return at
}

func (s *scanner) is(at int, b byte) bool { return at < len(s.text) && s.text[at] == b }

func (s *scanner) lineBegin(at int) int {
	return s.lines[sort.SearchInts(s.lines, at+1)-1]
}

func (s *scanner) lineEnd(at int) int { return lineEnd(s.text, at) }

// afterLine is where the line behind the one that ends at end begins.
func (s *scanner) afterLine(end int) int {
	if end < len(s.text) {
		end += breakAt(s.text, end)
	}
	return end
}

// beforeLine is where the line ends that is above the one that begins at begin.
func (s *scanner) beforeLine(begin int) int {
	return begin - lastBreak(s.text[:begin])
}

func (s *scanner) atLineEnd(at int) bool {
	return at >= len(s.text) || breakAt(s.text, at) > 0
}

func (s *scanner) pastBlanks(at int) int {
	for at < len(s.text) && (s.text[at] == ' ' || s.text[at] == '\t') {
		at++
	}
	return at
}

// pastBlankLines skips the lines from at that are blank.
func (s *scanner) pastBlankLines(at int) int {
	for end := s.pastBlanks(at); end < len(s.text) && s.atLineEnd(end); end = s.pastBlanks(at) {
		at = s.afterLine(end)
	}
	return at
}

// pastTrivia skips blanks, comments and line breaks.
func (s *scanner) pastTrivia(at int) int {
	for {
		at = s.pastBlanks(at)
		if s.is(at, '#') {
			at = s.lineEnd(at)
		}
		if at >= len(s.text) || breakAt(s.text, at) == 0 {
			return at
		}
		at += breakAt(s.text, at)
	}
}

// comment is the comment behind at, in the same line, with the space before it.
func (s *scanner) comment(at int) (text string, end int) {
	from := s.pastBlanks(at)
	if !s.is(from, '#') {
		return "", at
	}
	end = s.lineEnd(from)
	return string(bytes.TrimRight(s.text[at:end], " \t")), end
}

// pastMarks skips anchor and tag of a value. end is right behind them, at where
// the value itself begins.
func (s *scanner) pastMarks(from int) (end, at int) {
	end, at = from, from
	for s.is(at, '&') || s.is(at, '!') {
		end = at
		for end < len(s.text) && !strings.ContainsRune(" \t,[]{}", rune(s.text[end])) && breakAt(s.text, end) == 0 {
			end++
		}
		at = s.pastTrivia(end)
	}
	return end, at
}

// scalarEnd is the end of a scalar that is not nothing.
func (s *scanner) scalarEnd(n *yaml.Node) int {
	end, at := s.pastMarks(s.offset(n))
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return s.quoteEnd(at, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return s.quoteEnd(at, '\'')
	case isBlockScalar(n):
		return s.blockEnd(n, at)
	case n.Value == "":
		return end
	}
	return s.pastWords(at, n.Value)
}

func isBlockScalar(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

func (s *scanner) quoteEnd(at int, quote byte) int {
	s.odd = s.odd || !s.is(at, quote)
	for at++; at < len(s.text); at++ {
		switch {
		case s.text[at] == '\\' && quote == '"':
			at++
		case s.text[at] == quote && quote == '\'' && s.is(at+1, quote):
			at++
		case s.text[at] == quote:
			return at + 1
		}
	}
	s.odd = true
	return len(s.text)
}

// pastWords goes past the words of a value: in a text that is not quoted only
// white space is written in another way than it is read.
func (s *scanner) pastWords(at int, value string) int {
	end := at
	for i := 0; i < len(value); {
		if b := value[i]; b > ' ' && b < utf8.RuneSelf && s.is(at, b) {
			i++
			at++
			end = at
			continue
		}
		if n := spaceAt([]byte(value[i:min(i+3, len(value))])); n > 0 {
			i += n
			continue
		}
		for at < len(s.text) {
			n := spaceAt(s.text[at:])
			if n == 0 {
				break
			}
			at += n
		}
		if !s.is(at, value[i]) {
			s.odd = true
			return end
		}
		i++
		at++
		end = at
	}
	return end
}

// spaceAt is the length of the white space that a text begins with.
func spaceAt(text []byte) int {
	switch {
	case len(text) == 0:
		return 0
	case text[0] == ' ' || text[0] == '\t':
		return 1
	}
	return breakAt(text, 0)
}

// blockEnd is the end of a text behind "|" or ">": of its last line, or when
// empty lines belong to it, of the last of these.
func (s *scanner) blockEnd(n *yaml.Node, at int) int {
	s.odd = s.odd || !s.is(at, '|') && !s.is(at, '>')
	header := s.lineEnd(at)
	end := s.pastWords(header, n.Value)
	if end < header {
		s.odd = true
		return header
	}
	end = s.lineEnd(end)
	words := strings.TrimRight(n.Value, " \t\n\r\u0085\u2028\u2029")
	if tail := n.Value[len(words):]; tail == "" || tail == "\n" && len(words) > 0 {
		return end
	}
	for {
		next := s.afterLine(end)
		if next == end || next == len(s.text) || !s.atLineEnd(s.pastBlanks(next)) {
			return end
		}
		end = s.lineEnd(next)
	}
}

// chomping is where the header of a block scalar says what happens to the line
// breaks at its end: the mark is "+", "-", or empty.
func (s *scanner) chomping(n *yaml.Node) (at int, mark string) {
	_, begin := s.pastMarks(s.offset(n))
	at = begin + 1
	for ; at < len(s.text) && strings.ContainsRune("+-0123456789", rune(s.text[at])); at++ {
		if s.text[at] == '+' || s.text[at] == '-' {
			return at, string(s.text[at])
		}
	}
	return at, ""
}

// lastBreak is the length of the line break that a text ends with.
func lastBreak(text []byte) int {
	for _, n := range []int{2, 3, 1} {
		if at := len(text) - n; at >= 0 && breakAt(text, at) == n {
			return n
		}
	}
	return 0
}
