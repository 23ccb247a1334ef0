package compose

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// decoder turns trees into the types of compose-go. Their yaml tags are the
// schema: a key that is not there is a problem at its position. Types with
// short forms, such as "80:8080" for a port, have a form of their own.
type decoder struct {
	*schema
	*findings
}

// schema is what the decoder knows about types; it is shared by all services of
// one [Build].
type schema struct {
	forms   map[reflect.Type]form
	structs map[reflect.Type]structure
}

// form reads one type; v can be set.
type form func(d decoder, t *tree, at *path, v reflect.Value)

// structure are the keys of a struct.
type structure struct {
	fields map[string]int // key → index of the field
	known  []string       // keys, sorted
}

func newSchema() *schema {
	return &schema{forms: forms(), structs: map[reflect.Type]structure{}}
}

func (s *schema) structure(t reflect.Type) structure {
	if known, ok := s.structs[t]; ok {
		return known
	}
	st := structure{fields: map[string]int{}}
	for i := range t.NumField() {
		if key := yamlKey(t.Field(i)); key != "" {
			st.fields[key] = i
			st.known = append(st.known, key)
		}
	}
	slices.Sort(st.known)
	s.structs[t] = st
	return st
}

// yamlKey is the key of a field, "" when it has none.
func yamlKey(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	switch {
	case !f.IsExported() || key == "-" || f.Name == "Extensions":
		return ""
	case key == "":
		return strings.ToLower(f.Name)
	}
	return key
}

// service decodes one service whose RancherOS keys are translated already.
func (d decoder) service(t *tree, at *path, spec *types.ServiceConfig) {
	d.fields(t, at, reflect.ValueOf(spec).Elem())
}

// value decodes t into v. Nothing, as in "key:", leaves v as it is.
func (d decoder) value(t *tree, at *path, v reflect.Value) {
	if t.isNull() {
		return
	}
	if f, ok := d.forms[v.Type()]; ok {
		f(d, t, at, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		d.value(t, at, target.Elem())
		v.Set(target)
	case reflect.Struct:
		d.fields(t, at, v)
	case reflect.Map:
		d.mapping(t, at, v)
	case reflect.Slice:
		d.list(t, at, v)
	default:
		d.scalar(t, at, v)
	}
}

func (d decoder) fields(t *tree, at *path, v reflect.Value) {
	if !t.isMap() {
		d.expected("a map", t, at)
		return
	}
	st := d.structure(v.Type())
	for _, e := range t.entries {
		i, ok := st.fields[e.key]
		switch {
		case ok:
			d.value(e.value, at.below(e.key), v.Field(i))
		case !strings.HasPrefix(e.key, "x-"): // extensions are everybody's own
			d.unknownKey(e, at, st.known)
		}
	}
}

// mapping decodes a map whose keys are the user's.
func (d decoder) mapping(t *tree, at *path, v reflect.Value) {
	if !t.isMap() {
		d.expected("a map", t, at)
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(t.entries)))
	for _, e := range t.entries {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, at.below(e.key), item)
		v.SetMapIndex(reflect.ValueOf(e.key), item)
	}
}

func (d decoder) list(t *tree, at *path, v reflect.Value) {
	if !t.isList() {
		d.expected("a list", t, at)
		return
	}
	items := reflect.MakeSlice(v.Type(), len(t.items), len(t.items))
	for i, item := range t.items {
		if item.isNull() {
			d.expected("a value", item, at.item(i))
			continue
		}
		d.value(item, at.item(i), items.Index(i))
	}
	v.Set(items)
}

func (d decoder) scalar(t *tree, at *path, v reflect.Value) {
	if !t.isScalar() {
		d.expected(nameOf(v), t, at)
		return
	}
	ok := false
	switch {
	case v.Kind() == reflect.String:
		if ok = t.tag() != "!!bool"; ok {
			v.SetString(t.text)
		}
	case v.Kind() == reflect.Bool:
		var b bool
		if b, ok = parseBool(t.text); ok {
			v.SetBool(b)
		}
	case v.CanInt():
		n, err := strconv.ParseInt(t.plain(), 0, v.Type().Bits())
		if ok = err == nil; ok {
			v.SetInt(n)
		}
	case v.CanUint():
		n, err := strconv.ParseUint(t.plain(), 0, v.Type().Bits())
		if ok = err == nil; ok {
			v.SetUint(n)
		}
	case v.CanFloat():
		n, err := strconv.ParseFloat(t.plain(), v.Type().Bits())
		if ok = err == nil && !math.IsInf(n, 0) && !math.IsNaN(n); ok {
			v.SetFloat(n)
		}
	}
	if !ok {
		d.expected(nameOf(v), t, at)
	}
}

// nameOf says what v can hold.
func nameOf(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.String:
		return "a text"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.CanInt():
		return "a whole number"
	case v.CanUint():
		return "a whole number that is not negative"
	}
	return "a number"
}

// parseBool knows the words of YAML 1.1 too.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "y":
		return true, true
	case "false", "no", "off", "n":
		return false, true
	}
	return false, false
}
