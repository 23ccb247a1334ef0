package host

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func mkdirFor(t *testing.T, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	mkdirFor(t, file)
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsPackedIsUnpackedUnderItsNewName(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	put(t, from+"/a/b/file", "text", 0o644)
	put(t, from+"/a/run", "#!", 0o755)
	if err := os.Symlink("b/file", from+"/a/link"); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := pack(&archive, from+"/a", "packed"); err != nil {
		t.Fatal(err)
	}
	if err := unpack(&archive, to, "packed", "new"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(to + "/new/link"); err != nil || string(data) != "text" {
		t.Errorf("through the link: %q, %v", data, err)
	}
	if about, err := os.Stat(to + "/new/run"); err != nil || about.Mode().Perm() != 0o755 {
		t.Errorf("the program's mode: %v, %v", about, err)
	}
}

func TestOneFileIsPackedUnderItsNewName(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	put(t, from+"/file", "text", 0o600)
	var archive bytes.Buffer
	if err := pack(&archive, from+"/file", "x"); err != nil {
		t.Fatal(err)
	}
	if err := unpack(&archive, to, "x", "y"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(to + "/y"); err != nil || string(data) != "text" {
		t.Errorf("got %q, %v", data, err)
	}
}

// What a machine sends must not write outside of the folder it was asked into.
func TestAnArchiveCannotLeaveItsFolder(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"by its name":     {{Name: "../escaped", Typeflag: tar.TypeReg}},
		"by its prefix":   {{Name: "a/../../escaped", Typeflag: tar.TypeReg}},
		"by another name": {{Name: "b", Typeflag: tar.TypeReg}},
		"by a link": {
			{Name: "a", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "a/link", Typeflag: tar.TypeSymlink, Linkname: "../.."},
			{Name: "a/link/escaped", Typeflag: tar.TypeReg},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var archive bytes.Buffer
			w := tar.NewWriter(&archive)
			for _, h := range headers {
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			outside := t.TempDir()
			put(t, outside+"/in/keep", "", 0o600)
			if err := unpack(&archive, outside+"/in", "a", "a"); err == nil {
				t.Error("it was unpacked")
			}
			if exists(outside + "/escaped") {
				t.Error("it left its folder")
			}
		})
	}
}
