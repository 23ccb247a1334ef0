package cloudconfig

import (
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Document is a YAML tree in which every node still knows the file it came
// from, also after documents have been merged. A zero Document is empty.
type Document struct {
	Root  *yaml.Node            // a mapping node, or nil when empty
	files map[*yaml.Node]string // the file of every node below Root
	// places are those of entries of lists in their own file, from 0, where they are
	// not those that they have here: others were left out, or are of another layer.
	places map[*yaml.Node]int
}

// place is which entry of its list a node is in its file, and i the one that it is
// here.
func (d Document) place(n *yaml.Node, i int) int {
	if written, differs := d.places[n]; differs {
		return written
	}
	return i
}

// asWritten is a path of the document as it is in the file of the value.
func (d Document) asWritten(path []string) []string {
	path = slices.Clone(path)
	for i, n := 0, d.Root; i < len(path); i++ {
		list := n != nil && n.Kind == yaml.SequenceNode
		n = child(n, path[i])
		if written, differs := d.places[n]; list && differs {
			path[i] = strconv.Itoa(written)
		}
	}
	return path
}

// Pos says where a node was written. A node that the document does not know
// has the zero Pos.
func (d Document) Pos(n *yaml.Node) Pos {
	if n == nil {
		return Pos{}
	}
	return Pos{File: d.files[n], Line: n.Line, Col: n.Column}
}

// Lookup walks down mapping keys and returns the value node, or nil.
func (d Document) Lookup(path ...string) *yaml.Node {
	n := d.Root
	for _, key := range path {
		n = mappingValue(n, key)
	}
	return n
}

func mappingValue(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// Layer is one parsed source of configuration. Layers are merged lowest first.
type Layer struct {
	Name string // "os-config", "oem", "vendor-data", "vendor-data2", "meta-data", "user-data", "cloud-config.d", "cloud-config", "kernel command line"
	File string // as shown in positions
	Doc  Document
}
