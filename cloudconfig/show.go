package cloudconfig

import "gopkg.in/yaml.v3"

// Show writes the effective value at a path for a person: a scalar as its plain
// text, maps and lists as YAML, an empty line where nothing is. It ends with a
// newline.
func (m Merged) Show(opts ExportOptions, path ...string) (string, error) {
	n, ok := m.Get(path...)
	if !ok || isNull(n) {
		return "\n", nil
	}
	n = m.shown(opts, n, schemaRoot.below(path...))
	if !opts.Origins {
		return Render(inBlocks(n))
	}
	text, err := encode(n)
	return string(text), err
}

// inBlocks writes each item and each key on a line of its own, which is what
// scripts that were written for RancherOS read. It changes the node given.
func inBlocks(n *yaml.Node) *yaml.Node {
	if len(n.Content) > 0 {
		n.Style &^= yaml.FlowStyle
	}
	for _, v := range n.Content {
		inBlocks(v)
	}
	return n
}

// shown is a copy of a value as the options want it.
func (m Merged) shown(opts ExportOptions, n *yaml.Node, at place) *yaml.Node {
	out := withoutComments(n)
	if opts.Origins {
		out = m.withOrigins(n)
	}
	if !opts.Private {
		out = redact(out, at)
	}
	return out
}

// withOrigins copies a value with each scalar, list item and key of it on a line
// of its own, and there a comment that says where it was written.
func (m Merged) withOrigins(n *yaml.Node) *yaml.Node {
	c := *n
	c.HeadComment, c.LineComment, c.FootComment = "", "", ""
	if len(n.Content) == 0 {
		c.LineComment = m.origin(n)
		return &c
	}
	c.Style = 0 // flow style would put several into one line
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, v := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			c.Content[i] = m.keyWithOrigin(v, n.Content[i+1])
			continue
		}
		c.Content[i] = m.withOrigins(v)
	}
	return &c
}

// keyWithOrigin copies a key; where the value follows in the lines below, the
// line of the key has a comment of its own.
func (m Merged) keyWithOrigin(key, value *yaml.Node) *yaml.Node {
	c := *withoutComments(key)
	if len(value.Content) > 0 {
		c.LineComment = m.origin(key)
	}
	return &c
}

func (m Merged) origin(n *yaml.Node) string {
	if pos := m.Doc.Pos(n); pos.File != "" {
		return "# " + pos.String()
	}
	return ""
}
