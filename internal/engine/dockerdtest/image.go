package dockerdtest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Image is the system image of these tests: a shell and a few programs.
const Image = "ros/test:1"

// Images fills a folder with system images: [Image] alone.
func Images(tb testing.TB, dir string) {
	tb.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	text, id := Archive(tb, Image)
	index := fmt.Sprintf(`{%q: {"file": "test.tar", "id": %q}}`, Image, id)
	for name, content := range map[string][]byte{"test.tar": text, "index.json": []byte(index)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// Archive is an image as an OCI layout, and its ID.
func Archive(tb testing.TB, ref string) (archive []byte, id string) {
	tb.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	blob := func(text []byte) string {
		name := digest(text)
		write(tb, w, &tar.Header{Name: "blobs/sha256/" + name, Mode: 0o600, Size: int64(len(text))}, text)
		return fmt.Sprintf(`"digest": "sha256:%s", "size": %d`, name, len(text))
	}
	const media = `"mediaType": "application/vnd.oci.image`
	layer := layerOf(tb, "sh", "sleep", "cat", "touch", "true", "echo")
	config := blob([]byte(fmt.Sprintf(`{"architecture": %q, "os": "linux",
		"config": {"Env": ["PATH=/bin"], "Cmd": ["sleep", "infinity"]},
		"rootfs": {"type": "layers", "diff_ids": ["sha256:%s"]}}`, runtime.GOARCH, digest(layer))))
	manifest := []byte(fmt.Sprintf(`{"schemaVersion": 2, %s.manifest.v1+json",
		"config": {%s.config.v1+json", %s}, "layers": [{%s.layer.v1.tar", %s}]}`, media, media, config, media, blob(layer)))
	index := fmt.Sprintf(`{"schemaVersion": 2, "manifests": [{%s.manifest.v1+json", %s,
		"annotations": {"io.containerd.image.name": "docker.io/%s"}}]}`, media, blob(manifest), ref)
	for name, text := range map[string]string{"index.json": index, "oci-layout": `{"imageLayoutVersion": "1.0.0"}`} {
		write(tb, w, &tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}, []byte(text))
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes(), "sha256:" + digest(manifest)
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func write(tb testing.TB, w *tar.Writer, h *tar.Header, text []byte) {
	tb.Helper()
	if err := w.WriteHeader(h); err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		tb.Fatal(err)
	}
}

// layerOf is a layer with programs of this host and the libraries they need.
func layerOf(tb testing.TB, programs ...string) []byte {
	tb.Helper()
	files := map[string]string{} // name in the image → on the host
	for _, p := range programs {
		path, err := exec.LookPath(p)
		if err != nil {
			tb.Fatal(err)
		}
		files["bin/"+p] = path
		for _, library := range libraries(tb, path) {
			files[strings.TrimPrefix(library, "/")] = library
		}
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	made := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, dir := range parents(name) {
			if !made[dir] {
				made[dir] = true
				write(tb, w, &tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755}, nil)
			}
		}
		text, err := os.ReadFile(files[name])
		if err != nil {
			tb.Fatal(err)
		}
		write(tb, w, &tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}, text)
	}
	write(tb, w, &tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o777}, nil)
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// parents are the folders above a file, outermost first.
func parents(name string) []string {
	var out []string
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		out = append([]string{dir}, out...)
	}
	return out
}

// libraries are the files that a program needs to run: its loader and shared
// libraries.
func libraries(tb testing.TB, path string) []string {
	tb.Helper()
	f, err := elf.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	var out []string
	if s := f.Section(".interp"); s != nil {
		text, err := s.Data()
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, string(bytes.TrimRight(text, "\x00")))
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		found, err := filepath.Glob("/lib/*-linux-gnu/" + name)
		if err != nil || len(found) == 0 {
			tb.Fatalf("%s needs %s, which is nowhere", path, name)
		}
		out = append(out, found[0])
	}
	return out
}
