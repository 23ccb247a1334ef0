package compose

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
)

// canonical writes a value as text that stays the same as long as its meaning
// does: keys are sorted, and what is empty is left out, so that a key that a
// later release adds changes nothing for those who do not use it. Hashes are
// made of it: its form must not change.
func (s *schema) canonical(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	var b strings.Builder
	s.write(&b, v)
	return b.String()
}

func (s *schema) write(b *strings.Builder, v reflect.Value) {
	switch x := v.Interface().(type) {
	case types.Duration:
		b.WriteString(x.String())
		return
	case cloudconfig.Definition:
		writeNode(b, x.Node)
		return
	}
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		s.write(b, v.Elem())
	case v.Kind() == reflect.Struct:
		s.writeStruct(b, v)
	case v.Kind() == reflect.Map:
		s.writeMap(b, v)
	case v.Kind() == reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			separate(b, i)
			s.write(b, v.Index(i))
		}
		b.WriteByte(']')
	case v.Kind() == reflect.String:
		writeText(b, v.String())
	case v.Kind() == reflect.Bool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	case v.CanInt():
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case v.CanUint():
		b.WriteString(strconv.FormatUint(v.Uint(), 10))
	case v.CanFloat():
		b.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()))
	}
}

func (s *schema) writeStruct(b *strings.Builder, v reflect.Value) {
	b.WriteByte('{')
	st := s.structure(v.Type())
	written := 0
	for _, key := range st.known {
		field := v.Field(st.fields[key])
		if isEmpty(field) {
			continue
		}
		separate(b, written)
		b.WriteString(key + ": ")
		s.write(b, field)
		written++
	}
	b.WriteByte('}')
}

func (s *schema) writeMap(b *strings.Builder, v reflect.Value) {
	values := make(map[string]reflect.Value, v.Len())
	for it := v.MapRange(); it.Next(); {
		values[it.Key().String()] = it.Value()
	}
	b.WriteByte('{')
	for i, key := range slices.Sorted(maps.Keys(values)) {
		separate(b, i)
		writeText(b, key)
		b.WriteString(": ")
		s.write(b, values[key])
	}
	b.WriteByte('}')
}

// writeNode writes a definition as it is written, without positions, style and
// comments.
func writeNode(b *strings.Builder, n *yaml.Node) {
	if n == nil {
		return
	}
	open, shut := byte('['), byte(']')
	switch n.Kind {
	case yaml.MappingNode:
		open, shut = '{', '}'
	case yaml.SequenceNode:
	default:
		writeText(b, n.Value)
		return
	}
	items := make([]string, 0, len(n.Content))
	for i := 0; i < len(n.Content); i++ {
		var item strings.Builder
		writeNode(&item, n.Content[i])
		if n.Kind == yaml.MappingNode && i+1 < len(n.Content) {
			item.WriteString(": ")
			i++
			writeNode(&item, n.Content[i])
		}
		items = append(items, item.String())
	}
	if n.Kind == yaml.MappingNode {
		slices.Sort(items)
	}
	b.WriteByte(open)
	b.WriteString(strings.Join(items, ", "))
	b.WriteByte(shut)
}

func separate(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

// writeText writes a text, in quotes where it could be taken for something else.
func writeText(b *strings.Builder, s string) {
	if s == "" || strings.ContainsAny(s, " \t\r\n\"{}[],") || !strconv.CanBackquote(s) {
		s = strconv.Quote(s)
	}
	b.WriteString(s)
}

// isEmpty says that a value is as if it were not written. An empty command is
// not: it takes the image's away.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[types.ShellCommand]() {
			return v.IsNil()
		}
		return v.Len() == 0
	case reflect.Map:
		return v.Len() == 0
	case reflect.Pointer:
		return v.IsNil() || v.Elem().Kind() == reflect.Struct && v.Elem().IsZero()
	default:
		return v.IsZero()
	}
}

// configText is the part of the configuration at a path, as canonical text.
func (b *builder) configText(at string) (string, bool) {
	if text, ok := b.configs[at]; ok {
		return text, true
	}
	keys, err := cloudconfig.SplitPath(at)
	if err != nil || len(keys) == 0 {
		return "", false
	}
	v := reflect.ValueOf(b.cfg)
	for _, key := range keys {
		switch v.Kind() {
		case reflect.Struct:
			i, ok := b.schema.structure(v.Type()).fields[key]
			if !ok {
				return "", false
			}
			v = v.Field(i)
		case reflect.Map:
			v = v.MapIndex(reflect.ValueOf(key))
			if !v.IsValid() { // nobody wrote it yet
				b.configs[at] = ""
				return "", true
			}
		default:
			return "", false
		}
	}
	b.configs[at] = b.schema.canonical(v)
	return b.configs[at], true
}
