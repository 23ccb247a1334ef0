package cloudconfig

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/ros-os/ros/internal/golden"
)

// TestGolden reads testdata/*.txtar. Files named as layers are merged in their
// order; "explain" has paths, one a line. What comes out is in the files report,
// export, private and origins.
func TestGolden(t *testing.T) {
	t.Parallel()
	testArchives(t, "testdata/*.txtar", 1, merged)
}

// testArchives makes a test of every archive, of which there are at least so
// many, and compares it with what it is made into.
func testArchives(t *testing.T, pattern string, least int, make func(*testing.T, *txtar.Archive) *txtar.Archive) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), least)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			require.NoError(t, err)
			golden.Equal(t, file, string(txtar.Format(make(t, a))))
		})
	}
}

// merged is what comes out of an archive's layers.
func merged(t *testing.T, a *txtar.Archive) *txtar.Archive {
	t.Helper()
	out := &txtar.Archive{Comment: a.Comment}
	var layers []Layer
	var report Report
	var explain string
	for _, f := range a.Files {
		switch f.Name {
		case "report", "export", "private", "origins":
			continue
		case "explain":
			explain = string(f.Data)
		case layerCmdline:
			l, r := ParseCmdline(string(f.Data))
			layers, report = append(layers, l), append(report, r...)
		case layerMetaData:
			l, r := ParseMetaData(f.Name, f.Name, f.Data)
			layers, report = append(layers, l), append(report, r...)
		default:
			l, r := ParseLayer(f.Name, f.Name, f.Data)
			layers, report = append(layers, l), append(report, r...)
		}
		out.Files = append(out.Files, f)
	}
	m := Merge(layers...)
	_, problems := m.Config()
	out.Files = append(out.Files, txtar.File{Name: "report", Data: reportText(append(report, problems...))})
	for _, private := range []bool{false, true} {
		text, err := m.Export(ExportOptions{Private: private})
		require.NoError(t, err)
		out.Files = append(out.Files, txtar.File{Name: map[bool]string{false: "export", true: "private"}[private], Data: text})
	}
	if explain != "" {
		out.Files = append(out.Files, txtar.File{Name: "origins", Data: originsText(t, m, explain)})
	}
	return out
}

func reportText(r Report) []byte {
	var b bytes.Buffer
	for _, p := range r.Sorted() {
		fmt.Fprintln(&b, p)
	}
	return b.Bytes()
}

func originsText(t *testing.T, m Merged, paths string) []byte {
	t.Helper()
	var b bytes.Buffer
	for line := range strings.Lines(paths) {
		path, err := SplitPath(strings.TrimSpace(line))
		require.NoError(t, err)
		fmt.Fprintf(&b, "%s\n", JoinPath(path...))
		for _, o := range m.Origins(path...) {
			fmt.Fprintf(&b, "  %s (%s): %s\n", o.Pos, o.Layer, o.Value)
		}
	}
	return b.Bytes()
}

// archived is the text of every file in some archives.
func archived(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	require.NoError(t, err)
	var texts []string
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		require.NoError(t, err)
		for _, f := range a.Files {
			texts = append(texts, string(f.Data))
		}
	}
	return texts
}
