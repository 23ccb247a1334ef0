package cloudconfig

import (
	"reflect"

	"gopkg.in/yaml.v3"
)

func (i *NetworkItems) decode(d *decoder, n *yaml.Node, at *spot) {
	switch {
	case n.Kind == yaml.SequenceNode:
		d.list(n, reflect.ValueOf(&i.Items).Elem(), at)
	case n.Kind == yaml.ScalarNode && n.Value == "disabled":
		i.Disabled = true
	default:
		d.wrongType(n, at, "a list")
	}
}

func (i *NetworkItems) schema(g *generator, at place) *jsonSchema {
	return anyOf(&jsonSchema{Const: "disabled"}, listOf(g.at(at.child("0"))))
}
