package cloudconfig

import "gopkg.in/yaml.v3"

// Under returns the layer with its whole content moved below a path:
// services below rancher, services. Positions stay what they were.
func (l Layer) Under(path ...string) Layer {
	for i := len(path) - 1; i >= 0 && l.Doc.Root != nil; i-- {
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: path[i], Line: l.Doc.Root.Line, Column: l.Doc.Root.Column}
		root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{key, l.Doc.Root}, Line: key.Line, Column: key.Column}
		l.Doc = l.Doc.with(l.File, key, root)
		l.Doc.Root = root
	}
	return l
}

// with is the document with the file of further nodes known.
func (d Document) with(file string, nodes ...*yaml.Node) Document {
	files := make(map[*yaml.Node]string, len(d.files)+len(nodes))
	for n, f := range d.files {
		files[n] = f
	}
	for _, n := range nodes {
		files[n] = file
	}
	d.files = files
	return d
}
