package cloudconfig

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestWrittenDocumentsAreMostlyValid(t *testing.T) {
	t.Parallel()
	valid := 0
	for seed := range uint64(1000) {
		_, _, report := parseTree("f", written(seed))
		if report.Err() == nil {
			valid++
		} else if testing.Verbose() {
			fmt.Printf("%v\n%s\n", report.Err(), written(seed))
		}
	}
	require.Greater(t, valid, 850)
}

func TestEditsOfWrittenDocuments(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		for kind := range editKinds {
			key := []string{"new", "n.1", "", "ü", "80", "a'\"b", "true", "x: #y"}[seed%8]
			checkEdit(t, written(2*seed+1), 2*seed+1, uint(kind), key, "new")
		}
	}
}

func FuzzEdit(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), uint64(2*i), uint(i), "k", []string{"x", "1", "[a, b]", "{a: b}", "a: b", "x\ny\n", "null", "#", "*x"}[i%9])
	}
	for i := range uint64(20) {
		f.Add([]byte(nil), 2*i+1, uint(i), "n.1", []string{"x", "[1]", "two\nlines\n", "{}", "~"}[i%5])
	}
	f.Fuzz(func(t *testing.T, doc []byte, seed uint64, kind uint, key, value string) {
		if seed%2 == 1 {
			doc = written(seed)
		}
		if len(doc)+len(key)+len(value) > fuzzSize {
			return
		}
		checkEdit(t, doc, seed, kind, key, value)
	})
}

// edited is one document before an edit, and what may be expected of the edit.
type edited struct {
	t      *testing.T
	doc    []byte
	raw    *yaml.Node
	values *yaml.Node
	strict bool // it has neither aliases nor syntax that nobody uses
}

const editKinds = 5

func checkEdit(t *testing.T, doc []byte, seed uint64, kind uint, key, value string) {
	t.Helper()
	raw, meaning, report := parseTree("f", doc)
	if report.Err() != nil {
		return
	}
	e := edited{t: t, doc: doc, raw: raw, values: newMapping()}
	if meaning.Root != nil {
		e.values = meaning.Root
	}
	e.strict = seed%2 == 1 && !bytes.ContainsAny(doc, "*")
	existing, missing := randomPaths(rand.New(rand.NewPCG(seed, 11)), e.values, key)
	switch {
	case kind%editKinds == 0 || existing == nil:
		e.set(missing, value)
	case kind%editKinds == 1:
		e.set(existing, value)
	case kind%editKinds == 2:
		e.unset(existing)
	case kind%editKinds == 3:
		e.appendTo(existing, value)
	default:
		e.merge(written(seed / 2))
	}
}

// randomPaths picks the path of a value, and one of a value that is not there,
// unless there is one of this name.
func randomPaths(r *rand.Rand, n *yaml.Node, name string) (existing, missing []string) {
	stop := 1 + r.IntN(4)
	for isCollection(n) && len(n.Content) > 0 && len(existing) < stop {
		i := r.IntN(len(n.Content))
		key := strconv.Itoa(i)
		if n.Kind == yaml.MappingNode {
			i |= 1
			key = n.Content[i-1].Value
		}
		existing = append(existing, key)
		n = n.Content[i]
		if r.IntN(3) > 0 || missing == nil {
			missing = append(append([]string{}, existing[:len(existing)-1]...), name)
		}
	}
	if n.Kind == yaml.SequenceNode && r.IntN(2) == 0 {
		missing = append(append([]string{}, existing...), strconv.Itoa(len(n.Content)))
	}
	if missing == nil {
		missing = []string{name}
	}
	for r.IntN(3) == 0 {
		missing = append(missing, "sub")
	}
	return existing, missing
}

func (e edited) set(path []string, value string) {
	e.t.Helper()
	want := copyTree(e.values)
	refused := setAt(want, path, newValue(path, value))
	out, err := SetValue(e.doc, path, value)
	if refused != nil || !utf8.ValidString(value+strings.Join(path, "")) {
		require.Error(e.t, err)
		return
	}
	if err != nil {
		require.True(e.t, beyondBounds(want), "cannot set %q to %q: %v\n%s", path, value, err, e.doc)
		return
	}
	after := e.read(out)
	require.NotNil(e.t, lookup(after, path), "%q\n%s\n---\n%s", path, e.doc, out)
	require.True(e.t, sameValue(lookup(after, path), newValue(path, value)), "%q is %q\n%s", path, value, out)
	require.True(e.t, sameValue(after, want), "other values change when %q is set to %q\n%s\n%s", path, value, e.doc, out)
	was := lookup(e.values, path)
	if was != nil && sameValue(was, newValue(path, value)) {
		require.Equal(e.t, string(e.doc), string(out))
		return
	}
	from, to, with := changedRange(e.doc, out)
	e.checkRange(path, from, to, out)
	if was == nil && from == to && e.isInsertion(path) {
		back, err := UnsetValue(out, path)
		require.NoError(e.t, err)
		require.Equal(e.t, string(e.doc), string(back), "%q was added as %q, and removed", path, with)
	}
}

// beyondBounds says that a tree is more than a layer may be.
func beyondBounds(n *yaml.Node) bool {
	text, err := encode(n)
	if err != nil {
		return true
	}
	_, _, report := parseTree("f", text)
	return report.Err() != nil
}

// isInsertion says that nothing had to give way to the value at a path.
func (e edited) isInsertion(path []string) bool {
	n, depth := deepest(e.values, path)
	if e.raw == nil && e.isWrittenNull() {
		return false // it is replaced
	}
	if !isCollection(n) || len(n.Content) == 0 && e.raw != nil {
		return false
	}
	return n.Kind == yaml.MappingNode || depth == len(path)-1
}

