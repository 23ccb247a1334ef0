package cloudconfig

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Config decodes the effective values into their types. The report has every
// problem of them at once; values with an error are left out of the Config, so
// that a caller can go on with the rest.
func (m Merged) Config() (Config, Report) {
	c := Config{merged: m}
	d := decoder{doc: m.Doc}
	if m.Doc.Root != nil {
		d.structure(m.Doc.Root, reflect.ValueOf(&c).Elem(), spot{})
	}
	return c, append(d.report, unused(m)...)
}

// Validate checks one layer by itself, before it is merged. A layer whose
// report has an error must not be merged.
func Validate(l Layer) Report {
	if l.Doc.Root == nil {
		return nil
	}
	d := decoder{doc: l.Doc}
	var c Config
	d.structure(l.Doc.Root, reflect.ValueOf(&c).Elem(), spot{})
	_, form := mergeForm(l.Doc)
	return append(append(d.report, form...), unused(Merged{Doc: l.Doc, layers: []Layer{l}})...)
}

// Pos says where the value at a path was written; where nothing is there, where
// the innermost map or list around it was. It is zero for what nobody wrote.
func (c Config) Pos(path ...string) Pos { return c.merged.pos(path) }

// decoder walks a document and the Go types beside each other.
type decoder struct {
	doc    Document
	report Report
	errors int // in report

	origin map[*yaml.Node]*yaml.Node // what a node that is in no file was made of
}

// spot is where the decoder is: the path, and the same path as the tables know
// it, with "*" for each key of a map and each item of a list.
type spot struct {
	path    []string
	pattern string
}

func (s spot) field(key string) spot { return s.step(key, key) }
func (s spot) item(key string) spot  { return s.step(key, "*") }

func (s spot) step(key, pattern string) spot {
	if s.pattern != "" {
		pattern = s.pattern + "." + pattern
	}
	return spot{path: append(s.path[:len(s.path):len(s.path)], key), pattern: pattern}
}

// value decodes n into v, and leaves v alone when n is null or wrong.
func (d *decoder) value(n *yaml.Node, v reflect.Value, at spot) {
	if isNull(n) {
		return
	}
	switch target := v.Addr().Interface().(type) {
	case *Command:
		d.command(n, target, at)
		return
	case *Definition:
		d.definition(n, target, at)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, at)
	case reflect.Map:
		d.mapping(n, v, at)
	case reflect.Slice:
		d.list(n, v, at)
	case reflect.Pointer:
		d.pointer(n, v, at)
	default:
		d.scalar(n, v, at)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, at spot) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, at, "a map")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		f, ok := fieldOf(v.Type(), key.Value)
		if !ok {
			d.unknownKey(key, v.Type(), at)
			continue
		}
		d.value(n.Content[i+1], v.FieldByIndex(f.Index), at.field(key.Value))
	}
	if required, ok := requiredKeys[at.pattern]; ok && isUnset(mappingValue(n, required)) {
		d.fail(n, at, fmt.Sprintf("key %q is missing", required), "")
	}
	if w, ok := v.Interface().(WriteFile); ok {
		d.content(n, w, at)
	}
}

func (d *decoder) unknownKey(key *yaml.Node, t reflect.Type, at spot) {
	pattern := at.field(key.Value).pattern
	if why, ok := ignoredKeys[pattern]; ok {
		if why != "" {
			d.warn(key, at.field(key.Value), "is ignored: "+why)
		}
		return
	}
	d.fail(key, at.field(key.Value), "unknown key", suggestion(key.Value, at, keysOf(t)))
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, at spot) {
	pairs := n.Content
	switch {
	case n.Kind == yaml.SequenceNode && strings.HasSuffix(at.pattern, "environment"):
		pairs = d.assignments(n, at)
	case n.Kind != yaml.MappingNode:
		d.wrongType(n, at, "a map")
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, below := pairs[i].Value, at.item(pairs[i].Value)
		if isNull(pairs[i+1]) || !d.checkKey(pairs[i], below) {
			continue
		}
		before := d.errors
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(pairs[i+1], elem, below)
		partly := pairs[i+1].Kind == yaml.MappingNode && elem.Kind() == reflect.Struct
		if d.errors == before || partly {
			m.SetMapIndex(reflect.ValueOf(name), elem)
		}
	}
	v.Set(m)
}

