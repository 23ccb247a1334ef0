package cloudconfig

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files anew")

// TestGolden reads testdata/*.txtar. Files named as layers are merged in their
// order; "explain" has paths, one a line. What comes out is in the files report,
// export, private and origins.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			require.NoError(t, err)
			got := golden(t, a)
			if *update {
				require.NoError(t, os.WriteFile(file, txtar.Format(got), 0o644))
				return
			}
			require.Equal(t, string(txtar.Format(got)), string(txtar.Format(a)))
		})
	}
}

func golden(t *testing.T, a *txtar.Archive) *txtar.Archive {
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
