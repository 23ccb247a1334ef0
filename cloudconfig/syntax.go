package cloudconfig

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// refusal is what the YAML parser says about a text that it does not take.
type refusal struct {
	line int    // 0 when unknown; often where the block around begins
	msg  string // without the line
	read int    // offset behind what the parser had looked at
}

var yamlErrorLine = regexp.MustCompile(`(?s)^(?:yaml: )?(?:line (\d+): )?(.*)$`)

func newRefusal(text []byte, err error) refusal {
	msg := strings.TrimSpace(err.Error())
	r := refusal{msg: msg, read: readUpTo(text)}
	if m := yamlErrorLine.FindStringSubmatch(msg); m != nil {
		r.msg = m[2]
		if line, err := strconv.Atoi(m[1]); err == nil {
			r.line = line
		}
	}
	return r
}

// syntaxProblem turns an error of the YAML parser into a problem at the place
// that a person has to look at.
func syntaxProblem(file string, text []byte, err error) *Problem {
	r := newRefusal(text, err)
	if m := firstMistake(text); m != nil && m.at <= r.read {
		return &Problem{Pos: posAt(file, text, m.at), Msg: "is not valid YAML: " + m.msg, Hint: m.hint}
	}
	msg, hint := plainWords(r.msg)
	return &Problem{Pos: posAt(file, text, r.offset(text)), Msg: "is not valid YAML: " + msg, Hint: hint}
}

// offset is the first character of the line where the parser gave up.
func (r refusal) offset(text []byte) int {
	end := len(bytes.TrimRight(text[:r.read], " \t\r\n"))
	begin := end
	for begin > 0 && breakAt(text, begin-1) == 0 {
		begin--
	}
	if at := offsetOf(text, r.line); r.line > 0 && at < begin && lineOnlyMessages[r.msg] {
		begin = at
	}
	for begin < end && (text[begin] == ' ' || text[begin] == '\t') {
		begin++
	}
	return begin
}

// lineOnlyMessages are those whose line is where the mistake is; with the others
// the parser names the begin of the block around.
var lineOnlyMessages = map[string]bool{
	"could not find expected ':'":         true,
	"found unexpected end of stream":      true,
	"unknown anchor":                      true,
	"found unexpected document indicator": true,
}

// readUpTo is how far the parser reads into a text before it refuses it.
func readUpTo(text []byte) int {
	s := &slowReader{text: text}
	dec := yaml.NewDecoder(s)
	for {
		var n yaml.Node
		if err := dec.Decode(&n); err != nil {
			return s.at
		}
	}
}

// slowReader gives the parser no more than it needs.
type slowReader struct {
	text []byte
	at   int
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.at == len(s.text) {
		return 0, io.EOF
	}
	n := copy(p[:1], s.text[s.at:])
	s.at += n
	return n, nil
}

// plainWords says in a person's words what the YAML parser means.
func plainWords(msg string) (words, hint string) {
	if strings.HasPrefix(msg, "unknown anchor ") {
		return "an alias refers to nothing", quoteIt + ` if it is a text that begins with "*"`
	}
	if w, ok := parserWords[msg]; ok {
		return w.msg, w.hint
	}
	return msg, ""
}

// parserWords explains the parser's messages for what [firstMistake] does not see.
var parserWords = map[string]struct{ msg, hint string }{
	"mapping values are not allowed in this context":               {"a colon stands where no key can be", "put a text with a colon between quotes, and indent keys alike"},
	"could not find expected ':'":                                  {"a colon is missing", `write "key: value"`},
	"did not find expected key":                                    {"a key is expected here", "look at the indentation, and at quotes in the lines above"},
	"did not find expected '-' indicator":                          {`an item that begins with "- " is expected here`, "look at the indentation"},
	"did not find expected node content":                           {"a value is expected here", ""},
	"did not find expected ',' or ']'":                             {"a list between brackets is not closed", `write "]" where it ends`},
	"did not find expected ',' or '}'":                             {"a map between brackets is not closed", `write "}" where it ends`},
	"did not find expected <document start>":                       {"text stands where the document has ended", `remove the line "..."`},
	"found unexpected end of stream":                               {"a quote is not closed", "close it where the text ends"},
	"found unexpected document indicator":                          {`"---" or "..." stands inside quotes`, "close the quotes before, or indent the text"},
	"found character that cannot start any token":                  {"a text cannot begin with this character", quoteIt},
	"found unknown escape character":                               {"a backslash stands before a character that has no meaning behind it", `write "\\" for a backslash, or use single quotes`},
	"found a tab character that violates indentation":              {"a tab is used for indentation", "use spaces"},
	"found a tab character where an indentation space is expected": {"a tab is used for indentation", "use spaces"},
	"block sequence entries are not allowed in this context":       {"a list cannot begin here", "write the items in the lines below, or between [ and ]"},
	"block mapping keys are not allowed in this context":           {"a key cannot stand here", ""},
	"did not find expected alphabetic or numeric character":        {`a text cannot begin with "*" or "&"`, quoteIt},
	"did not find expected comment or line break":                  {`text stands behind "|" or ">"`, "begin the text in the next line"},
	"did not find expected whitespace or line break":               {"a space is missing behind a tag", ""},
	"did not find URI escaped octet":                               {`a tag has a "%" that is not one of its characters`, quoteIt},
	"found unexpected non-alphabetical character":                  {`a line cannot begin with "%"`, quoteIt},
	"could not find expected directive name":                       {`a line cannot begin with "%"`, quoteIt},
	"found unknown directive name":                                 {`a line cannot begin with "%"`, quoteIt},
	"exceeded max depth of 10000":                                  {"is nested too deep", ""},
	"document contains excessive aliasing":                         {"has too many aliases", ""},
}
