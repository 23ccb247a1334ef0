package cloudconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// What one layer may be at most. A layer comes from outside the machine, so a
// hostile one must not cost more than a bad one.
const (
	maxSize  = 1 << 20 // bytes of text
	maxDepth = 64      // maps and lists inside each other
	maxNodes = 100_000 // values, after aliases are replaced by what they mean
)

// ParseLayer parses the text of one layer. The name says which layer it is (see
// [Layer]), file is shown in positions. Aliases and merge keys are replaced by
// what they mean, and keep the position where their value was written.
//
// ParseLayer knows YAML, not the schema: see [Validate]. When the report has
// errors the layer holds what could be understood, and should not be used.
func ParseLayer(name, file string, data []byte) (Layer, Report) {
	l := Layer{Name: name, File: file}
	if len(data) > maxSize {
		return l, Report{{
			Pos: Pos{File: file, Line: 1, Col: 1},
			Msg: fmt.Sprintf("is %d bytes long, more than the %d that are allowed", len(data), maxSize),
		}}
	}
	text := normalise(data)
	root, problem := parseDocument(file, text)
	if problem != nil {
		return l, Report{*problem}
	}
	if root == nil {
		return l, nil
	}
	r := resolver{file: file, files: map[*yaml.Node]string{}, expanding: map[*yaml.Node]bool{}}
	l.Doc = Document{Root: r.resolve(root, 1), files: r.files}
	if l.Doc.Root == nil || r.full {
		l.Doc = Document{}
		return l, r.report
	}
	if l.Doc.Root.Kind != yaml.MappingNode {
		r.fail(root, "expected a map of keys at the top of the file, found "+describe(root), `write "key: value" lines`)
		l.Doc = Document{}
		return l, r.report
	}
	_, problems := mergeForm(l.Doc)
	return l, append(r.report, problems...)
}

// normalise takes away what editors on other systems leave in a text.
func normalise(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
}

// parseDocument returns the only document's root, nil when there is none.
func parseDocument(file string, text []byte) (*yaml.Node, *Problem) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntaxProblem(file, text, err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return nil, &Problem{
			Pos:  Pos{File: file, Line: second.Line, Col: second.Column},
			Msg:  "a second document begins here, and only one is allowed",
			Hint: `remove the line "---"`,
		}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxProblem(file, text, err)
	}
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return nil, nil
	}
	return doc.Content[0], nil
}

func isNull(n *yaml.Node) bool {
	return n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// describe names the kind of a value as a person would.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	}
	return "a text"
}
