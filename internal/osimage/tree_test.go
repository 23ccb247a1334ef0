package osimage

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var stamp = time.Unix(1767225600, 0).UTC()

// sample is a tree with every kind of node.
func sample() *Tree {
	t := emptyTree()
	t.File("init", 0o755, []byte("#!/bin/sh\n"))
	t.Add("tmp", Node{Mode: fs.ModeDir | fs.ModeSticky | 0o777})
	t.Add("bin/su", Node{Mode: fs.ModeSetuid | 0o755, UID: 0, GID: 42, Data: []byte("x")})
	t.File("etc/empty", 0o600, nil)
	t.Symlink("etc/link", "../init")
	return t
}

func TestPathsOfTheOldTopFoldersLieInUsr(t *testing.T) {
	tree := NewTree()
	for _, row := range []struct{ name, stored string }{
		{"/bin/sh", "usr/bin/sh"},
		{"./sbin/init", "usr/sbin/init"},
		{"lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"},
		{"usr/bin/env", "usr/bin/env"},
		{"binary", "binary"},
		{"etc/../bin/ls", "usr/bin/ls"},
	} {
		tree.File(row.name, 0o755, []byte(row.name))
		if n, ok := tree.nodes[row.stored]; !ok || string(n.Data) != row.name {
			t.Errorf("%q is not stored as %q", row.name, row.stored)
		}
	}
	if n, _ := tree.Lookup("bin"); n.Link != "usr/bin" {
		t.Errorf("bin links to %q", n.Link)
	}
	tree.Folder("bin", 0o755) // as a package that is not merged would bring it
	if n, _ := tree.Lookup("bin"); n.Link != "usr/bin" {
		t.Error("a package's folder bin replaced the link")
	}
}

func TestRemoveTakesWhatLiesBelow(t *testing.T) {
	tree := sample()
	tree.Remove(func(name string, _ Node) bool { return name == "etc" })
	if got := strings.Join(tree.Paths(), " "); got != "init tmp usr usr/bin usr/bin/su" {
		t.Errorf("left are %s", got)
	}
}

func TestBrokenLinksGoAndLiveOnesStay(t *testing.T) {
	tree := sample()
	tree.Symlink("etc/broken", "nothing")
	tree.Symlink("etc/chain", "broken")
	tree.Symlink("etc/loop", "loop")
	tree.Symlink("etc/mtab", "/proc/self/mounts")
	tree.RemoveBroken()
	for name, want := range map[string]bool{"broken": false, "chain": false, "loop": false, "mtab": true, "link": true} {
		if _, ok := tree.Lookup("etc/" + name); ok != want {
			t.Errorf("etc/%s is there: %v, want %v", name, ok, want)
		}
	}
}

func TestResolveFollowsLinksThroughTheMergedUsr(t *testing.T) {
	tree := NewTree()
	tree.File("usr/bin/kmod", 0o755, nil)
	tree.Symlink("sbin/modprobe", "/bin/kmod")
	tree.Symlink("sbin/insmod", "../bin/kmod")
	for _, name := range []string{"sbin/modprobe", "usr/sbin/insmod", "/bin/kmod"} {
		if got, err := tree.Resolve(name); err != nil || got != "usr/bin/kmod" {
			t.Errorf("%s resolves to %q, %v", name, got, err)
		}
	}
	if _, err := tree.Resolve("sbin/nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

func TestTarKeepsEverything(t *testing.T) {
	var first bytes.Buffer
	if err := sample().WriteTar(&first, stamp); err != nil {
		t.Fatal(err)
	}
	again := emptyTree()
	if err := again.ReadTar(bytes.NewReader(first.Bytes()), func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	var second bytes.Buffer
	if err := again.WriteTar(&second, stamp); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("a tree read from its own tar writes another")
	}
	in := tar.NewReader(&first)
	for h, err := in.Next(); !errors.Is(err, io.EOF); h, err = in.Next() {
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(stamp) {
			t.Errorf("%s has the time %s", h.Name, h.ModTime)
		}
		if h.Name == "usr/bin/su" && (h.Mode != 0o4755 || h.Gid != 42) {
			t.Errorf("su has mode %o and group %d", h.Mode, h.Gid)
		}
	}
}

func TestHardLinksBecomeCopies(t *testing.T) {
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	for _, h := range []*tar.Header{
		{Name: "./bin/a", Typeflag: tar.TypeReg, Size: 1, Mode: 0o755},
		{Name: "./bin/b", Typeflag: tar.TypeLink, Linkname: "./bin/a"},
	} {
		if err := out.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := out.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	tree := NewTree()
	if err := tree.ReadTar(bytes.NewReader(archive.Bytes()), func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if n, ok := tree.Lookup("bin/b"); !ok || string(n.Data) != "x" || n.Mode != 0o755 {
		t.Errorf("bin/b is %+v", n)
	}
	if err := NewTree().ReadTar(bytes.NewReader(archive.Bytes()), func(name string) bool { return name != "usr/bin/a" }); err == nil {
		t.Error("a hard link to what was left out is taken")
	}
}

func FuzzReadTar(f *testing.F) {
	var seed bytes.Buffer
	if err := sample().WriteTar(&seed, stamp); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		tree := NewTree()
		if err := tree.ReadTar(bytes.NewReader(data), func(string) bool { return true }); err != nil {
			return
		}
		for _, name := range tree.Paths() {
			if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
				t.Errorf("path %q leaves the tree", name)
			}
		}
	})
}

// TestEveryFolderComesBeforeItsContent is what tar, cpio and squashfs rely on.
func TestEveryFolderComesBeforeItsContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := NewTree()
		for _, name := range rapid.SliceOf(rapid.StringMatching(`[a-c.-]{1,2}(/[a-c.-]{1,2}){0,3}`)).Draw(t, "names") {
			tree.File(name, 0o644, nil)
		}
		seen := map[string]bool{".": true}
		for _, name := range tree.Paths() {
			if dir := filepath.Dir(name); !seen[dir] {
				t.Fatalf("%q comes before %q", name, dir)
			}
			seen[name] = true
		}
	})
}