// assignments reads a list of NAME=VALUE as the pairs of a map. A name alone has
// no value here, and is an error.
func (d *decoder) assignments(n *yaml.Node, at spot) []*yaml.Node {
	var pairs []*yaml.Node
	if d.origin == nil {
		d.origin = map[*yaml.Node]*yaml.Node{}
	}
	for i, item := range n.Content {
		name, value, ok := strings.Cut(item.Value, "=")
		if item.Kind != yaml.ScalarNode || !ok {
			d.fail(item, at.item(strconv.Itoa(i)), "expected NAME=VALUE", "")
			continue
		}
		key, val := *item, *item
		key.Value, val.Value, val.Tag = name, value, "!!str"
		d.origin[&key], d.origin[&val] = item, item
		pairs = append(pairs, &key, &val)
	}
	return pairs
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, at spot) {
	if n.Kind == yaml.MappingNode && strings.HasSuffix(at.pattern, ".environment") {
		d.environmentList(n, v, at)
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, at, "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, item := range n.Content {
		below := at.item(strconv.Itoa(i))
		if isNull(item) && at.pattern != "mounts.*" {
			continue
		}
		before := d.errors
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(item, elem, below)
		if d.errors == before {
			out = reflect.Append(out, elem)
		}
	}
	if at.pattern == "mounts.*" && len(n.Content) != 4 {
		d.fail(n, at, fmt.Sprintf("has %d fields, expected 4: device, folder, type and options", len(n.Content)), "")
		return
	}
	v.Set(out)
}

// environmentList takes a map where the type is a list of NAME=VALUE.
func (d *decoder) environmentList(n *yaml.Node, v reflect.Value, at spot) {
	m := reflect.New(reflect.TypeFor[map[string]string]()).Elem()
	d.mapping(n, m, at)
	var out []string
	for name, value := range m.Interface().(map[string]string) {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	v.Set(reflect.ValueOf(out))
}

func (d *decoder) pointer(n *yaml.Node, v reflect.Value, at spot) {
	before := d.errors
	elem := reflect.New(v.Type().Elem())
	d.value(n, elem.Elem(), at)
	if d.errors == before {
		v.Set(elem)
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, at spot) {
	switch v.Kind() {
	case reflect.String:
		if text, ok := d.text(n, at); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		b, ok := yamlBool(n)
		if !ok {
			d.wrongType(n, at, "true or false")
			return
		}
		v.SetBool(b)
	default: // int
		i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 32)
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil {
			d.wrongType(n, at, "a whole number")
			return
		}
		if d.check(n, n.Value, at) {
			v.SetInt(i)
		}
	}
}

// text takes numbers and booleans as they are written, as RancherOS did.
func (d *decoder) text(n *yaml.Node, at spot) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.wrongType(n, at, "a text")
		return "", false
	}
	text := n.Value
	if n.ShortTag() == "!!binary" {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			d.fail(n, at, "is marked as !!binary and is not valid base64", "")
			return "", false
		}
		text = string(raw)
	}
	return text, d.check(n, text, at)
}

// yamlBool also knows what YAML 1.1 called booleans, since existing files do.
func yamlBool(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return false, false
	}
	switch strings.ToLower(n.Value) {
	case "true", "yes", "on", "y":
		return true, true
	case "false", "no", "off", "n":
		return false, true
	}
	return false, false
}

func (d *decoder) command(n *yaml.Node, c *Command, at spot) {
	switch n.Kind {
	case yaml.ScalarNode:
		*c = Command{Shell: n.Value}
	case yaml.SequenceNode:
		d.list(n, reflect.ValueOf(&c.Args).Elem(), at)
	default:
		d.wrongType(n, at, "a text for the shell or a list of arguments")
	}
}

func (d *decoder) definition(n *yaml.Node, def *Definition, at spot) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, at, "a map")
		return
	}
	*def = Definition{Name: at.path[len(at.path)-1], Node: n, Doc: d.doc}
}

func (d *decoder) wrongType(n *yaml.Node, at spot, expected string) {
	hint := ""
	switch {
	case n.Kind == yaml.ScalarNode && expected == "a list":
		hint = fmt.Sprintf("write [%s]", n.Value)
		if schemaRoot.below(at.path...).secret {
			hint = "write it between [ and ]"
		}
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		hint = "remove the quotes"
	case at.pattern == "rancher.sysctl.*":
		hint = `put a key that has dots between quotes: rancher.sysctl."net.ipv4.ip_forward"`
	}
	d.fail(n, at, "expected "+expected+", found "+describe(n), hint)
}

func (d *decoder) fail(n *yaml.Node, at spot, msg, hint string) {
	d.errors++
	d.report = append(d.report, Problem{Pos: d.pos(n), Path: JoinPath(at.path...), Msg: msg, Hint: hint})
}

func (d *decoder) warn(n *yaml.Node, at spot, msg string) {
	d.report = append(d.report, Problem{Pos: d.pos(n), Path: JoinPath(at.path...), Msg: msg, Severity: Warning})
}

func (d *decoder) pos(n *yaml.Node) Pos {
	if made, ok := d.origin[n]; ok {
		n = made
	}
	return d.doc.Pos(n)
}

func isUnset(n *yaml.Node) bool {
	return n == nil || isNull(n) || n.Kind == yaml.ScalarNode && n.Value == ""
}
