package cloudconfig

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"regexp"
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
	d := decoder{doc: m.Doc, whole: true}
	if m.Doc.Root != nil {
		d.structure(m.Doc.Root, reflect.ValueOf(&c).Elem(), &spot{place: schemaRoot})
	}
	return c, append(d.report, unused(m)...)
}

// Validate checks one layer by itself, before it is merged. A layer whose
// report has an error must not be merged.
func Validate(l Layer) Report {
	found, _ := examine(l)
	return append(found, unused(Merged{Doc: l.Doc, layers: []Layer{l}})...)
}

// examine finds the errors of a layer, and where each of them is.
func examine(l Layer) (Report, []fault) {
	if l.Doc.Root == nil {
		return nil, nil
	}
	d := decoder{doc: l.Doc}
	var c Config
	d.structure(l.Doc.Root, reflect.ValueOf(&c).Elem(), &spot{place: schemaRoot})
	_, form := mergeForm(l.Doc)
	for _, p := range append(form, redactions(l.Doc)...) {
		path, err := SplitPath(p.Path)
		if err != nil {
			path = nil // of the layer as a whole
		}
		d.faults = append(d.faults, fault{path: path, problem: len(d.report)})
		d.report = append(d.report, p)
	}
	return d.report, d.faults
}

// fault is where an error is.
type fault struct {
	path    []string // keys as they are written
	unknown bool     // nobody knows the last of them
	problem int      // which of the report tells it
}

// Pos says where the value at a path was written; where nothing is there, where
// the innermost map or list around it was. It is zero for what nobody wrote.
func (c Config) Pos(path ...string) Pos { return c.merged.pos(path) }

// AsWritten is the path of a value in the file that it was written in: an entry of a
// list may be another one there, since what is wrong is left out, and lists of layers
// may be appended.
func (c Config) AsWritten(path ...string) []string { return c.merged.Doc.asWritten(path) }

// decoder walks a document and the Go types beside each other.
type decoder struct {
	doc    Document
	whole  bool // doc is what all layers together say
	report Report
	errors int     // in report
	faults []fault // one for each error

	origin map[*yaml.Node]*yaml.Node // what a node that is in no file was made of
}

// spot is where the decoder is, in the document and in the schema.
type spot struct {
	parent *spot // nil at the top
	key    string
	place  place
}

func (s *spot) below(key string) *spot {
	return &spot{parent: s, key: key, place: s.place.child(key)}
}

func (s *spot) path() []string {
	var path []string
	for ; s.parent != nil; s = s.parent {
		path = append(path, s.key)
	}
	slices.Reverse(path)
	return path
}

// name is the innermost key, not counting places in a list.
func (s *spot) name() string {
	for ; s.parent != nil; s = s.parent {
		if _, err := strconv.Atoi(s.key); err != nil {
			return s.key
		}
	}
	return ""
}

// value decodes n into v, and leaves v alone when n is null or wrong.
func (d *decoder) value(n *yaml.Node, v reflect.Value, at *spot) {
	if isNull(n) {
		return
	}
	if v.Kind() == reflect.Pointer {
		d.pointer(n, v, at)
		return
	}
	if at.place.shape.form {
		v.Addr().Interface().(form).decode(d, n, at)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, at)
	case reflect.Map:
		d.mapping(n, v, at)
	case reflect.Slice:
		d.list(n, v, at)
	default:
		d.scalar(n, v, at)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, at *spot) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, at, "a map")
		return
	}
	known := at.place.shape.fields()
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		f, ok := known.byKey[key.Value]
		if !ok {
			d.unknownKey(key, at)
			continue
		}
		if key.Value != f.key {
			d.warn(key, at.below(key.Value), fmt.Sprintf("is an old spelling of %q", f.key))
		}
		d.value(n.Content[i+1], v.FieldByIndex(f.index), at.below(key.Value))
	}
	for _, key := range known.keys {
		d.require(n, known.byKey[key], at)
	}
	if w, ok := v.Interface().(WriteFile); ok {
		d.content(n, w, at)
	}
}

// require reports a key that must be there and is not.
func (d *decoder) require(n *yaml.Node, f field, at *spot) {
	must := f.rules.required == always || f.rules.required == onceCombined && d.whole
	if must && isUnset(mappingValue(n, f.key)) {
		d.fail(n, at, fmt.Sprintf("key %q is missing", f.key), "")
	}
}

