package cloudconfig

import (
	"bytes"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var yamlErrorLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)

// syntaxProblem turns an error of the YAML parser into a problem at the line
// that a person has to look at. The parser's own line is often where the
// surrounding block begins, so the line is searched for: it is the first one
// with which the text fails in the same way.
func syntaxProblem(file string, text []byte, err error) *Problem {
	reported, msg := splitYAMLError(err)
	line := firstBadLine(text, msg)
	if line == 0 {
		line = max(reported, 1)
	}
	p := &Problem{Pos: Pos{File: file, Line: line, Col: 1}, Msg: "is not valid YAML: " + msg}
	content := lineAt(text, line)
	indent := len(content) - len(bytes.TrimLeft(content, " "))
	if indent < len(content) {
		p.Pos.Col = indent + 1
	}
	if tab := bytes.IndexByte(content[:len(content)-len(bytes.TrimLeft(content, " \t-"))], '\t'); tab >= 0 {
		p.Pos.Col = tab + 1
		p.Msg = "is not valid YAML: a tab is used for indentation"
		p.Hint = "use spaces"
	}
	return p
}

func splitYAMLError(err error) (line int, msg string) {
	m := yamlErrorLine.FindStringSubmatch(strings.TrimSpace(err.Error()))
	if m == nil {
		return 0, strings.TrimSpace(err.Error())
	}
	line, convErr := strconv.Atoi(m[1])
	if convErr != nil {
		line = 0
	}
	return line, m[2]
}

// firstBadLine finds, with few parses, the first line that makes the text fail
// with msg; 0 when no prefix of the text does.
func firstBadLine(text []byte, msg string) int {
	ends := lineEnds(text)
	fails := func(i int) bool {
		var n yaml.Node
		err := yaml.Unmarshal(text[:ends[i]], &n)
		if err == nil {
			return false
		}
		_, m := splitYAMLError(err)
		return m == msg
	}
	i := sort.Search(len(ends), fails)
	if i == len(ends) {
		return 0
	}
	return i + 1
}

// lineEnds returns, for each line of text, the offset behind it.
func lineEnds(text []byte) []int {
	var ends []int
	for at := 0; at < len(text); {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return append(ends, len(text))
		}
		at += i + 1
		ends = append(ends, at)
	}
	return ends
}

func lineAt(text []byte, line int) []byte {
	ends := lineEnds(text)
	if line > len(ends) {
		return nil
	}
	begin := 0
	if line > 1 {
		begin = ends[line-2]
	}
	return bytes.TrimRight(text[begin:ends[line-1]], "\r\n")
}
