package cloudconfig

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

// TestSalvage reads testdata/salvage: a layer and its last good copy, what is
// told, with a mark at what the copy makes up for, and what is left.
func TestSalvage(t *testing.T) {
	t.Parallel()
	testArchives(t, "testdata/salvage/*.txtar", 6, func(t *testing.T, a *txtar.Archive) *txtar.Archive {
		require.NotEmpty(t, a.Comment, "prose on top says what it is")
		files := map[string][]byte{}
		for _, f := range a.Files {
			files[f.Name] = f.Data
		}
		good := parsedLayer(t, "good", string(files["good"]))
		require.NoError(t, Validate(good).Err(), "a good copy is good")
		got := Salvage(parsedLayer(t, "layer", string(files["layer"])), good)
		require.NoError(t, Validate(got.Layer).Err())
		return &txtar.Archive{Comment: a.Comment, Files: []txtar.File{
			{Name: "layer", Data: files["layer"]},
			{Name: "good", Data: files["good"]},
			{Name: "report", Data: markedReport(got)},
			{Name: "left", Data: []byte(layerText(t, got.Layer))},
		}}
	})
}

func markedReport(s Salvaged) []byte {
	var b bytes.Buffer
	for i, p := range s.Report {
		mark := ""
		if slices.Contains(s.Restored, i) {
			mark = " [restored]"
		}
		fmt.Fprintf(&b, "%s%s\n", p, mark)
	}
	return b.Bytes()
}

func parsedLayer(t testing.TB, name, text string) Layer {
	t.Helper()
	l, report := ParseLayer("user-data", name, []byte(text))
	require.NoError(t, report.Err())
	return l
}

// layerText is what a layer says, without its comments and its form.
func layerText(t testing.TB, l Layer) string {
	t.Helper()
	if l.Doc.Root == nil {
		return ""
	}
	text, err := Render(unadorned(l.Doc.Root))
	require.NoError(t, err)
	return text
}

func unadorned(n *yaml.Node) *yaml.Node {
	c := *n
	c.Style &= yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	c.HeadComment, c.LineComment, c.FootComment = "", "", ""
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, v := range n.Content {
		c.Content[i] = unadorned(v)
	}
	return &c
}

func TestSalvageOfAGoodLayerIsTheLayer(t *testing.T) {
	t.Parallel()
	for name, text := range realLayerTexts(t) {
		l := parsedLayer(t, name, text)
		got := Salvage(l, parsedLayer(t, "good", "hostname: other\nrancher: {services: {other: {image: x}}}\n"))
		require.NoError(t, got.Report.Err(), name)
		require.Same(t, l.Doc.Root, got.Layer.Doc.Root, name)
		require.Empty(t, got.Restored, name)
	}
}

func TestSalvageKeepsPlaces(t *testing.T) {
	t.Parallel()
	got := Salvage(
		parsedLayer(t, "new", "hostname: '!'\nusers:\n- {name: ann, uid: x}\n- bob\nservices: {}\n"),
		parsedLayer(t, "old", "\nhostname: web\nusers: [{name: ann}]\ntimezone: UTC\n"),
	)
	checkNodes(t, got.Layer.Doc, got.Layer.Doc.Root)
	for path, want := range map[string]string{"hostname": "old:2:11", "users.0": "old:3:9", "users.1": "new:4:3", "timezone": "old:4:11"} {
		keys, err := SplitPath(path)
		require.NoError(t, err)
		require.Equal(t, want, got.Layer.Doc.Pos(lookup(got.Layer.Doc.Root, keys)).String(), path)
	}
}

func TestAPathIsTheOneInTheFileWhateverIsLeftOut(t *testing.T) {
	t.Parallel()
	salvaged := Salvage(
		parsedLayer(t, "user-data", "users:\n- {nme: x}\n- {name: bob}\n- {name: ann, uid: x}\n- {name: eve, uid: y}\n- {name: dan}\nwrite_files:\n- {path: x}\n- {path: /y}\n"),
		parsedLayer(t, "old", "users: [{name: zoe}, {name: eve}]\n"),
	).Layer
	appended := parsedLayer(t, "cloud-config", "merge_how: list(append)+dict(recurse_array)+str()\nusers:\n- {name: joe}\n- {name: kim, uid: \"1\"}\n")
	c, report := Merge(salvaged, appended).Config()
	for path, want := range map[string]string{
		"users.0": "user-data:3:3 users.1", "users.1": "old:1:22 users.1", "users.2": "user-data:6:3 users.4",
		"users.3": "cloud-config:3:3 users.0", "users.4.uid": "cloud-config:4:20 users.1.uid", "users.9": "cloud-config:3:1 users.9",
		"write_files.0.path": "user-data:9:10 write_files.1.path", "hostname": " hostname",
	} {
		keys := strings.Split(path, ".")
		require.Equal(t, want, c.Pos(keys...).String()+" "+JoinPath(c.AsWritten(keys...)...), path)
	}
	require.Len(t, report, 1)
	require.Contains(t, report[0].String(), "cloud-config:4:20: warning: users.1.uid: is a text")
}

func TestNothingIsLeftOfALayerOfWhichNothingIsGood(t *testing.T) {
	t.Parallel()
	got := Salvage(parsedLayer(t, "l", "hostnam: x\nusers: {}\n"), Layer{})
	require.Len(t, got.Report, 2)
	require.Empty(t, got.Layer.Doc.Root.Content)
}