// isWrittenNull says of a document without a value that it has one: null.
func (e edited) isWrittenNull() bool {
	for line := range bytes.Lines(e.doc) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return true
		}
	}
	return false
}

func (e edited) unset(path []string) {
	e.t.Helper()
	want := copyTree(e.values)
	removeAt(want, path)
	out, err := UnsetValue(e.doc, path)
	require.NoError(e.t, err)
	require.True(e.t, sameValue(e.read(out), want), "%q is removed\n%s\n%s", path, e.doc, out)
	if len(want.Content) == 0 {
		return
	}
	gone := 1
	for lookup(want, path[:gone]) != nil && gone < len(path) {
		gone++
	}
	if parent := lookup(want, path[:gone-1]); parent.Kind == yaml.SequenceNode || len(parent.Content) == 0 {
		gone--
	}
	from, to, _ := changedRange(e.doc, out)
	e.checkRange(path[:gone], from, to, out)
}

func (e edited) appendTo(path []string, value string) {
	e.t.Helper()
	was := lookup(e.values, path)
	if was.Kind != yaml.SequenceNode {
		path = append(slices.Clip(path), "new")
	}
	base := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{newText("base")}}
	out, err := AppendValueOver(e.doc, path, base, value)
	if was.Kind != yaml.SequenceNode && setAt(copyTree(e.values), path, base) != nil {
		require.Error(e.t, err)
		return
	}
	if err != nil {
		return
	}
	after := lookup(e.read(out), path).Content
	if was.Kind != yaml.SequenceNode {
		was = base
	}
	require.Len(e.t, after, len(was.Content)+1, "%q\n%s\n%s", path, e.doc, out)
	for i, item := range append(slices.Clip(was.Content), newValue(append(slices.Clip(path), "0"), value)) {
		require.True(e.t, sameValue(after[i], item), "%q\n%s\n%s", path, e.doc, out)
	}
	from, to, _ := changedRange(e.doc, out)
	e.checkRange(path, from, to, out)
}

func (e edited) merge(patch []byte) {
	e.t.Helper()
	p, report := ParseLayer("", "f", patch)
	if report.Err() != nil || p.Doc.Root == nil {
		return
	}
	want := copyTree(e.values)
	mergeNodes(want, p.Doc.Root, false)
	out, err := MergeInto(e.doc, patch)
	if err != nil {
		require.True(e.t, beyondBounds(want), "cannot merge: %v\n%s\n-----\n%s", err, e.doc, patch)
		return
	}
	require.True(e.t, sameValue(e.read(out), want), "%s\n%s\n%s", e.doc, patch, out)
	if !e.strict || isFlow(e.raw) {
		return
	}
	for i := 0; i+3 < len(e.raw.Content); i += 2 {
		if key := e.raw.Content[i]; mappingValue(p.Doc.Root, key.Value) == nil {
			lines := bytes.SplitAfter(e.doc, []byte("\n"))[key.Line-1 : e.raw.Content[i+2].Line-1]
			require.Contains(e.t, string(out), string(bytes.Join(lines, nil)), "%s\n-----\n%s\n-----\n%s", e.doc, patch, out)
		}
	}
}

func (e edited) read(text []byte) *yaml.Node {
	e.t.Helper()
	_, meaning, report := parseTree("f", text)
	require.NoError(e.t, report.Err(), "%s", text)
	if meaning.Root == nil {
		return newMapping()
	}
	return meaning.Root
}

// changedRange is what differs between two texts.
func changedRange(a, b []byte) (from, to int, with string) {
	for from < min(len(a), len(b)) && a[from] == b[from] {
		from++
	}
	end := 0
	for end < min(len(a), len(b))-from && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return from, len(a) - end, string(b[from : len(b)-end])
}

// checkRange wants a change to lie in the lines of the innermost value that has
// the path.
func (e edited) checkRange(path []string, from, to int, out []byte) {
	e.t.Helper()
	if !e.strict {
		return
	}
	begin, end := e.linesOf(path)
	lines := bytes.Split(e.doc, []byte("\n"))
	for begin > 1 && bytes.HasPrefix(bytes.TrimSpace(lines[begin-2]), []byte("#")) {
		begin--
	}
	first := 1 + bytes.Count(e.doc[:from], []byte("\n"))
	if from < len(e.doc) && (e.doc[from] == '\n' || e.doc[from] == '\r') {
		first++ // behind that line
	}
	last := 1 + bytes.Count(e.doc[:to], []byte("\n"))
	require.True(e.t, begin <= first && last <= end, "%q: lines %d to %d change, not %d to %d\n%s\n----\n%s", path, first, last, begin, end, e.doc, out)
}

// linesOf are the lines from the key of the innermost value on the path to what
// stands behind it.
func (e edited) linesOf(path []string) (begin, end int) {
	n := e.raw
	end = 1 + bytes.Count(e.doc, []byte("\n")) + 1
	if n == nil {
		return 0, end
	}
	begin = 0
	for _, key := range path {
		next := child(n, key)
		if next == nil || isFlow(n) {
			break
		}
		for i, c := range n.Content {
			if c != next {
				continue
			}
			if n.Kind == yaml.MappingNode {
				begin = max(begin, n.Content[i-1].Line)
			} else if i > 0 {
				begin = max(begin, n.Content[i-1].Line)
			}
			if i+1 < len(n.Content) {
				end = min(end, n.Content[i+1].Line)
			}
		}
		n = next
	}
	return begin, end
}
