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
	maxSize     = 1 << 20 // bytes of text
	maxDepth    = 64      // maps and lists inside each other
	maxNodes    = 100_000 // values, after aliases are replaced by what they mean
	maxProblems = 100     // that the text itself has, one further says that there are more
)

// ParseLayer parses the text of one layer. The name says which layer it is (see
// [Layer]), file is shown in positions. What YAML leaves open, or allows and
// nobody means, is settled here:
//
//   - The text is UTF-8, with or without a byte order mark, and lines end with LF,
//     CRLF or CR. Other encodings, NUL and other control characters, and line
//     breaks that editors do not show (NEL, LS, PS) are errors.
//   - A tab may stand anywhere but in indentation. In positions it is one column:
//     columns count characters from 1.
//   - There is one document, a map. An empty text is an empty layer.
//   - Keys are texts, taken as written (8080, yes and null are names like any
//     other); none may be empty, a map or a list, or be there twice.
//   - An alias stands for a copy of what its anchor marks, and "<<" for keys that
//     are not written beside it, earlier sources before later ones. Each value
//     keeps the position where it was written. An alias inside of its own anchor
//     is an error.
//   - Types that are marked with "!" are those of YAML, and must fit.
//   - A layer has at most 1 MiB of text, 64 maps and lists inside each other, and
//     100,000 keys and values, counting each use of an alias.
//
// YAML's own errors come one at a time, with the place that a person has to look
// at; all others together. ParseLayer knows YAML, not the schema: see [Validate].
// When the report has errors the layer holds what could be understood, and should
// not be used.
func ParseLayer(name, file string, data []byte) (Layer, Report) {
	l := Layer{Name: name, File: file}
	_, doc, report := parseTree(file, data)
	if doc.Root == nil {
		return l, report
	}
	l.Doc = doc
	return l, report
}

// parseTree returns the tree as it is written, nil when the text has no values,
// and the document that it means.
func parseTree(file string, data []byte) (raw *yaml.Node, doc Document, report Report) {
	if len(data) > maxSize {
		return nil, doc, Report{{
			Pos: Pos{File: file, Line: 1, Col: 1},
			Msg: fmt.Sprintf("is %d bytes long, more than the %d that are allowed", len(data), maxSize),
		}}
	}
	text := normalise(data)
	if problem := encodingProblem(file, text); problem != nil {
		return nil, doc, Report{*problem}
	}
	raw, problem := parseDocument(file, text)
	if problem != nil {
		return nil, doc, Report{*problem}
	}
	if raw == nil {
		return nil, doc, nil
	}
	r := resolver{file: file, files: map[*yaml.Node]string{}, expanding: map[*yaml.Node]bool{}}
	root := r.resolve(raw, 1)
	if root == nil || r.full {
		return raw, doc, r.report
	}
	if root.Kind != yaml.MappingNode {
		r.fail(raw, "expected a map of keys at the top of the file, found "+describe(raw), `write "key: value" lines`)
		return raw, doc, r.report
	}
	return raw, Document{Root: root, files: r.files}, r.report
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
	case "!!int":
		return "a number"
	case "!!float":
		return "a number with a point"
	}
	return "a text"
}
