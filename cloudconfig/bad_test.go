package cloudconfig

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// TestBadDocuments reads testdata/bad: each archive is one document that somebody
// could write (input.yml, or cmdline), and the messages that he is told.
func TestBadDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.txtar")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 60)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			require.NoError(t, err)
			require.NotEmpty(t, a.Comment, "prose on top says what is wrong")
			require.Len(t, a.Files, 2)
			report := validated(a.Files[0])
			require.NotEmpty(t, report)
			a.Files[1] = txtar.File{Name: "want", Data: reportText(report)}
			requireArchive(t, file, a)
		})
	}
}

func validated(f txtar.File) Report {
	l, report := ParseLayer("user-data", f.Name, f.Data)
	if f.Name == "cmdline" {
		l, report = ParseCmdline(strings.TrimSpace(string(f.Data)))
	}
	report = append(report, Validate(l)...).Sorted()
	return slices.CompactFunc(report, func(a, b Problem) bool { return a == b })
}

// requireArchive compares an archive with its file, or writes it.
func requireArchive(t *testing.T, file string, got *txtar.Archive) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, txtar.Format(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(txtar.Format(got)))
}
