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

func (a *LinkAddress) decode(d *decoder, n *yaml.Node, at *spot) {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		if more := n.Content[1]; len(more.Content) > 0 || more.Kind == yaml.ScalarNode && !isNull(more) {
			d.warn(more, at, "is ignored: an address has neither label nor lifetime on this system")
		}
		n = n.Content[0]
	}
	text, _ := d.text(n, at)
	*a = LinkAddress(text)
}

func (a *LinkAddress) schema(_ *generator, at place) *jsonSchema {
	r := at.shape.rules
	return anyOf(r.textSchema(), &jsonSchema{Type: types("object"), PropertyNames: r.keySchema(r.format)})
}

func (p *ListenPort) decode(d *decoder, n *yaml.Node, at *spot) {
	if n.Kind == yaml.ScalarNode && n.Value == "auto" {
		return
	}
	if i, ok := d.number(n, at); ok {
		*p = ListenPort(i)
	}
}

func (p *ListenPort) schema(_ *generator, at place) *jsonSchema {
	return anyOf(&jsonSchema{Const: "auto"}, at.shape.rules.numberSchema())
}
