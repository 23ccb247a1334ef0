package cloudconfig

import (
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// place is a position in the schema, which is the type [Config]. The zero place
// is outside of it, where anything may be written.
type place struct {
	typ    reflect.Type
	secret bool
}

var (
	schemaRoot     = place{typ: reflect.TypeFor[Config]()}
	definitionType = reflect.TypeFor[Definition]()
	commandType    = reflect.TypeFor[Command]()
)

// below walks down keys and list items.
func (p place) below(path ...string) place {
	for _, key := range path {
		p = p.child(key)
	}
	return p
}

func (p place) child(key string) place {
	switch {
	case p.typ == nil || p.typ == definitionType || p.typ == commandType:
		return place{secret: p.secret}
	case p.typ.Kind() == reflect.Struct:
		f, ok := fieldOf(p.typ, key)
		if !ok {
			return place{secret: p.secret}
		}
		return place{typ: f.Type, secret: p.secret || f.Tag.Get("secret") == "true"}
	case p.typ.Kind() == reflect.Map || p.typ.Kind() == reflect.Slice:
		return place{typ: p.typ.Elem(), secret: p.secret}
	}
	return place{secret: p.secret}
}

// isText says that a value here is taken as it is written.
func (p place) isText() bool {
	return p.typ != nil && p.typ.Kind() == reflect.String
}

// isContainer says that a map or a list belongs here.
func (p place) isContainer() bool {
	if p.typ == nil {
		return false
	}
	k := p.typ.Kind()
	return k == reflect.Struct || k == reflect.Map || k == reflect.Slice
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && tagOf(f) == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func tagOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			keys = append(keys, tagOf(f))
		}
	}
	return keys
}

const redacted = "(redacted)"

// IsSecret says whether the value at a path must not be shown.
func IsSecret(path ...string) bool {
	return schemaRoot.below(path...).secret
}

// redact copies a value with the secrets in it replaced; keys stay visible.
func redact(n *yaml.Node, p place) *yaml.Node {
	c := *n
	if n.Kind == yaml.ScalarNode {
		if p.secret && n.Value != "" && !isNull(n) {
			c.Value, c.Tag, c.Style = redacted, "!!str", 0
		}
		return &c
	}
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, v := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			c.Content[i] = redact(v, p.child(""))
		case i%2 == 0:
			c.Content[i] = v
		default:
			c.Content[i] = redact(v, p.child(n.Content[i-1].Value))
		}
	}
	return &c
}
