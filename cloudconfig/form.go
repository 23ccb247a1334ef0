package cloudconfig

import (
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// form is a type that may be written in more than one way. What decode takes
// and what schema describes are the same.
type form interface {
	decode(d *decoder, n *yaml.Node, at *spot)
	schema(g *generator, at place) *jsonSchema
}

var definitionType = reflect.TypeFor[Definition]()

func (c *Command) decode(d *decoder, n *yaml.Node, at *spot) {
	switch n.Kind {
	case yaml.ScalarNode:
		*c = Command{Shell: n.Value}
	case yaml.SequenceNode:
		*c = Command{Args: d.texts(n, at)}
	default: // `- echo "a: b"` is a map to YAML
		d.fail(n, at, "expected a text for the shell or a list of arguments, found "+describe(n), `a colon with a space behind it makes a map: put the command below "- |"`)
	}
}

func (c *Command) schema(*generator, place) *jsonSchema {
	return anyOf(anyText(), listOf(anyText()))
}

func (m *Mount) decode(d *decoder, n *yaml.Node, at *spot) {
	const fewest, most = 2, 6
	if *m = d.fstab(n, at); *m != nil && (len(*m) < fewest || len(*m) > most) {
		d.fail(n, at, "has "+strconv.Itoa(len(*m))+" fields, expected 2 to 6: device, folder, type and options", "")
	}
}

func (m *Mount) schema(*generator, place) *jsonSchema {
	s := listOf(anyText())
	s.MinItems, s.MaxItems = 2, 6
	return s
}

// MountDefaults fill up entries of mounts: six fields, of which the first two
// say nothing.
type MountDefaults []string

func (m *MountDefaults) decode(d *decoder, n *yaml.Node, at *spot) {
	if *m = d.fstab(n, at); *m != nil && len(*m) != 6 {
		d.fail(n, at, "has "+strconv.Itoa(len(*m))+" fields, expected 6", "write null for those that mounts say themselves")
	}
}

func (m *MountDefaults) schema(*generator, place) *jsonSchema {
	s := listOf(anyText())
	s.MinItems, s.MaxItems = 6, 6
	return s
}

// fstab reads fields that stand at fixed places: null is an empty one.
func (d *decoder) fstab(n *yaml.Node, at *spot) []string {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, at, "a list")
		return nil
	}
	out := make([]string, len(n.Content))
	for i, item := range n.Content {
		if !isNull(item) && item.Value != "None" { // which older documentation has for null
			out[i], _ = d.text(item, at.below(strconv.Itoa(i)))
		}
	}
	return out
}

func (def *Definition) decode(d *decoder, n *yaml.Node, at *spot) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, at, "a map")
		return
	}
	*def = Definition{Name: at.key, Node: n, Doc: d.doc}
}

func (def *Definition) schema(g *generator, _ place) *jsonSchema {
	return g.service()
}

func (f *Free) decode(_ *decoder, n *yaml.Node, _ *spot) { f.Node = n }

func (f *Free) schema(*generator, place) *jsonSchema { return &jsonSchema{} }

// Texts is a text, or a list of them.
type Texts []string

func (t *Texts) decode(d *decoder, n *yaml.Node, at *spot) {
	switch n.Kind {
	case yaml.ScalarNode:
		if text, ok := d.text(n, at); ok && text != "" {
			*t = Texts{text}
		}
	case yaml.SequenceNode:
		*t = d.texts(n, at)
	default:
		d.wrongType(n, at, "a text or a list of texts")
	}
}

func (t *Texts) schema(_ *generator, at place) *jsonSchema {
	text := at.shape.rules.textSchema()
	return anyOf(text, listOf(text))
}

// Words is a list of texts, or one text with commas between them, or a map whose
// keys they are.
type Words []string

func (w *Words) decode(d *decoder, n *yaml.Node, at *spot) {
	switch n.Kind {
	case yaml.ScalarNode:
		*w = d.words(n, at)
	case yaml.SequenceNode:
		*w = d.texts(n, at)
	default:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if text, ok := d.text(n.Content[i], at.below(n.Content[i].Value)); ok {
				*w = append(*w, text)
			}
		}
	}
}

func (w *Words) schema(_ *generator, at place) *jsonSchema {
	r := at.shape.rules
	names := &jsonSchema{Type: types("object", "null"), PropertyNames: r.keySchema(r.format)}
	return anyOf(r.commaSchema(), listOf(r.textSchema()), names)
}

// words are the parts of a text between commas.
func (d *decoder) words(n *yaml.Node, at *spot) []string {
	var out []string
	if !d.takes(n, at) {
		return nil
	}
	for part := range strings.SplitSeq(n.Value, ",") {
		if text, ok := d.checked(n, strings.Trim(part, " "), at); ok && text != "" {
			out = append(out, text)
		}
	}
	return out
}

// texts is a list of texts that follow the rules of the list.
func (d *decoder) texts(n *yaml.Node, at *spot) []string {
	out := make([]string, 0, len(n.Content))
	for i, item := range n.Content {
		if isNull(item) {
			continue
		}
		below := &spot{parent: at, key: strconv.Itoa(i), place: at.place}
		if d.hasEnded(item, below) {
			continue
		}
		if text, ok := d.text(item, below); ok {
			out = append(out, text)
		}
	}
	return out
}
