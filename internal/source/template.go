package source

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/ros-os/ros/cloudconfig"
)

// mostExpressions bounds how many expressions of one template are told.
const mostExpressions = 20

// isTemplate says whether a piece is for cloud-init's template engine.
func isTemplate(data []byte, declared string) bool {
	return declared == "text/jinja2" || strings.HasPrefix(strings.ToLower(firstLine(data)), "## template:")
}

// template takes a text without expressions for what it is: many texts say that
// they are templates and are none. There is no template engine here, so each
// expression is a problem with its place, and the text is not used.
func (s *splitter) template(p userPart, depth int) {
	found := expressions(p.data)
	for _, e := range found {
		s.report = append(s.report, cloudconfig.Problem{
			Pos: cloudconfig.Pos{File: p.file(s.part, s.datasource), Line: e.line, Col: e.col},
			Msg: fmt.Sprintf("templates are not read: %s stands for nothing", clip(e.text)), Hint: e.instead(),
		})
	}
	if len(found) == 0 {
		p.data = withoutTemplateHeader(p.data)
		s.piece(p, "", depth+1)
	}
}

// withoutTemplateHeader has the second line, which says what the text is, in the
// place of the first, too: all lines keep their numbers.
func withoutTemplateHeader(data []byte) []byte {
	first, rest, more := bytes.Cut(data, []byte("\n"))
	switch {
	case !isTemplate(first, ""):
		return data // its type said so alone
	case !more:
		return nil
	}
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	return bytes.Join([][]byte{second, rest}, []byte("\n"))
}

// expression is one of a template's, as written.
type expression struct {
	text      string
	line, col int
}

// expressionForm is what a template engine would act on; one that goes on in
// another line is known by its beginning.
var expressionForm = regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|\{[{%#]`)

func expressions(data []byte) []expression {
	var all []expression
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		for _, at := range expressionForm.FindAllStringIndex(text, mostExpressions-len(all)) {
			all = append(all, expression{text: text[at[0]:at[1]], line: line, col: utf8.RuneCountInString(text[:at[0]]) + 1})
		}
		if len(all) == mostExpressions {
			break
		}
	}
	return all
}

// instead is what to write in the place of an expression.
func (e expression) instead() string {
	text := strings.ToLower(strings.ReplaceAll(e.text, "-", "_"))
	for _, known := range []struct{ word, hint string }{
		{"public_ipv4", "write $public_ipv4"},
		{"public_ipv6", "write $public_ipv6"},
		{"local_ipv4", "write $private_ipv4"},
		{"private_ipv4", "write $private_ipv4"},
		{"local_ipv6", "write $private_ipv6"},
		{"hostname", "leave it out: the datasource's host name is used where no other is given; a command asks hostname"},
	} {
		if strings.HasPrefix(text, "{{") && strings.Contains(text, known.word) {
			return known.hint
		}
	}
	return "write the value; of what the datasource knows there are $private_ipv4, $public_ipv4, $private_ipv6 and $public_ipv6"
}
