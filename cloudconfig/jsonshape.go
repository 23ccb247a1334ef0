package cloudconfig

import (
	"math"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"
)

func types(names ...string) []string { return names }

// commonDefs are the shapes that most keys have.
func commonDefs() map[string]*jsonSchema {
	defs := map[string]*jsonSchema{
		"text": {Type: types("string", "number", "boolean", "null")},
		"switch": {AnyOf: []*jsonSchema{
			{Type: types("boolean", "null")}, {Type: "string", Pattern: switchWords},
		}},
	}
	for name, f := range formats() {
		defs["text-"+name] = f.schema()
	}
	return defs
}

func ref(name string) *jsonSchema { return &jsonSchema{Ref: "#/$defs/" + name} }

// anyText is a text, for which a number or a boolean may stand.
func anyText() *jsonSchema { return ref("text") }

func switchSchema() *jsonSchema { return ref("switch") }

func listOf(items *jsonSchema) *jsonSchema {
	return &jsonSchema{Type: types("array", "null"), Items: items}
}

// anyOf is one of several shapes; choices inside choices become one.
func anyOf(choices ...*jsonSchema) *jsonSchema {
	var flat []*jsonSchema
	for _, c := range choices {
		if onlyChoices := (&jsonSchema{AnyOf: c.AnyOf}); reflect.DeepEqual(c, onlyChoices) {
			flat = append(flat, c.AnyOf...)
		} else {
			flat = append(flat, c)
		}
	}
	return &jsonSchema{AnyOf: flat}
}

// switchWords are what YAML 1.1 called booleans, and a parser of YAML 1.2 reads
// as texts.
const switchWords = `^([yY]|[yY][eE][sS]|[nN]|[nN][oO]|[oO][nN]|[oO][fF][fF])$`

// switchTexts are true and false between quotes, which are taken as those where a text
// may stand, too.
const switchTexts = `^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$`

func (r rules) textSchema() *jsonSchema {
	switch {
	case r.enum != nil:
		return r.enumSchema()
	case r.format == nil:
		return anyText()
	}
	return ref("text-" + r.format.name)
}

func (r rules) enumSchema() *jsonSchema {
	s := &jsonSchema{}
	for _, v := range r.enum {
		s.Enum = append(s.Enum, v)
	}
	if r.ended != "" {
		s.Enum = append(s.Enum, r.ended)
	}
	if slices.Contains(r.enum, "true") {
		return anyOf(switchSchema(), &jsonSchema{Pattern: switchTexts}, &jsonSchema{Enum: append(s.Enum, "")})
	}
	if slices.Contains(r.enum, "false") {
		s.Enum = append(s.Enum, false)
	}
	s.Enum = append(s.Enum, "", nil)
	return s
}

// keySchema is about the keys of a map, nil when they may be anything.
func (r rules) keySchema(f *format) *jsonSchema {
	if f == nil {
		return nil
	}
	return &jsonSchema{Pattern: "^(" + f.pattern + ")$", MaxLength: f.max}
}

// commaSchema is a text of words with commas between.
func (r rules) commaSchema() *jsonSchema {
	word := ` *(` + r.format.pattern + `)? *`
	return &jsonSchema{Type: types("string", "null"), Pattern: "^" + word + "(," + word + ")*$"}
}

// numberSchema is a whole number; 0 is "not set", and always fine.
func (r rules) numberSchema() *jsonSchema {
	if r.quoted {
		r.quoted = false
		return anyOf(r.numberSchema(), &jsonSchema{Type: "string", Pattern: "^" + quotedPattern + "$", Deprecated: true})
	}
	low, high := r.min, r.max
	if low == 1 {
		low = 0
	}
	s := &jsonSchema{Type: types("integer", "null")}
	if high != math.MaxInt32 || low != math.MinInt32 {
		s.Maximum = &high
	}
	if low > 0 {
		zero := int64(0)
		s.AnyOf = []*jsonSchema{{Minimum: &zero, Maximum: &zero}, {Minimum: &low}}
		return s
	}
	s.Minimum = &low
	return s
}

// notNull is the schema without null and the empty text.
func (s *jsonSchema) notNull() *jsonSchema {
	c := *s
	c.Not = &jsonSchema{Enum: []any{nil, ""}}
	return &c
}

// yamlValue reads the text of a default or an example.
func yamlValue(text string) (any, bool) {
	if text == "" {
		return nil, false
	}
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil || len(n.Content) == 0 {
		return nil, false
	}
	return plainValue(n.Content[0]), true
}

// plainValue is a YAML value as JSON has it. Aliases are followed.
func plainValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plainValue(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			list = append(list, plainValue(item))
		}
		return list
	case yaml.AliasNode:
		return plainValue(n.Alias)
	default:
	}
	var v any
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		if err := n.Decode(&v); err == nil {
			return v
		}
	}
	return n.Value
}
