package cloudconfig

import (
	"reflect"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// decode takes a name, or a map.
func (u *User) decode(d *decoder, n *yaml.Node, at *spot) {
	if n.Kind == yaml.ScalarNode {
		u.Name, _ = d.text(n, at.below("name"))
		return
	}
	d.structure(n, reflect.ValueOf(u).Elem(), at)
}

func (u *User) schema(g *generator, at place) *jsonSchema {
	return anyOf(at.child("name").shape.rules.textSchema(), g.structure(at))
}

// Users is a list of users; of a list in it every item is a name. One text is
// their names with commas between.
type Users []User

func (u *Users) decode(d *decoder, n *yaml.Node, at *spot) {
	name := &spot{parent: at.parent, key: at.key, place: at.place.child("0").child("name")}
	switch n.Kind {
	case yaml.ScalarNode:
		u.add(d.words(n, name))
	case yaml.SequenceNode:
		for i, item := range n.Content {
			u.item(d, item, at.below(strconv.Itoa(i)))
		}
	default:
		d.fail(n, at, "expected a list, found "+describe(n), `write each user as an entry: "- name: ann"`)
	}
}

func (u *Users) item(d *decoder, n *yaml.Node, at *spot) {
	if n.Kind == yaml.SequenceNode {
		u.add(d.texts(n, &spot{parent: at.parent, key: at.key, place: at.place.child("name")}))
		return
	}
	before := d.errors
	var user User
	ofSnap := mappingValue(n, "name") == nil && !isUnset(mappingValue(n, "snapuser"))
	if ofSnap { // has no name here, and is not made; that is warned of
		named := *n
		named.Content = append(slices.Clone(n.Content), &yaml.Node{Kind: yaml.ScalarNode, Value: "name"}, &yaml.Node{Kind: yaml.ScalarNode, Value: "snap"})
		n = &named
	}
	d.value(n, reflect.ValueOf(&user).Elem(), at)
	if d.errors == before && !isNull(n) && !ofSnap {
		*u = append(*u, user)
	}
}

func (u *Users) add(names []string) {
	for _, name := range names {
		*u = append(*u, User{Name: name})
	}
}

func (u *Users) schema(g *generator, at place) *jsonSchema {
	name := at.child("0").child("name").shape.rules
	user := g.at(at.child("0"))
	def := g.defs[reflect.TypeFor[User]().Name()]
	ofSnap := &jsonSchema{
		Required:   []string{"snapuser"},
		Properties: map[string]*jsonSchema{"snapuser": {Not: &jsonSchema{Enum: []any{nil, ""}}}},
	}
	def.Required, def.AnyOf = nil, []*jsonSchema{{Required: []string{"name"}}, ofSnap}
	return anyOf(name.commaSchema(), listOf(anyOf(listOf(name.textSchema()), user)))
}

// Groups is a list of groups, each a name or a map of names with their members;
// or one such map; or names with commas between.
type Groups []Group

// groupName is the place of a group's name.
func groupName() place {
	return place{shape: newShape(reflect.TypeFor[string](), rules{format: formats()["user"]})}
}

func (g *Groups) decode(d *decoder, n *yaml.Node, at *spot) {
	at = &spot{parent: at.parent, key: at.key, place: groupName()}
	switch n.Kind {
	case yaml.ScalarNode:
		g.add(d.words(n, at))
	case yaml.SequenceNode:
		for i, item := range n.Content {
			below := &spot{parent: at, key: strconv.Itoa(i), place: at.place}
			switch {
			case isNull(item):
			case item.Kind == yaml.ScalarNode:
				g.add(d.words(item, below))
			default:
				g.members(d, item, below)
			}
		}
	default:
		g.members(d, n, at)
	}
}

// members reads a map of group names with their members.
func (g *Groups) members(d *decoder, n *yaml.Node, at *spot) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, at, "a name, or a map of a name with its members")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		below := &spot{parent: at, key: key.Value, place: at.place}
		name, ok := d.text(key, below)
		if !ok {
			continue
		}
		group := Group{Name: name}
		switch value.Kind {
		case yaml.ScalarNode:
			if !isNull(value) {
				group.Members = d.words(value, below)
			}
		case yaml.SequenceNode:
			group.Members = d.texts(value, below)
		default:
			d.wrongType(value, below, "a list")
		}
		*g = append(*g, group)
	}
}

func (g *Groups) add(names []string) {
	for _, name := range names {
		*g = append(*g, Group{Name: name})
	}
}

func (g *Groups) schema(*generator, place) *jsonSchema {
	name := groupName().shape.rules
	members := &jsonSchema{
		Type: types("object", "null"), PropertyNames: name.keySchema(name.format),
		Additional: anyOf(name.commaSchema(), listOf(name.textSchema())),
	}
	return anyOf(name.commaSchema(), listOf(anyOf(name.commaSchema(), members)), members)
}

func (i *Inactive) decode(d *decoder, n *yaml.Node, at *spot) {
	if b, ok := yamlBool(n); ok {
		if b {
			d.warn(n, at, "is ignored: it does not say after how many days")
		}
		return
	}
	text, _ := d.text(n, at)
	*i = Inactive(text)
}

func (i *Inactive) schema(_ *generator, at place) *jsonSchema {
	return anyOf(at.shape.rules.textSchema(), switchSchema())
}