// spoiled are what can be wrong in a layer, by where it goes: to the end of a
// list, or to a map under a key that nothing has.
var spoiled = map[string][]string{
	"write_files":                 {`{path: /x, content: "?", encoding: b64}`, `{path: x}`, `{path: /x, owner: "a b"}`, `{path: /x, mode: 1}`, `text`},
	"users":                       {`{name: x, uid: y}`, `{name: x, ssh_key: y}`, `{name: "a b"}`},
	"mounts":                      {`[/dev/x]`, `{a: b}`, `text`},
	"bootcmd":                     {`{a: b}`},
	"runcmd":                      {`{a: b}`, `[[a]]`},
	"ssh_authorized_keys":         {`[a]`, `{a: b}`},
	"fs_setup":                    {`text`, `{device: 1, filesystm: ext4}`},
	"rancher.services.":           {`text`, `[a]`},
	"rancher.sysctl.":             {`[1]`, `{a: b}`},
	"rancher.modules":             {`[a]`},
	"rancher.network.interfaces.": {`{address: x}`, `{dhcpp: true}`, `{mtu: 1}`, `text`},
	"rancher.environment.":        {`[a]`},
	"network.ethernets.":          {`{addresses: [x]}`, `[a]`},
	"rancher.network.":            {`x`},
	"rancher.":                    {`{a: b}`},
	"disk_setup.":                 {`{layout: maybe}`, `text`},
	"":                            {`x`, `[a]`, `{a: {b: c}}`},
}

// TestNothingGoodIsLost spoils real documents, and wants them back as they were.
func TestNothingGoodIsLost(t *testing.T) {
	t.Parallel()
	texts := realLayerTexts(t)
	names, places := slices.Sorted(maps.Keys(texts)), slices.Sorted(maps.Keys(spoiled))
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "document")
		l, _ := ParseLayer("user-data", name, []byte(texts[name]))
		want, _ := yaml.Marshal(withoutEmpty(unadorned(l.Doc.Root)))
		n := rapid.IntRange(1, 4).Draw(t, "how many")
		for i := range n {
			place := rapid.SampledFrom(places).Draw(t, "place")
			spoil(&l, place, rapid.SampledFrom(spoiled[place]).Draw(t, "what"), i)
		}
		if Validate(l).Err() == nil {
			t.Fatalf("is not spoiled")
		}
		got := Salvage(l, Layer{})
		if err := Validate(got.Layer).Err(); err != nil {
			t.Fatalf("left over: %v", err)
		}
		left, _ := yaml.Marshal(withoutEmpty(unadorned(got.Layer.Doc.Root)))
		if string(left) != string(want) {
			t.Fatalf("left:\n%s\nwant:\n%s", left, want)
		}
	})
}

// FuzzSalvage: whatever two layers say, what is left of one validates, and
// nothing changes the two.
func FuzzSalvage(f *testing.F) {
	texts := append(seeds, inputs(f)...)
	for i, s := range texts {
		f.Add([]byte(s), []byte(texts[(i+1)%len(texts)]))
	}
	f.Fuzz(func(t *testing.T, data, copied []byte) {
		l, report := ParseLayer("user-data", "f", data)
		good, reportGood := ParseLayer("user-data", "good", copied)
		if len(data)+len(copied) > fuzzSize || report.Err() != nil || reportGood.Err() != nil || Validate(good).Err() != nil {
			return
		}
		before, beforeGood := layerText(t, l), layerText(t, good)
		got := Salvage(l, good)
		if err := Validate(got.Layer).Err(); err != nil {
			t.Fatalf("%v\n%s", err, layerText(t, got.Layer))
		}
		if got.Layer.Doc.Root != nil {
			checkNodes(t, got.Layer.Doc, got.Layer.Doc.Root)
		}
		if layerText(t, l) != before || layerText(t, good) != beforeGood {
			t.Fatal("a layer was changed")
		}
		for _, i := range got.Restored {
			if got.Report[i].Severity != Error {
				t.Fatalf("%v is no error", got.Report[i])
			}
		}
	})
}

// realLayerTexts are the documents of testdata/real that are layers.
func realLayerTexts(t testing.TB) map[string]string {
	t.Helper()
	texts := map[string]string{}
	names, err := filepath.Glob("testdata/real/*.txtar")
	require.NoError(t, err)
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		require.NoError(t, err)
		for _, f := range a.Files {
			if f.Name == "report" || f.Name == "changes" || f.Name == layerMetaData || f.Name == layerCmdline {
				continue
			}
			l, report := ParseLayer("user-data", f.Name, f.Data)
			require.NoError(t, report.Err())
			if l.Doc.Root != nil {
				texts[filepath.Base(name)+"/"+f.Name] = string(f.Data)
			}
		}
	}
	require.Greater(t, len(texts), 20)
	return texts
}

// spoil puts what is wrong into a layer.
func spoil(l *Layer, place, what string, i int) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(what), &doc); err != nil {
		panic(err)
	}
	n := l.Doc.Root
	keys, into, isMap := strings.Split(strings.TrimSuffix(place, "."), "."), yaml.SequenceNode, strings.HasSuffix(place, ".") || place == ""
	if place == "" {
		keys = nil
	}
	if isMap {
		into = yaml.MappingNode
	}
	for j, key := range keys {
		kind := yaml.MappingNode
		if j == len(keys)-1 {
			kind = into
		}
		next := mappingValue(n, key)
		if next == nil || isNull(next) {
			next = &yaml.Node{Kind: kind}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, next)
		}
		n = next
	}
	if isMap {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: fmt.Sprintf("spoiled %d", i)})
	}
	n.Content = append(n.Content, doc.Content[0])
	if n.Kind == yaml.MappingNode && n.Tag == "" {
		n.Tag = "!!map"
	}
}

// withoutEmpty takes away maps in which nothing is, which say nothing.
func withoutEmpty(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return n
	}
	var content []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		v := withoutEmpty(n.Content[i+1])
		if v.Kind != yaml.MappingNode || len(v.Content) > 0 {
			content = append(content, n.Content[i], v)
		}
	}
	n.Content = content
	return n
}
