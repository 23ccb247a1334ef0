// Package golden compares what a test made with the file that a person has read
// and agreed to. It knows files and `go test -update`, and nothing of what is in
// them. Only tests import it.
package golden

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Update says that golden files are being rewritten (`go test -update`), for
// tests that keep more in a file than what they compare.
func Update() bool { return *update }

// Equal fails the test unless the file at path holds got. With -update it
// writes the file instead.
func Equal(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", path, got)
	}
}
