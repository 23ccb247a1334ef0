package cloudconfig

import (
	_ "embed"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// referenceHead is what a person wrote above the generated part.
//
//go:embed reference.md
var referenceHead string

// Reference is the reference page of all keys, in Markdown, made from the types
// and their comments.
func Reference() ([]byte, error) {
	docs, err := readDocs()
	if err != nil {
		return nil, err
	}
	r := page{docs: docs, shown: map[reflect.Type]string{}}
	r.write("%s", referenceHead)
	for _, key := range schemaRoot.keys() {
		if key != "rancher" {
			r.section([]string{key})
		}
	}
	r.write("\n## This system's keys\n\nEverything below stands under the key `rancher`.\n")
	for _, key := range schemaRoot.child("rancher").keys() {
		r.section([]string{"rancher", key})
	}
	r.formats()
	r.services()
	r.ignored()
	return []byte(r.text.String()), nil
}

// page is the reference page while it is written.
type page struct {
	docs  docs
	text  strings.Builder
	key   string                  // whose section it is
	shown map[reflect.Type]string // structs whose keys are listed already, and where
}

func (r *page) write(format string, args ...any) { fmt.Fprintf(&r.text, format, args...) }

// section is one key with all below it.
func (r *page) section(path []string) {
	r.key = strings.Join(path, ".")
	f, _ := fieldAt(path)
	p := schemaRoot.below(path...)
	doc := r.docs.of(f)
	r.write("\n### `%s`\n\n%s\n\n%s\n", r.key, doc.text, r.facts(f, p))
	if doc.example != "" {
		r.write("\n```yaml\n%s```\n", nested(path[:len(path)-1], doc.example))
	}
	var rows []string
	r.rows(p, "", &rows)
	if len(rows) > 0 {
		r.write("\n| key | value | default | |\n|---|---|---|---|\n%s", strings.Join(rows, ""))
	}
}

// nested puts an example below the keys that lead to it.
func nested(path []string, example string) string {
	for i := len(path) - 1; i >= 0; i-- {
		example = path[i] + ":\n" + indented(example)
	}
	return example
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// facts are the value, its default, where the key comes from and whether it is
// applied.
func (r *page) facts(f field, p place) string {
	facts := []string{"Value: " + valueText(p)}
	if unset := f.from.Tag.Get("default"); unset != "" {
		facts = append(facts, "default "+code(unset))
	}
	if from := f.from.Tag.Get("from"); from != "" {
		facts = append(facts, "from "+from)
	}
	if p.secret {
		facts = append(facts, "**secret**")
	}
	return strings.Join(facts, " · ") + "." + applied(f)
}

// rows list the keys below a place, however deep.
func (r *page) rows(p place, path string, rows *[]string) {
	for p.shape != nil && !p.shape.isStruct() {
		elem := p.shape.elem()
		if elem == nil {
			return
		}
		if p.shape.typ.Kind() == reflect.Map {
			path = strings.TrimPrefix(path+".NAME", ".")
		} else {
			path += "[]"
		}
		p = p.child("*")
	}
	if p.shape == nil {
		return
	}
	fields, as := p.shape.fields(), ""
	for _, key := range fields.keys {
		f := fields.byKey[key]
		at := strings.TrimPrefix(path+"."+key, ".")
		full := strings.TrimSuffix(r.key+"."+path, ".")
		if where, known := r.shown[f.owner]; known && where != full {
			as = where
			continue
		}
		r.shown[f.owner] = full
		*rows = append(*rows, r.row(f, p.child(key), at))
		r.rows(p.child(key), at, rows)
	}
	if as != "" {
		*rows = append(*rows, fmt.Sprintf("| %s | | | The same keys as `%s`. |\n", code(strings.TrimPrefix(path+".…", ".")), as))
	}
}

func (r *page) row(f field, p place, at string) string {
	unset := ""
	if text := f.from.Tag.Get("default"); text != "" {
		unset = code(text)
	}
	doc := r.docs.of(f)
	text := doc.text
	if f.rules.required != optional {
		text += " **Required.**"
	}
	if p.secret {
		text += " **Secret.**"
	}
	if from := f.from.Tag.Get("from"); from != "" {
		text += " (" + from + ")"
	}
	text += applied(f)
	return fmt.Sprintf("| %s | %s | %s | %s |\n", code(at), valueText(p), unset, strings.ReplaceAll(text, "|", `\|`))
}

// applied says that a key has no effect, and why.
func applied(f field) string {
	why := whyNotApplied(f)
	if why == "" {
		return ""
	}
	if more, soon := strings.CutPrefix(why, notYet); soon {
		return " **Not applied** by this version" + more + "."
	}
	return " **Not applied:** " + why + "."
}

func code(text string) string { return "`" + text + "`" }

// valueText says what may be written at a place.
func valueText(p place) string {
	s := p.shape
	if words, special := formTexts()[s.typ]; special {
		return words
	}
	switch s.typ.Kind() {
	case reflect.Struct:
		return "map"
	case reflect.Map:
		return "map" + each(valueText(p.child("*")))
	case reflect.Slice:
		return "list" + each(valueText(p.child("0")))
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return s.rules.textWords()
	default:
		return s.rules.numberWords()
	}
}

func (r rules) textWords() string {
	switch {
	case r.enum != nil:
		return code(strings.Join(r.enum, "`, `"))
	case r.format != nil:
		return r.format.means
	}
	return "text"
}

func (r rules) numberWords() string {
	switch {
	case r.max < 1<<31-1:
		return fmt.Sprintf("number from %d to %d", r.min, r.max)
	case r.min > 0:
		return fmt.Sprintf("number, at least %d", r.min)
	}
	return "number"
}

// each says what the items of a map or a list are.
func each(words string) string {
	switch words {
	case "map", "text", "number":
		return " of " + words + "s"
	}
	return ", each " + words
}

// formTexts are the words for types with several forms.
func formTexts() map[reflect.Type]string {
	return map[reflect.Type]string{
		reflect.TypeFor[Command]():       "text for the shell, or list of arguments",
		reflect.TypeFor[Mount]():         "list of 2 to 6 texts",
		reflect.TypeFor[MountDefaults](): "list of 6 texts",
		reflect.TypeFor[Definition]():    "a service, see below",
		reflect.TypeFor[Free]():          "anything",
		reflect.TypeFor[Texts]():         "text, or list of texts",
		reflect.TypeFor[Words]():         "list of texts, or texts with commas between",
		reflect.TypeFor[Users]():         "list of names and maps",
		reflect.TypeFor[User]():          "name or map",
		reflect.TypeFor[Groups]():        "list of names and maps, map, or names with commas between",
		reflect.TypeFor[Layout]():        "true, false, `remove`, or list",
		reflect.TypeFor[NetworkItems]():  "list of maps, or `disabled`",
		reflect.TypeFor[Inactive]():      formats()["number"].means,
		reflect.TypeFor[LinkAddress]():   formats()["cidr"].means,
		reflect.TypeFor[ListenPort]():    "number from 0 to 65535, or `auto`",
		reflect.TypeFor[MergeHow]():      "text, or list of maps",
	}
}

func (r *page) formats() {
	r.write("\n## What texts look like\n\n| a text that is | such as | |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(formats())) {
		f := formats()[name]
		r.write("| %s | %s | %s |\n", f.means, code(f.example), f.hint)
	}
}

func (r *page) services() {
	r.write("\n## Keys of a service\n\nThose of the [compose specification](https://github.com/compose-spec/compose-spec/blob/main/05-services.md) and of RancherOS.\n\n| key | value | |\n|---|---|---|\n")
	for _, key := range composeKeys {
		r.write("| %s | %s | %s |\n", code(key.name), strings.ReplaceAll(key.kind, " ", " or "), key.text)
	}
}

func (r *page) ignored() {
	r.write("\n## Keys that are accepted and ignored\n\nConfigurations are shared with machines that run other systems, so these are no errors. Each is warned of.\n\n| key | why |\n|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(ignoredKeys)) {
		r.write("| %s | %s |\n", code(strings.NewReplacer("routes.*", "routes[]", "*", "NAME").Replace(key)), ignoredKeys[key])
	}
}