func (d *decoder) unknownKey(key *yaml.Node, at *spot) {
	below := at.below(key.Value)
	why, ok := whyIgnored(below.path(), at.place.shape.typ)
	switch {
	case !ok:
		name, hint := nameOfKey(key.Value)
		if hint == "" {
			hint = suggestion(key.Value, at)
		}
		d.fail(key, at.below(name), "unknown key", hint)
		last := &d.faults[len(d.faults)-1]
		last.path, last.unknown = below.path(), true
	case why != "":
		d.warn(key, below, "is ignored: "+why)
	}
}

// nameOfKey is a key as it may be shown. Behind a colon without a space stands
// what was meant as its value, and that may be secret.
func nameOfKey(key string) (name, hint string) {
	if i := strings.IndexByte(key, ':'); i > 0 {
		return key[:i+1] + "…", "put a space behind the colon"
	}
	return key, ""
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, at *spot) {
	pairs := n.Content
	switch {
	case n.Kind == yaml.SequenceNode && at.key == environment:
		pairs = d.assignments(n, at)
	case n.Kind != yaml.MappingNode:
		d.wrongType(n, at, "a map")
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		below := at.below(key.Value)
		if isNull(value) || !d.key(key, at, below) {
			continue
		}
		before := d.errors
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(value, elem, below)
		partly := value.Kind == yaml.MappingNode && elem.Kind() == reflect.Struct
		if d.errors == before || partly {
			m.SetMapIndex(reflect.ValueOf(key.Value), elem)
		}
	}
	v.Set(m)
}

// key checks a key that the user chose.
func (d *decoder) key(key *yaml.Node, at, below *spot) bool {
	f := at.place.shape.rules.keys
	if f == nil {
		return true
	}
	msg, hint := f.wrong(key.Value, false)
	if msg != "" {
		d.fail(key, below, msg, hint)
	}
	return msg == ""
}

const environment = "environment" // may be a map or a list of NAME=VALUE

// assignments reads a list of NAME=VALUE as the pairs of a map. A name alone has
// no value here, and is an error.
func (d *decoder) assignments(n *yaml.Node, at *spot) []*yaml.Node {
	var pairs []*yaml.Node
	if d.origin == nil {
		d.origin = map[*yaml.Node]*yaml.Node{}
	}
	for i, item := range n.Content {
		name, value, ok := strings.Cut(item.Value, "=")
		if item.Kind != yaml.ScalarNode || !ok {
			d.fail(item, at.below(strconv.Itoa(i)), "expected NAME=VALUE", "")
			continue
		}
		key, val := *item, *item
		key.Value, val.Value, val.Tag = name, value, "!!str"
		d.origin[&key], d.origin[&val] = item, item
		pairs = append(pairs, &key, &val)
	}
	return pairs
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, at *spot) {
	if n.Kind == yaml.MappingNode && at.key == environment {
		d.environmentList(n, v, at)
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, at, "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, item := range n.Content {
		if isNull(item) || d.hasEnded(item, at.below(strconv.Itoa(i))) {
			continue
		}
		before := d.errors
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(item, elem, at.below(strconv.Itoa(i)))
		if d.errors == before {
			out = reflect.Append(out, elem)
		}
	}
	v.Set(out)
}

// hasEnded warns of a word that once meant something in a list.
func (d *decoder) hasEnded(n *yaml.Node, at *spot) bool {
	s := at.place.shape
	if s == nil || s.rules.ended == "" || n.Kind != yaml.ScalarNode || n.Value != s.rules.ended {
		return false
	}
	d.warn(n, at, "is ignored: there are no DSA keys on this system")
	return true
}

// environmentList takes a map where the type is a list of NAME=VALUE.
func (d *decoder) environmentList(n *yaml.Node, v reflect.Value, at *spot) {
	m := reflect.New(reflect.TypeFor[map[string]string]()).Elem()
	d.mapping(n, m, at)
	var out []string
	for name, value := range m.Interface().(map[string]string) {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	v.Set(reflect.ValueOf(out))
}

func (d *decoder) pointer(n *yaml.Node, v reflect.Value, at *spot) {
	before := d.errors
	elem := reflect.New(v.Type().Elem())
	d.value(n, elem.Elem(), at)
	if d.errors == before {
		v.Set(elem)
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, at *spot) {
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
		if i, ok := d.number(n, at); ok {
			v.SetInt(i)
		}
	}
}

const wholeNumber = "a whole number"

// quotedNumber is a number that may be a text, where [rules] have quoted.
var quotedNumber = regexp.MustCompile("^" + quotedPattern + "$")

const quotedPattern = "[0-9]{1,9}"

func (d *decoder) number(n *yaml.Node, at *spot) (int64, bool) {
	if at.place.shape.rules.quoted && isQuoted(n) && quotedNumber.MatchString(n.Value) {
		d.report = append(d.report, Problem{
			Pos: d.pos(n), Path: d.path(at), Msg: "is a text, and is taken as the number", Hint: "remove the quotes", Severity: Warning,
		})
		n = withoutQuotes(n)
	}
	i, err := intOf(n)
	if !isNumber(n) || err != nil {
		d.wrongType(n, at, wholeNumber)
		return 0, false
	}
	msg, hint := at.place.shape.rules.number(at.name(), n.Value, i)
	if msg != "" {
		d.fail(n, at, msg, hint)
	}
	return i, msg == ""
}

func intOf(n *yaml.Node) (int64, error) {
	return strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 32)
}

