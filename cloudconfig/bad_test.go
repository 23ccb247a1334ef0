package cloudconfig

import (
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
	testArchives(t, "testdata/bad/*.txtar", 60, func(t *testing.T, a *txtar.Archive) *txtar.Archive {
		require.NotEmpty(t, a.Comment, "prose on top says what is wrong")
		require.NotEmpty(t, a.Files)
		report := validated(a.Files[0])
		require.NotEmpty(t, report)
		want := txtar.File{Name: "want", Data: reportText(report)}
		return &txtar.Archive{Comment: a.Comment, Files: []txtar.File{a.Files[0], want}}
	})
}

func validated(f txtar.File) Report {
	l, report := ParseLayer("user-data", f.Name, f.Data)
	if f.Name == "cmdline" {
		l, report = ParseCmdline(strings.TrimSpace(string(f.Data)))
	}
	report = append(report, Validate(l)...).Sorted()
	return slices.CompactFunc(report, func(a, b Problem) bool { return a == b })
}
