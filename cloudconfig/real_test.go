package cloudconfig

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// TestRealDocuments reads testdata/real: cloud-configs as people write them, each
// laid over the image's own os-config.yml. The section "changes" is what is
// exported then and is not exported without them (null: what is gone), "report"
// what is told.
func TestRealDocuments(t *testing.T) {
	t.Parallel()
	base, report := ParseLayer(layerOSConfig, "os-config.yml", osConfig(t))
	require.NoError(t, report.Err())
	testArchives(t, "testdata/real/*.txtar", 25, func(t *testing.T, a *txtar.Archive) *txtar.Archive {
		require.NotEmpty(t, a.Comment, "prose on top says what it is")
		got := &txtar.Archive{Comment: a.Comment}
		for _, f := range a.Files {
			if f.Name != "report" && f.Name != "changes" {
				got.Files = append(got.Files, f)
			}
		}
		layers, report := realLayers(got.Files)
		layers = append([]Layer{base}, layers...)
		_, more := Merge(layers...).Config()
		report = append(report, more...).Sorted()
		report = slices.CompactFunc(report, func(a, b Problem) bool { return a == b })
		require.NoError(t, report.Err())
		got.Files = append(got.Files,
			txtar.File{Name: "report", Data: reportText(report)},
			txtar.File{Name: "changes", Data: changes(t, Merge(base), Merge(layers...))})
		return got
	})
}

func osConfig(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../os-config.yml")
	require.NoError(t, err)
	return text
}

// realLayers reads layers as a machine does: each is parsed, what it refers to is
// put in, and it is validated by itself.
func realLayers(files []txtar.File) ([]Layer, Report) {
	var layers []Layer
	var report Report
	var facts Facts
	for _, f := range files {
		l, r := ParseLayer(f.Name, f.Name, f.Data)
		switch f.Name {
		case layerMetaData:
			l, r = ParseMetaData(f.Name, f.Name, f.Data)
			facts = ParseFacts(f.Data)
		case layerCmdline:
			l, r = ParseCmdline(strings.TrimSpace(string(f.Data)))
		default:
			substituted, unknown := Substitute(l, facts)
			l, r = substituted, append(r, unknown...)
		}
		layers = append(layers, l)
		report = append(append(report, r...), Validate(l)...)
	}
	return layers, report
}

// changes is what an export says that another does not.
func changes(t *testing.T, before, after Merged) []byte {
	t.Helper()
	d := difference(exported(t, before), exported(t, after))
	if d == nil {
		return []byte("{}\n")
	}
	text, err := encode(d)
	require.NoError(t, err)
	return text
}

func exported(t *testing.T, m Merged) *yaml.Node {
	t.Helper()
	text, err := m.Export(ExportOptions{})
	require.NoError(t, err)
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &doc))
	return doc.Content[0]
}

func difference(before, after *yaml.Node) *yaml.Node {
	switch {
	case before == nil:
		return after
	case before.Kind != yaml.MappingNode || after.Kind != yaml.MappingNode:
		if sameValue(before, after) {
			return nil
		}
		return after
	}
	out := newMapping()
	for i := 0; i+1 < len(after.Content); i += 2 {
		key := after.Content[i].Value
		if d := difference(mappingValue(before, key), after.Content[i+1]); d != nil {
			setKey(out, key, d)
		}
	}
	for i := 0; i+1 < len(before.Content); i += 2 {
		if key := before.Content[i].Value; mappingValue(after, key) == nil {
			setKey(out, key, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"})
		}
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}
