package cloudconfig

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// place is a position in the schema, which is the type [Config]. The zero place
// is outside of it, where anything may be written.
type place struct {
	shape  *shape
	secret bool
}

var schemaRoot = place{shape: newShape(reflect.TypeFor[Config](), rules{})}

// shape is what the schema says about the values at one place. What is below is
// looked at when it is first asked for: most programs need little of it.
type shape struct {
	typ    reflect.Type
	rules  rules
	form   bool          // the type has a decoding of its own
	fields func() fields // of a struct
	elem   func() *shape // of a list or a map
}

// fields are the keys of a struct.
type fields struct {
	byKey map[string]field // under older spellings too
	keys  []string         // in the order of the type
}

// field is one key of a struct.
type field struct {
	*shape
	key   string
	index []int // for reflect.Value.FieldByIndex
	from  reflect.StructField
	owner reflect.Type // the struct that declares it
}

var (
	formType         = reflect.TypeFor[form]()
	networkItemsType = reflect.TypeFor[NetworkItems]()
	usersType        = reflect.TypeFor[Users]()
	groupsType       = reflect.TypeFor[Groups]()
)

func newShape(t reflect.Type, r rules) *shape {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s := &shape{typ: t, rules: r, form: reflect.PointerTo(t).Implements(formType)}
	s.fields = sync.OnceValue(func() fields { return fieldsOf(t) })
	s.elem = sync.OnceValue(func() *shape {
		switch {
		case t == networkItemsType: // a list, or a word
			return newShape(reflect.TypeFor[NetworkItem](), rules{})
		case t.Kind() == reflect.Map || t.Kind() == reflect.Slice:
			return newShape(t.Elem(), r.ofItems())
		}
		return nil
	})
	return s
}

func fieldsOf(t reflect.Type) fields {
	out := fields{byKey: map[string]field{}}
	if t.Kind() != reflect.Struct {
		return out
	}
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case !f.IsExported():
		case f.Anonymous:
			inner := fieldsOf(f.Type)
			for key, below := range inner.byKey {
				below.index = append([]int{i}, below.index...)
				out.byKey[key] = below
			}
			out.keys = append(out.keys, inner.keys...)
		case f.Tag.Get("yaml") != "":
			spellings := strings.Split(f.Tag.Get("yaml"), ",")
			below := field{shape: newShape(f.Type, newRules(f.Tag)), key: spellings[0], index: []int{i}, from: f, owner: t}
			out.keys = append(out.keys, below.key)
			for _, key := range spellings {
				out.byKey[key] = below
			}
		}
	}
	return out
}

// below walks down keys and list items.
func (p place) below(path ...string) place {
	for _, key := range path {
		p = p.child(key)
	}
	return p
}

// child is the place of a key of a map, or of an item of a list.
func (p place) child(key string) place {
	switch {
	case p.shape == nil:
		return place{secret: p.secret || soundsSecret(key)}
	case p.shape.typ == definitionType:
		return place{secret: p.secret || isNear(key, environment) || soundsSecret(key)}
	case p.shape.isStruct():
		f, ok := p.shape.fields().byKey[key]
		if !ok {
			return place{secret: p.secret || soundsSecret(key) || p.nearSecret(key)}
		}
		return place{shape: f.shape, secret: p.secret || f.rules.secret}
	}
	elem := p.shape.elem()
	if elem == nil {
		return place{secret: p.secret}
	}
	free := p.shape.typ.Kind() == reflect.Map && !elem.isStruct() && p.shape.rules.keys == nil
	return place{shape: elem, secret: p.secret || free && soundsSecret(key)}
}

// nearSecret says that an unknown key is probably a secret one, mistyped.
func (p place) nearSecret(key string) bool {
	f, ok := p.shape.fields().byKey[Nearest(key, p.keys())]
	return ok && f.rules.secret
}

// isNear says that a key is a known one, perhaps mistyped.
func isNear(key, known string) bool { return key == known || Nearest(key, []string{known}) == known }

// isStruct says that a map with known keys belongs here.
func (s *shape) isStruct() bool { return s.typ.Kind() == reflect.Struct && s.elem() == nil }

// isText says that a value here is taken as it is written.
func (p place) isText() bool {
	return p.shape != nil && p.shape.typ.Kind() == reflect.String
}

// isContainer says that a map or a list belongs here.
func (p place) isContainer() bool {
	if p.shape == nil {
		return false
	}
	k := p.shape.typ.Kind()
	return k == reflect.Struct || k == reflect.Map || k == reflect.Slice
}

// keys are the keys that a map here may have.
func (p place) keys() []string {
	if p.shape == nil {
		return nil
	}
	return p.shape.fields().keys
}

const redacted = "(redacted)"

var (
	secretWord = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)passw|passphrase|secret|token|credential|psk|private|api_?key|activation_?key|registration_?key|validation_?key`)
	})
	passwordInURL = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^/\s:@"']*):[^/\s@"']+@`)
	})
)

// soundsSecret says that a key which the schema does not know is probably one
// that nobody should see: an option of a log driver, a key of another system.
func soundsSecret(key string) bool { return secretWord().MatchString(key) }

// withoutPassword takes the passwords out of the addresses in a text.
func withoutPassword(text string) string {
	if !strings.Contains(text, "://") || !strings.Contains(text, "@") {
		return text
	}
	return passwordInURL().ReplaceAllString(text, "$1:"+redacted+"@")
}

// IsSecret says whether the value at a path must not be shown.
func IsSecret(path ...string) bool {
	return schemaRoot.below(path...).secret
}

// DefaultOf is what holds at a path while no layer says anything, as it would be
// written; "" where nothing in particular does.
func DefaultOf(path ...string) string {
	if len(path) == 0 {
		return ""
	}
	f, _ := fieldAt(path)
	return f.from.Tag.Get("default")
}

// SecretPatterns lists the paths of all texts that the schema marks as secret,
// in order; "*" stands for any key of a map or any item of a list. Besides them
// the passwords in addresses (https://user:password@host) are secret wherever
// they are, and so are keys that the schema does not know and whose names sound
// like secrets.
func SecretPatterns() []string {
	patterns := schemaRoot.secrets(nil)
	slices.Sort(patterns)
	return patterns
}

func (p place) secrets(path []string) []string {
	var found []string
	below := func(key string, child place) {
		found = append(found, child.secrets(append(path[:len(path):len(path)], key))...)
	}
	switch {
	case p.shape.typ == definitionType:
		return []string{strings.Join(append(path, "environment", "*"), ".")}
	case p.shape.isStruct() && len(p.keys()) > 0:
		for _, key := range p.keys() {
			below(key, p.child(key))
		}
	case p.shape.elem() != nil:
		below("*", p.child("*"))
	case p.secret:
		return []string{strings.Join(path, ".")}
	}
	return found
}

// redact copies a value with the secrets in it replaced; keys stay visible.
func redact(n *yaml.Node, p place) *yaml.Node {
	c := *n
	if n.Kind == yaml.ScalarNode {
		if p.secret && n.Value != "" && !isNull(n) {
			c.Value, c.Tag, c.Style = redacted, "!!str", 0
		} else {
			c.Value = withoutPassword(n.Value)
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
