package osimage

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/golden"
)

// machine is our own part of a root file system.
func machine(t *testing.T, version string) *Tree {
	t.Helper()
	tree := NewTree()
	if err := addRootfs(tree, version); err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestSecretsAndSudoersHaveTheirPermissions(t *testing.T) {
	tree := machine(t, "v1")
	for name, want := range map[string]fs.FileMode{
		"etc/shadow": 0o640, "etc/sudoers": 0o440, "etc/passwd": 0o644, "usr/libexec/ros/syslog": 0o755,
		"root": fs.ModeDir | 0o700, "tmp": fs.ModeDir | fs.ModeSticky | 0o777,
	} {
		if n, ok := tree.Lookup(name); !ok || n.Mode != want {
			t.Errorf("%s has %v, want %v", name, n.Mode, want)
		}
	}
	if n, _ := tree.Lookup("usr/lib/os-release"); !strings.Contains(string(n.Data), `VERSION_ID="v1"`) {
		t.Errorf("os-release is\n%s", n.Data)
	}
}

func TestEveryPermissionHasItsFile(t *testing.T) {
	for name := range rootfsPermissions {
		if _, err := rootfs.ReadFile("rootfs/" + name); err != nil {
			t.Error(err)
		}
	}
}

// The accounts are compared as text: a user without a shadow line, or with a
// password, would be a way in or none.
func TestNobodyHasAPassword(t *testing.T) {
	tree := machine(t, "v1")
	lines := func(name string) map[string][]string {
		n, _ := tree.Lookup(name)
		all := map[string][]string{}
		for line := range strings.Lines(string(n.Data)) {
			fields := strings.Split(strings.TrimSpace(line), ":")
			all[fields[0]] = fields
		}
		return all
	}
	users, shadow := lines("etc/passwd"), lines("etc/shadow")
	for name, fields := range users {
		if s := shadow[name]; fields[1] != "x" || len(s) != 9 || s[1] != "*" {
			t.Errorf("%s: passwd %v, shadow %v", name, fields, s)
		}
	}
	if got := users["rancher"][2]; got != "1100" {
		t.Errorf("rancher has the ID %s", got)
	}
	if len(users) != len(shadow) {
		t.Errorf("%d users and %d lines of shadow", len(users), len(shadow))
	}
}

func TestASystemImageIsTheSameInEveryRelease(t *testing.T) {
	index := func(version string) []byte {
		tree := machine(t, version)
		if err := addSystemImages(tree); err != nil {
			t.Fatal(err)
		}
		n, _ := tree.Lookup(imageFolder + "/index.json")
		return n.Data
	}
	first := index("v1")
	if !bytes.Equal(first, index("v2")) {
		t.Error("another version makes another image")
	}
	// A change here recreates every system service of every machine: give
	// baseImage the next number, then rewrite the file.
	golden.Equal(t, "testdata/images.json", string(first))
}

func TestTheIDIsTheDigestOfTheManifest(t *testing.T) {
	tree, err := skeleton(machine(t, "v1"))
	if err != nil {
		t.Fatal(err)
	}
	archive, image, err := buildImage(tree, "ros/test:7")
	if err != nil {
		t.Fatal(err)
	}
	files := emptyTree()
	if err := files.ReadTar(bytes.NewReader(archive), func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	for _, name := range files.Paths() {
		n, _ := files.Lookup(name)
		if hash, ok := strings.CutPrefix(name, "blobs/sha256/"); ok && fmt.Sprintf("%x", sha256.Sum256(n.Data)) != hash {
			t.Errorf("%s has another digest", name)
		}
	}
	var index struct {
		Manifests []struct {
			Digest      string
			Annotations map[string]string
		}
	}
	n, _ := files.Lookup("index.json")
	if err := json.Unmarshal(n.Data, &index); err != nil {
		t.Fatal(err)
	}
	got := index.Manifests[0]
	if got.Digest != image.ID || got.Annotations["io.containerd.image.name"] != "docker.io/ros/test:7" {
		t.Errorf("the index says %+v, want %s", got, image.ID)
	}
	n, _ = files.Lookup("manifest.json")
	if !strings.Contains(string(n.Data), strings.TrimPrefix(image.Config, "sha256:")) || !strings.Contains(string(n.Data), `"ros/test:7"`) {
		t.Errorf("manifest.json is %s", n.Data)
	}
}

func TestSizesAreLargestFirst(t *testing.T) {
	var out bytes.Buffer
	parts := []Part{{"init", 4_360_000}, {"vmlinuz", 11_655_104}, {"b", 50_000}, {"a", 50_000}, {"root.squashfs", 73_700_000}}
	if err := WriteSizes(&out, "what boots", parts); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "testdata/sizes", out.String())
	if parts[0].Name != "init" {
		t.Error("the caller's list was sorted")
	}
}

func TestAMissingLibraryIsTold(t *testing.T) {
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	libs := imports(shell)
	if len(libs) == 0 {
		t.Fatal("/bin/sh of this host needs no library: nothing can be tested with it")
	}
	tree := NewTree()
	tree.File("bin/sh", 0o755, shell)
	if err := checkLibraries(tree); err == nil || !strings.Contains(err.Error(), "usr/bin/sh needs "+libs[0]) {
		t.Errorf("got %v", err)
	}
	for _, lib := range libs {
		tree.File(libraryFolder+lib+".1.2", 0o644, []byte("library"))
		tree.Symlink(libraryFolder+lib, lib+".1.2")
	}
	tree.File(libraryFolder+"libunused.so.1.0", 0o644, []byte("library"))
	tree.Symlink(libraryFolder+"libunused.so.1", "libunused.so.1.0")
	dropUnneededLibraries(tree)
	if err := checkLibraries(tree); err != nil {
		t.Error(err)
	}
	if _, ok := tree.Lookup(libraryFolder + "libunused.so.1.0"); ok {
		t.Error("a library that nobody needs stays")
	}
}

func TestUnknownCompression(t *testing.T) {
	if _, err := Compression("lzma").arguments(); err == nil || !strings.Contains(err.Error(), `"lzma"`) {
		t.Errorf("got %v", err)
	}
}
