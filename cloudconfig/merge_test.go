package cloudconfig

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

func layer(t require.TestingT, name, text string) Layer {
	l, report := ParseLayer(name, name, []byte(text))
	require.NoError(t, report.Err(), text)
	return l
}

func TestMerge(t *testing.T) {
	t.Parallel()
	type in struct{ name, text string }
	tests := []struct {
		name   string
		layers []in
		want   string
	}{
		{"nothing", nil, ""},
		{"a list is replaced", []in{{"a", "l: [1, 2]"}, {"b", "l: [3]"}}, "l: [3]\n"},
		{"a map over a text replaces it", []in{{"a", "x: 1"}, {"b", "x: {y: 2}"}}, "x: {y: 2}\n"},
		{"a text over a map replaces it", []in{{"a", "x: {y: 2}"}, {"b", "x: 1"}}, "x: 1\n"},
		{"null removes", []in{{"a", "x: {y: 1, z: 2}"}, {"b", "x: {y: null}"}}, "x: {z: 2}\n"},
		{"what was removed may come again, without its past", []in{{"a", "x: {y: 1}"}, {"b", "x: null"}, {"c", "x: {z: 2}"}}, "x: {z: 2}\n"},
		{"null without anything below is nothing", []in{{"a", "x: null\ny: 1"}}, "y: 1\n"},
		{"null of a key of a service removes it", []in{{"a", "rancher: {services: {s: {image: a, pid: host}}}"}, {"b", "rancher: {services: {s: {pid: }}}"}}, "rancher: {services: {s: {image: a}}}\n"},
		{"null inside a key of a service is a value", []in{{"a", "rancher: {services: {s: {environment: {A: 1, B: 2}}}}"}, {"b", "rancher: {services: {s: {environment: {A: null}}}}"}}, "rancher: {services: {s: {environment: {A: null, B: 2}}}}\n"},
		{"a layer may append", []in{{"a", "l: [1]\nm: {l: [2]}"}, {"b", "merge_how: list(append)+dict(recurse_array)+str()\nl: [3]\nm: {l: [4]}"}}, "l: [1, 3]\nm: {l: [2, 4]}\n"},
		{"appending to no list replaces", []in{{"a", "l: x"}, {"b", "merge_how: list(append)+dict(recurse_array)+str()\nl: [3]"}}, "l: [3]\n"},
		{"keys of meta-data are added", []in{{"meta-data", "ssh_authorized_keys: [m]"}, {"user-data", "ssh_authorized_keys: [u]"}}, "ssh_authorized_keys: [u, m]\n"},
		{"keys of meta-data are added once", []in{{"os-config", "ssh_authorized_keys: [m, o]"}, {"meta-data", "ssh_authorized_keys: [m, m]"}}, "ssh_authorized_keys: [m, o]\n"},
		{"keys of meta-data alone", []in{{"meta-data", "ssh_authorized_keys: [m]"}}, "ssh_authorized_keys:\n  - m\n"},
		{"null above removes keys of meta-data", []in{{"meta-data", "ssh_authorized_keys: [m]"}, {"user-data", "ssh_authorized_keys: null"}, {"cloud-config", "hostname: x"}}, "hostname: x\n"},
		{"null below leaves keys of meta-data", []in{{"os-config", "ssh_authorized_keys: null"}, {"meta-data", "ssh_authorized_keys: [m]"}}, "ssh_authorized_keys:\n  - m\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var layers []Layer
			for _, l := range tt.layers {
				layers = append(layers, layer(t, l.name, l.text))
			}
			require.Equal(t, tt.want, values(t, Merge(layers...).Doc))
		})
	}
}

// drawNode makes a tree over few keys, so that layers meet.
func drawNode(t *rapid.T, depth int) *yaml.Node {
	kinds := []string{"text", "null", "list", "map", "map"}
	if depth == 0 {
		kinds = kinds[:2]
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "text":
		return newText(rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "text"))
	case "null":
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	case "list":
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for range rapid.IntRange(0, 2).Draw(t, "items") {
			n.Content = append(n.Content, drawNode(t, min(depth-1, 1)))
		}
		return n
	}
	return drawMap(t, depth)
}

func drawMap(t *rapid.T, depth int) *yaml.Node {
	n := newMapping()
	keys := []string{sshKeys, "rancher", "services", "a", "b"}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 3, rapid.ID[string]).Draw(t, "keys") {
		setKey(n, key, drawNode(t, depth-1))
	}
	return n
}

func drawLayer(t *rapid.T, number int) Layer {
	root := drawMap(t, 6)
	if rapid.Bool().Draw(t, "appends") {
		setKey(root, "merge_how", newText("list(append)+dict(recurse_array)+str()"))
	}
	text, err := encode(root)
	require.NoError(t, err)
	name := rapid.SampledFrom([]string{"os-config", "meta-data", "user-data"}).Draw(t, "name")
	l, report := ParseLayer(name, fmt.Sprintf("layer%d", number), text)
	require.Empty(t, report)
	return l
}

func drawLayers(t *rapid.T) []Layer {
	var layers []Layer
	for i := range rapid.IntRange(1, 5).Draw(t, "layers") {
		layers = append(layers, drawLayer(t, i))
	}
	return layers
}

// TestMergeIsAssociative: layers that lie beside each other may be laid over one
// another first, whichever they are. What they say together includes what they
// remove (null), what they append (merge_how), and the keys of meta-data; so the
// law is about what layers say, and positions are part of it.
func TestMergeIsAssociative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := newState(drawLayer(t, 0)), newState(drawLayer(t, 1)), newState(drawLayer(t, 2))
		left, right := a.with(b).with(c).document(), a.with(b.with(c)).document()
		requireSame(t, left, right)
	})
}

