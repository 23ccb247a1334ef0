package cloudconfig

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// reference is one of the four names, with or without braces, and the backslash
// that makes it text. Like in RancherOS a name ends where it ends, whatever
// follows it.
var reference = regexp.MustCompile(`\\?\$(?:\{(?:public|private)_ipv[46]\}|(?:public|private)_ipv[46])`)

// Substitute replaces $public_ipv4, $private_ipv4, $public_ipv6 and
// $private_ipv6, also written ${private_ipv4}, in all keys and values of a layer
// by what the machine's datasource says; `\$private_ipv4` stands for itself. Any
// other dollar sign is left alone.
//
// A reference to a fact that is not known is an error at its place. What it is
// part of is then left out as a whole, so that nothing half finished is used and
// the rest of the layer still is: the service, the item of a list of maps (a
// file, a user), else the value with its key. The layer given is not changed.
func Substitute(l Layer, facts Facts) (Layer, Report) {
	s := substituter{layer: l, facts: facts, files: map[*yaml.Node]string{}}
	if l.Doc.Root == nil || !s.concerns(l.Doc.Root) {
		return l, nil
	}
	root, _ := s.value(l.Doc.Root, nil, false)
	l.Doc = Document{Root: root, files: s.files}
	return l, s.report
}

type substituter struct {
	layer  Layer
	facts  Facts
	files  map[*yaml.Node]string
	report Report
}

// concerns says whether anything in a layer has a reference: few layers do.
func (s *substituter) concerns(n *yaml.Node) bool {
	return strings.IndexByte(n.Value, '$') >= 0 && reference.MatchString(n.Value) || slices.ContainsFunc(n.Content, s.concerns)
}

// value copies a value with its references replaced. It is bad when one could
// not be and nothing was left out for it; of a whole nothing is left out.
func (s *substituter) value(n *yaml.Node, path []string, whole bool) (out *yaml.Node, good bool) {
	c := *n
	s.files[&c] = s.layer.Doc.files[n]
	switch n.Kind {
	case yaml.MappingNode:
		good = s.mapping(n, &c, path, whole) || !whole
	case yaml.SequenceNode:
		good = s.list(n, &c, path, whole)
	default:
		c.Value, good = s.text(n, path)
	}
	return &c, good
}

// mapping leaves out keys; a service is a whole.
func (s *substituter) mapping(n, c *yaml.Node, path []string, whole bool) bool {
	c.Content = make([]*yaml.Node, 0, len(n.Content))
	whole = whole || len(path) == 2 && path[0] == "rancher" && slices.Contains(serviceKeys, path[1])
	seen := make(map[string]bool, len(n.Content)/2)
	all := true
	for i := 0; i+1 < len(n.Content); i += 2 {
		written := n.Content[i]
		key, keyGood := s.value(written, path, whole)
		value, good := s.value(n.Content[i+1], append(path[:len(path):len(path)], written.Value), whole)
		if keyGood && seen[key.Value] {
			s.fail(written, path, fmt.Sprintf("key %q is there twice once references are replaced", key.Value), "remove one of them")
			keyGood = false
		}
		if good && keyGood {
			c.Content = append(c.Content, key, value)
			seen[key.Value] = true
			continue
		}
		all = false
	}
	return all
}

// list leaves out items of a list of maps, each of which is a whole; of any
// other list an item is worth nothing without the others.
func (s *substituter) list(n, c *yaml.Node, path []string, whole bool) bool {
	c.Content = make([]*yaml.Node, 0, len(n.Content))
	all := true
	for i, item := range n.Content {
		value, good := s.value(item, append(path[:len(path):len(path)], strconv.Itoa(i)), true)
		if good {
			c.Content = append(c.Content, value)
			continue
		}
		all = all && item.Kind == yaml.MappingNode && !whole
	}
	return all
}

// text replaces the references of one text.
func (s *substituter) text(n *yaml.Node, path []string) (string, bool) {
	good := true
	text := reference.ReplaceAllStringFunc(n.Value, func(ref string) string {
		if literal, ok := strings.CutPrefix(ref, `\`); ok {
			return literal
		}
		name := strings.Trim(ref, "${}")
		value := s.facts.named(name)
		if value == "" {
			good = false
			s.fail(n, path, fmt.Sprintf("%s is not known: this machine's datasource gave no such address", ref),
				fmt.Sprintf(`write the address, or \%s for the text itself`, ref))
		}
		return value
	})
	return text, good
}

func (s *substituter) fail(n *yaml.Node, path []string, msg, hint string) {
	s.report = append(s.report, Problem{Pos: s.layer.Doc.Pos(n), Path: JoinPath(path...), Msg: msg, Hint: hint})
}
