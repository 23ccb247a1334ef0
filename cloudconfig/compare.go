package cloudconfig

import (
	"iter"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Difference is a value that two configurations do not share. What is secret in
// it is redacted; what is not set is empty.
type Difference struct {
	Path    []string
	Was, Is string // on one line
}

// Compare tells, sorted by path, in which values two merged configurations
// differ. Maps are compared key by key, also one that is there with one that is
// not; lists are compared as a whole.
func Compare(was, is Merged) []Difference {
	var c comparison
	c.compare(nil, was.Doc.Root, is.Doc.Root)
	slices.SortStableFunc(c.found, func(a, b Difference) int {
		return strings.Compare(JoinPath(a.Path...), JoinPath(b.Path...))
	})
	return c.found
}

type comparison struct{ found []Difference }

func (c *comparison) compare(path []string, was, is *yaml.Node) {
	switch {
	case was == nil && is == nil:
	case mayBeMap(was) && mayBeMap(is):
		for key, value := range entriesOf(was) {
			c.compare(append(slices.Clip(path), key), value, mappingValue(is, key))
		}
		for key, value := range entriesOf(is) {
			if mappingValue(was, key) == nil {
				c.compare(append(slices.Clip(path), key), nil, value)
			}
		}
	case was == nil || is == nil || !sameValue(was, is):
		c.found = append(c.found, Difference{Path: path, Was: shown(path, was), Is: shown(path, is)})
	}
}

// mayBeMap says whether a value can be compared key by key: it is a map with
// keys, or nothing.
func mayBeMap(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.MappingNode && len(n.Content) > 0
}

// entriesOf are the keys and values of a map, none when it is nil.
func entriesOf(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

// shown is a value as it may be shown.
func shown(path []string, n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return oneLine(redact(n, schemaRoot.below(path...)))
}
