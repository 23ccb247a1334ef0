package cloudconfig

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// redactions reports what an export put in the place of secrets: whoever merges
// an export back must not lose the secrets by it.
func redactions(doc Document) Report {
	var report Report
	if doc.Root != nil && hasRedaction(doc.Root) {
		findRedactions(doc, doc.Root, &spot{place: schemaRoot}, &report)
	}
	return report
}

// isRedaction says that a text was a secret before it was exported. An address
// is one with its password taken out.
func isRedaction(text string, secret bool) bool {
	return secret && text == redacted || strings.Contains(text, ":"+redacted+"@")
}

// hasRedaction is the quick look that most documents need and no more.
func hasRedaction(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		return strings.Contains(n.Value, redacted)
	}
	for _, v := range n.Content {
		if hasRedaction(v) {
			return true
		}
	}
	return false
}

func findRedactions(doc Document, n *yaml.Node, at *spot, report *Report) {
	if n.Kind == yaml.ScalarNode && isRedaction(n.Value, at.place.secret) {
		*report = append(*report, Problem{
			Pos: doc.Pos(n), Path: JoinPath(at.path()...), Msg: "stands in the place of a secret",
			Hint: "write the secret itself; ros config export --private has it",
		})
	}
	for i, v := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			findRedactions(doc, v, at.below(strconv.Itoa(i)), report)
		case i%2 == 1:
			findRedactions(doc, v, at.below(n.Content[i-1].Value), report)
		}
	}
}
