package cloudconfig

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// SchemaID is the address of the JSON Schema of this version's cloud-config.
const SchemaID = "https://raw.githubusercontent.com/ros-os/ros/main/docs/cloud-config.schema.json"

// JSONSchema is the description of a cloud-config for editors and other
// programs: JSON Schema, draft 2020-12. It accepts what [Validate] finds no
// error in, as far as JSON Schema can say it.
func JSONSchema() ([]byte, error) {
	docs, err := readDocs()
	if err != nil {
		return nil, err
	}
	g := &generator{docs: docs, defs: commonDefs()}
	root := *g.record(schemaRoot)
	root.Schema, root.ID = "https://json-schema.org/draft/2020-12/schema", SchemaID
	root.Title = "cloud-config of ros"
	root.Description = "What a machine should be. Every value may be null, which removes what lower layers say."
	root.Defs = g.defs
	text, err := json.MarshalIndent(&root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write JSON Schema: %w", err)
	}
	return append(text, '\n'), nil
}

// jsonSchema is as much of JSON Schema as is needed here.
type jsonSchema struct {
	Schema      string `json:"$schema,omitempty"`
	ID          string `json:"$id,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Ref         string `json:"$ref,omitempty"`

	Type  any           `json:"type,omitempty"` // a name, or several
	Const any           `json:"const,omitempty"`
	Enum  []any         `json:"enum,omitempty"`
	AnyOf []*jsonSchema `json:"anyOf,omitempty"`
	Not   *jsonSchema   `json:"not,omitempty"`

	Pattern   string `json:"pattern,omitempty"`
	MaxLength int    `json:"maxLength,omitempty"`
	Minimum   *int64 `json:"minimum,omitempty"`
	Maximum   *int64 `json:"maximum,omitempty"`

	PrefixItems []*jsonSchema `json:"prefixItems,omitempty"`
	Items       *jsonSchema   `json:"items,omitempty"`
	Contains    *jsonSchema   `json:"contains,omitempty"`
	MinItems    int           `json:"minItems,omitempty"`
	MaxItems    int           `json:"maxItems,omitempty"`

	Properties        map[string]*jsonSchema `json:"properties,omitempty"`
	PatternProperties map[string]*jsonSchema `json:"patternProperties,omitempty"`
	Additional        any                    `json:"additionalProperties,omitempty"` // false, or a schema
	PropertyNames     *jsonSchema            `json:"propertyNames,omitempty"`
	Required          []string               `json:"required,omitempty"`

	Default    any   `json:"default,omitempty"`
	Examples   []any `json:"examples,omitempty"`
	Deprecated bool  `json:"deprecated,omitempty"`
	WriteOnly  bool  `json:"writeOnly,omitempty"` // a secret

	Defs map[string]*jsonSchema `json:"$defs,omitempty"`
}

// generator walks the types of the schema.
type generator struct {
	docs docs
	defs map[string]*jsonSchema
}

// at is the schema of the values at a place.
func (g *generator) at(p place) *jsonSchema {
	s := p.shape
	if s.form {
		return reflect.New(s.typ).Interface().(form).schema(g, p)
	}
	switch s.typ.Kind() {
	case reflect.Struct:
		return g.structure(p)
	case reflect.Map:
		return &jsonSchema{
			Type: types("object", "null"), Additional: g.at(p.child("*")), PropertyNames: s.rules.keySchema(s.rules.keys),
		}
	case reflect.Slice:
		return listOf(g.at(p.child("0")))
	case reflect.Bool:
		return switchSchema()
	case reflect.String:
		return s.rules.textSchema()
	default:
		return s.rules.numberSchema()
	}
}

// structure is a reference to the definition of a struct.
func (g *generator) structure(p place) *jsonSchema {
	name := p.shape.typ.Name()
	if _, known := g.defs[name]; !known {
		g.defs[name] = &jsonSchema{} // known from now on: a type may hold itself
		g.defs[name] = g.record(p)
	}
	return ref(name)
}

// record is the schema of a map with known keys.
func (g *generator) record(p place) *jsonSchema {
	s := &jsonSchema{Type: types("object", "null"), Properties: map[string]*jsonSchema{}, Additional: false}
	known := p.shape.fields()
	for _, key := range known.keys {
		f := known.byKey[key]
		s.Properties[key] = g.field(f, p.child(key))
		if f.rules.required == always {
			s.Properties[key] = s.Properties[key].notNull()
			s.Required = append(s.Required, key)
		}
	}
	for key, f := range known.byKey {
		if key != f.key {
			old := *s.Properties[f.key]
			old.Description, old.Examples = fmt.Sprintf("Old spelling of %s.", f.key), nil
			old.Deprecated = true
			s.Properties[key] = &old
		}
	}
	g.ignored(s, p)
	return s
}

// field is the schema of a key, with what is known about it.
func (g *generator) field(f field, p place) *jsonSchema {
	s := *g.at(p)
	if f.key == environment {
		s = *environmentSchema(f.rules)
	}
	doc := g.docs.of(f)
	s.Description = doc.text
	if why := whyNotApplied(f); why != "" {
		s.Description += " Ignored: " + why + "."
	}
	s.WriteOnly = f.rules.secret
	s.Default = defaultOf(f)
	if example, ok := yamlValue(doc.example); ok {
		if m, isMap := example.(map[string]any); isMap && m[f.key] != nil {
			s.Examples = []any{m[f.key]}
		}
	}
	return &s
}

// ignored adds the keys that are accepted and have no effect.
func (g *generator) ignored(s *jsonSchema, p place) {
	prefix, found := ignoredBelow(p.shape.typ)
	if !found {
		return
	}
	for path, why := range ignoredKeys {
		key, below := strings.CutPrefix(path, prefix)
		if below && !strings.Contains(key, ".") && s.Properties[key] == nil {
			s.Properties[key] = &jsonSchema{Description: "Accepted and ignored: " + why + ".", Deprecated: true}
		}
	}
}

// defaultOf is the value that holds where a key is not there, nil when none is
// known.
func defaultOf(f field) any {
	text := f.from.Tag.Get("default")
	if text != "" && f.typ.Kind() == reflect.String && f.rules.enum == nil {
		return text
	}
	value, _ := yamlValue(text)
	return value
}

// environmentSchema is a map of variables, or a list of NAME=VALUE.
func environmentSchema(r rules) *jsonSchema {
	variables := &jsonSchema{Type: types("object", "null"), PropertyNames: r.keySchema(r.keys), Additional: anyText()}
	return anyOf(variables, listOf(&jsonSchema{Type: "string", Pattern: "^" + r.keys.pattern + "="}))
}