func isNumber(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" }

func isQuoted(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
}

// withoutQuotes is what a text would be without its quotes.
func withoutQuotes(n *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: n.Value, Line: n.Line, Column: n.Column}
}

// text takes numbers and booleans as they are written, as RancherOS did.
func (d *decoder) text(n *yaml.Node, at *spot) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.wrongType(n, at, "a text")
		return "", false
	}
	text := n.Value
	if !d.takes(n, at) {
		return "", false
	}
	if n.ShortTag() == "!!binary" {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			d.fail(n, at, "is marked as !!binary and is not valid base64", "")
			return "", false
		}
		text = string(raw)
	}
	// cloud-init takes these words between quotes, too.
	if b, ok := yamlBool(withoutQuotes(n)); ok && slices.Contains(at.place.shape.rules.enum, "true") && !slices.Contains(at.place.shape.rules.enum, text) {
		text = strconv.FormatBool(b)
	}
	return d.checked(n, text, at)
}

// takes reports a number or a boolean where a format wants a text.
func (d *decoder) takes(n *yaml.Node, at *spot) bool {
	f := at.place.shape.rules.format
	if f == nil || n.Value == "" || f.takes(n) {
		return true
	}
	msg, hint := f.isNot(n.Value, at.place.secret)
	d.fail(n, at, msg, hint)
	return false
}

// checked is a text that follows the rules of its place.
func (d *decoder) checked(n *yaml.Node, text string, at *spot) (string, bool) {
	msg, hint := at.place.shape.rules.text(at.name(), text, at.place.secret)
	if msg != "" {
		d.fail(n, at, msg, hint)
	}
	return text, msg == ""
}

// yamlBool also knows what YAML 1.1 called booleans, since existing files do.
func yamlBool(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || isQuoted(n) {
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

func (d *decoder) wrongType(n *yaml.Node, at *spot, expected string) {
	hint := ""
	switch {
	case n.Kind == yaml.ScalarNode && expected == "a list":
		hint = fmt.Sprintf("write [%s]", withoutPassword(n.Value))
		if at.place.secret {
			hint = "write it between [ and ]"
		}
	case isQuoted(n) && quotesAreWrong(n, expected):
		hint = "remove the quotes"
	case at.parent != nil && at.parent.place.shape != nil && at.parent.place.shape.rules.keys == formats()["sysctl"]:
		hint = `put a key that has dots between quotes: rancher.sysctl."net.ipv4.ip_forward"`
	}
	d.fail(n, at, "expected "+expected+", found "+describe(n), hint)
}

// quotesAreWrong says that a text without its quotes would be what is expected.
func quotesAreWrong(n *yaml.Node, expected string) bool {
	plain := withoutQuotes(n)
	_, isBool := yamlBool(plain)
	_, err := intOf(plain)
	return isBool && strings.HasPrefix(expected, "true") || err == nil && isNumber(plain) && expected == wholeNumber
}

func (d *decoder) fail(n *yaml.Node, at *spot, msg, hint string) {
	d.errors++
	path := at.path()
	d.faults = append(d.faults, fault{path: path, problem: len(d.report)})
	d.report = append(d.report, Problem{Pos: d.pos(n), Path: d.path(at), Msg: msg, Hint: hint})
}

func (d *decoder) warn(n *yaml.Node, at *spot, msg string) {
	d.report = append(d.report, Problem{Pos: d.pos(n), Path: d.path(at), Msg: msg, Severity: Warning})
}

// path is where a value is in its file, which may not be where it is in what all
// layers together say.
func (d *decoder) path(at *spot) string { return JoinPath(d.doc.asWritten(at.path())...) }

func (d *decoder) pos(n *yaml.Node) Pos {
	if made, ok := d.origin[n]; ok {
		n = made
	}
	return d.doc.Pos(n)
}

func isUnset(n *yaml.Node) bool {
	return n == nil || isNull(n) || n.Kind == yaml.ScalarNode && n.Value == ""
}