// TestMergeLaysOneLayerAfterTheOther: what is laid together by halves is what
// comes of going from the lowest layer to the highest.
func TestMergeLaysOneLayerAfterTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		layers := drawLayers(t)
		var s state
		for _, l := range layers {
			s = s.with(newState(l))
		}
		requireSame(t, s.document(), Merge(layers...).Doc)
	})
}

func TestMergeIsDeterministicAndChangesNoLayer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		layers := drawLayers(t)
		var before []string
		for _, l := range layers {
			before = append(before, dump(t, l.Doc))
		}
		first := Merge(layers...)
		requireSame(t, first.Doc, Merge(layers...).Doc)
		_, _ = first.Config()
		_, err := first.Export(ExportOptions{})
		require.NoError(t, err)
		for i, l := range layers {
			require.Equal(t, before[i], dump(t, l.Doc))
		}
	})
}

func TestMergingAnEmptyLayerChangesNothing(t *testing.T) {
	t.Parallel()
	empty := []string{"", "#cloud-config\n", "{}\n", "null\n", "merge_how: list(append)+dict(recurse_array)+str()\n"}
	rapid.Check(t, func(t *rapid.T) {
		layers := drawLayers(t)
		want := Merge(layers...)
		name := rapid.SampledFrom([]string{"meta-data", "user-data"}).Draw(t, "name of the empty layer")
		nothing, report := ParseLayer(name, "empty", []byte(rapid.SampledFrom(empty).Draw(t, "empty layer")))
		require.Empty(t, report)
		at := rapid.IntRange(0, len(layers)).Draw(t, "at")
		got := Merge(slices.Insert(slices.Clone(layers), at, nothing)...)
		a, err := want.Export(ExportOptions{Private: true})
		require.NoError(t, err)
		b, err := got.Export(ExportOptions{Private: true})
		require.NoError(t, err)
		require.Equal(t, string(a), string(b))
		eachLeaf(want.Doc.Root, nil, func(n *yaml.Node, path []string) {
			require.Equal(t, want.Doc.Pos(n), got.pos(path))
		})
	})
}

func TestMergingALayerTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayer(t, 0)
		if removed := removeKey(l.Doc.Root, "merge_how"); removed {
			requireSame(t, Merge(l).Doc, Merge(l, l).Doc)
		}
	})
}

// TestEveryLeafComesFromALayerThatSetIt looks every effective value up in the
// layer that its position names.
func TestEveryLeafComesFromALayerThatSetIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		layers := drawLayers(t)
		m := Merge(layers...)
		eachLeaf(m.Doc.Root, nil, func(n *yaml.Node, path []string) {
			pos := m.Doc.Pos(n)
			i := slices.IndexFunc(layers, func(l Layer) bool { return l.File == pos.File })
			require.GreaterOrEqual(t, i, 0, "%v is from no layer", path)
			require.True(t, writes(layers[i].Doc, pos, n.Value), "%s does not write %q", pos, n.Value)
			chain := m.Origins(path...)
			if !inList(m.Doc.Root, path) && (len(path) == 0 || path[0] != sshKeys) {
				require.Equal(t, pos, chain[len(chain)-1].Pos, "%v", path)
			}
		})
		for _, l := range layers {
			eachLeaf(l.Doc.Root, nil, func(_ *yaml.Node, path []string) { requireKnown(t, m, path) })
		}
	})
}

// requireKnown wants that a value that a layer wrote is there, or that the last
// who spoke about it removed it.
func requireKnown(t *rapid.T, m Merged, path []string) {
	t.Helper()
	if _, has := m.Get(path...); has || inList(m.Doc.Root, path) || len(path) > 0 && (path[0] == "merge_how" || path[0] == sshKeys) {
		return
	}
	chain := m.Origins(path...)
	require.NotEmpty(t, chain)
	require.Equal(t, "(removed)", chain[len(chain)-1].Value, "%v", path)
}

// inList says whether a path leads into a list.
func inList(n *yaml.Node, path []string) bool {
	for i := range path {
		if n, _ = deepest(n, path[i:i+1]); n != nil && n.Kind == yaml.SequenceNode {
			return true
		}
	}
	return false
}

func eachLeaf(n *yaml.Node, path []string, f func(*yaml.Node, []string)) {
	switch {
	case n == nil:
	case n.Kind == yaml.ScalarNode:
		f(n, path)
	case n.Kind == yaml.SequenceNode:
		for i, v := range n.Content {
			eachLeaf(v, append(slices.Clone(path), strconv.Itoa(i)), f)
		}
	default:
		for i := 0; i+1 < len(n.Content); i += 2 {
			eachLeaf(n.Content[i+1], append(slices.Clone(path), n.Content[i].Value), f)
		}
	}
}

// writes says whether a document has a scalar at a position.
func writes(d Document, pos Pos, value string) bool {
	found := false
	eachLeaf(d.Root, nil, func(n *yaml.Node, _ []string) {
		found = found || d.Pos(n) == pos && n.Value == value
	})
	return found
}

func requireSame(t *rapid.T, a, b Document) {
	t.Helper()
	require.Equal(t, dump(t, a), dump(t, b))
}

// dump is everything that a document says, with positions.
func dump(t *rapid.T, d Document) string {
	t.Helper()
	if d.Root == nil {
		return ""
	}
	text, err := encode(d.Root)
	require.NoError(t, err)
	var pos []Pos
	eachLeaf(d.Root, nil, func(n *yaml.Node, _ []string) { pos = append(pos, d.Pos(n)) })
	return fmt.Sprint(string(text), pos)
}
