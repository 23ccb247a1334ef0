package cloudconfig

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// ParseMetaData makes a layer of what a datasource knows about the machine: a
// NoCloud meta-data file or an OpenStack meta_data.json. Of it the host name
// and the SSH keys are configuration; the rest are facts, and no problem.
func ParseMetaData(name, file string, data []byte) (Layer, Report) {
	raw, report := ParseLayer(name, file, jsonAsYAML(data))
	if raw.Doc.Root == nil {
		return raw, report
	}
	m := metaData{doc: raw.Doc, report: report}
	out := newMapping()
	out.Line, out.Column = raw.Doc.Root.Line, raw.Doc.Root.Column
	if host := m.hostname(); host != nil {
		setKeyAt(out, "hostname", host)
	}
	if keys := m.keys(); keys != nil {
		setKeyAt(out, sshKeys, keys)
	}
	l := Layer{Name: name, File: file}
	if len(out.Content) > 0 {
		l.Doc = Document{Root: out, files: map[*yaml.Node]string{}}
		noteFile(out, file, l.Doc.files)
	}
	return l, m.report
}

type metaData struct {
	doc    Document
	report Report
}

// hostname makes what a datasource says a name that the kernel and DNS take: it is
// shortened, and what cannot be in a name, such as the underscore that some clouds
// allow, becomes a hyphen.
func (m *metaData) hostname() *yaml.Node {
	for _, key := range []string{"local-hostname", "local_hostname", "hostname"} {
		n := m.doc.Lookup(key)
		if n == nil || isNull(n) || n.Kind == yaml.ScalarNode && n.Value == "" {
			continue
		}
		if n.Kind != yaml.ScalarNode {
			m.wrong(n, key, "a text")
			continue
		}
		host := *n
		host.Value = strings.Trim(strings.Map(hostnameRune, strings.TrimSpace(n.Value)), ".-")
		if host.Value == "" {
			continue // there was nothing else in it
		}
		if len(host.Value) > maxHostname {
			host.Value, _, _ = strings.Cut(host.Value, ".")
			host.Value = strings.TrimRight(host.Value[:min(len(host.Value), maxHostname-1)], "-")
		}
		return &host
	}
	return nil
}

func hostnameRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
		return r
	}
	return '-'
}

// keys collects SSH keys from all forms in use: a text with one key a line, a
// list of them, a map by name, and EC2's map of maps.
func (m *metaData) keys() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, key := range []string{"public-keys", "public_keys", "public-keys-data", "public_keys_data", sshKeys} {
		if n := m.doc.Lookup(key); n != nil {
			list.Line, list.Column = n.Line, n.Column
			m.collect(n, key, list)
		}
	}
	if len(list.Content) == 0 {
		return nil
	}
	return list
}

func (m *metaData) collect(n *yaml.Node, path string, list *yaml.Node) {
	switch {
	case isNull(n):
	case n.Kind == yaml.ScalarNode:
		for line := range strings.SplitSeq(n.Value, "\n") {
			line = strings.TrimSpace(line)
			known := slices.ContainsFunc(list.Content, func(has *yaml.Node) bool { return has.Value == line })
			if line != "" && !known {
				list.Content = append(list.Content, &yaml.Node{
					Kind: yaml.ScalarNode, Tag: "!!str", Value: line, Line: n.Line, Column: n.Column,
				})
			}
		}
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			m.collect(item, path, list)
		}
	default:
		m.collectMap(n, path, list)
	}
}

// collectMap takes keys in the order of their names, as RancherOS did.
func (m *metaData) collectMap(n *yaml.Node, path string, list *yaml.Node) {
	if key := mappingValue(n, "openssh-key"); key != nil {
		m.collect(key, path, list)
		return
	}
	var names []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		names = append(names, n.Content[i].Value)
	}
	slices.Sort(names)
	for _, name := range names {
		m.collect(mappingValue(n, name), path, list)
	}
}

func (m *metaData) wrong(n *yaml.Node, path, expected string) {
	m.report = append(m.report, Problem{
		Pos: m.doc.Pos(n), Path: path, Msg: fmt.Sprintf("expected %s, found %s", expected, describe(n)),
	})
}

func setKeyAt(n *yaml.Node, key string, value *yaml.Node) {
	setKey(n, key, value)
	k := n.Content[len(n.Content)-2]
	k.Line, k.Column = value.Line, value.Column
}
