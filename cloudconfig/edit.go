package cloudconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// SetValue sets the value at a path in the text of a layer; all else stays byte for
// byte as it is. Items of lists are counted from 0; the number
// behind the last one adds an item. A value for a key that is a text is taken as
// it is; any other is read as a YAML scalar, list or map, and is a text when it
// is none of these.
//
// A key that is new goes behind its siblings, the values of a map or a list are
// changed one by one. A text that has the value already is returned as it is.
func SetValue(doc []byte, path []string, value string) ([]byte, error) {
	if len(path) == 0 {
		return nil, errors.New("cannot set a value without a key")
	}
	out, err := edit(doc, func(root *yaml.Node) error {
		if err := checkText(path, value); err != nil {
			return err
		}
		return setAt(root, path, newValue(path, value))
	})
	if err != nil {
		return nil, fmt.Errorf("cannot set %s: %w", JoinPath(path...), err)
	}
	return out, nil
}

// UnsetValue removes a key, or an item of a list, from the text of a layer, and
// maps around it that this leaves empty. A text that does not have it is
// returned as it is.
//
// The comment lines right above a key, as far indented as it, go with it, and so
// do the comments beside and within its value. Above the first key of the text
// they stay: there a comment is about the file.
func UnsetValue(doc []byte, path []string) ([]byte, error) {
	if len(path) == 0 {
		return nil, errors.New("cannot remove a value without a key")
	}
	out, err := edit(doc, func(root *yaml.Node) error {
		removeAt(root, path)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot remove %s: %w", JoinPath(path...), err)
	}
	return out, nil
}

// AppendValue adds an item to the list at a path, which begins with it when this
// layer has no list there. See [AppendValueOver] for lists of other layers.
func AppendValue(doc []byte, path []string, value string) ([]byte, error) {
	return AppendValueOver(doc, path, nil, value)
}

// AppendValueOver adds an item to the list at a path. Lists of layers replace
// each other; so where this layer has none of its own it begins with a copy of
// base, the effective list of the layers below, which may be nil. A layer that
// asks for its lists to be appended, with merge_how, needs no copy.
func AppendValueOver(doc []byte, path []string, base *yaml.Node, value string) ([]byte, error) {
	if len(path) == 0 {
		return nil, errors.New("cannot add a value without a key")
	}
	out, err := edit(doc, func(root *yaml.Node) error {
		if err := checkText(path, value); err != nil {
			return err
		}
		list, err := listAt(root, path, base)
		if err != nil {
			return err
		}
		item := newValue(append(slices.Clip(path), "0"), value)
		list.Content = append(list.Content, item)
		return setAt(root, path, list)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot add to %s: %w", JoinPath(path...), err)
	}
	return out, nil
}

// MergeInto lays a patch over the text of a layer, as [Merge] would: only what
// the patch says otherwise changes. New keys bring their comments. A null in the
// patch is kept: it removes what lower layers say.
func MergeInto(doc, patch []byte) ([]byte, error) {
	p, report := ParseLayer("", "patch", patch)
	appends, form := mergeForm(p.Doc)
	if err := append(report, form...).Err(); err != nil {
		return nil, fmt.Errorf("cannot merge: %w", err)
	}
	if p.Doc.Root == nil {
		return doc, nil
	}
	removeKey(p.Doc.Root, "merge_how")
	removeKey(p.Doc.Root, "merge_type")
	out, err := edit(doc, func(root *yaml.Node) error {
		mergeNodes(root, p.Doc.Root, appends)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot merge: %w", err)
	}
	return out, nil
}

func checkText(path []string, value string) error {
	switch {
	case !utf8.ValidString(value):
		return errors.New("the value is not UTF-8 text (write what is not text as base64, behind !!binary)")
	case !utf8.ValidString(strings.Join(path, "")):
		return errors.New("the key is not UTF-8 text")
	}
	return nil
}

// edit makes a text say what change makes of its values. It replaces as few
// bytes as it can; what comes out is read again, and only a text that means what
// is wanted is returned. What reads otherwise, for reasons of YAML that [differ]
// does not know, is tried again with ever larger values written anew, at last
// all of them.
func edit(doc []byte, change func(root *yaml.Node) error) ([]byte, error) {
	m := newManuscript(doc)
	raw, meaning, report := parseTree("document", doc)
	if err := report.Err(); err != nil {
		return nil, err
	}
	old := newMapping()
	if meaning.Root != nil {
		old = meaning.Root
	}
	want := copyTree(old)
	if err := change(want); err != nil {
		return nil, err
	}
	if sameValue(old, want) {
		return doc, nil
	}
	err := errors.New("the value cannot be written as YAML")
	for attempt := range m.attempts(raw, old, want) {
		out := m.apply(attempt)
		if err = wrongMeaning(out, want); err == nil {
			return out, nil
		}
	}
	return nil, err
}

// wrongMeaning says why a text does not have the values of a tree.
func wrongMeaning(text []byte, want *yaml.Node) error {
	_, meaning, report := parseTree("outcome", text)
	if report.Err() != nil {
		return errors.New("the outcome " + report[0].Msg)
	}
	got := meaning.Root
	if got == nil {
		got = newMapping()
	}
	if !sameValue(got, want) {
		return errors.New("the text cannot be rewritten without changing other values")
	}
	return nil
}

func sameValue(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind == yaml.ScalarNode {
		return a.ShortTag() == b.ShortTag() && (a.Value == b.Value || isNull(a))
	}
	if a.Kind == yaml.MappingNode {
		return sameMap(a, b)
	}
	for i := range a.Content {
		if !sameValue(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// sameMap does not mind the order of keys.
func sameMap(a, b *yaml.Node) bool {
	keys := newFinder(b)
	for i := 0; i+1 < len(a.Content); i += 2 {
		other := keys.find(a.Content[i].Value)
		if other == nil || !sameValue(a.Content[i+1], other) {
			return false
		}
	}
	return true
}

// finder finds values of a map by key. It is fast for maps whose keys come in
// the order in which they are asked for.
type finder struct {
	in    *yaml.Node
	next  int
	index map[string]*yaml.Node
}

func newFinder(n *yaml.Node) finder { return finder{in: n} }

func (f *finder) find(key string) *yaml.Node {
	if f.next+1 < len(f.in.Content) && f.in.Content[f.next].Value == key {
		f.next += 2
		return f.in.Content[f.next-1]
	}
	if f.index == nil {
		f.index = make(map[string]*yaml.Node, len(f.in.Content)/2)
		for i := 0; i+1 < len(f.in.Content); i += 2 {
			f.index[f.in.Content[i].Value] = f.in.Content[i+1]
		}
	}
	return f.index[key]
}
