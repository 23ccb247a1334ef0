package osimage

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// libraryFolder is where Debian keeps shared libraries; the loader looks there
// without a cache.
const libraryFolder = "usr/lib/x86_64-linux-gnu/"

// loadedByName are libraries that the C library opens at run time, which no
// program lists as needed.
var loadedByName = []string{"libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2"}

// dropUnneededLibraries removes the libraries that no program and no plug-in
// needs, until nothing changes.
func dropUnneededLibraries(t *Tree) {
	for {
		needed := neededLibraries(t)
		before := len(t.nodes)
		t.Remove(func(name string, n Node) bool {
			dir, base := path.Split(name)
			return dir == libraryFolder && n.Mode&fs.ModeSymlink != 0 &&
				strings.Contains(base, ".so") && !needed[base]
		})
		t.Remove(func(name string, n Node) bool {
			dir, base := path.Split(name)
			return dir == libraryFolder && n.Mode.IsRegular() &&
				strings.Contains(base, ".so") && !needed[base] && !isLinkTarget(t, name)
		})
		if len(t.nodes) == before {
			return
		}
	}
}

// checkLibraries fails if a program or library needs a library that is not in
// the tree.
func checkLibraries(t *Tree) error {
	var missing []string
	for _, name := range t.Paths() {
		n, _ := t.Lookup(name)
		for _, lib := range imports(n.Data) {
			if _, err := t.Resolve(libraryFolder + lib); err != nil && !strings.HasPrefix(lib, "ld-linux") && !nextTo(t, name, lib) {
				missing = append(missing, fmt.Sprintf("%s needs %s", name, lib))
			}
		}
	}
	if missing != nil {
		return fmt.Errorf("cannot complete the root file system: %s", strings.Join(missing, ", "))
	}
	return nil
}

func neededLibraries(t *Tree) map[string]bool {
	needed := map[string]bool{}
	for _, lib := range loadedByName {
		needed[lib] = true
	}
	for _, n := range t.nodes {
		for _, lib := range imports(n.Data) {
			needed[lib] = true
		}
	}
	return needed
}

// imports returns the libraries that an ELF file names, and nothing for other
// files.
func imports(data []byte) []string {
	if !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		return nil
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	libs, err := f.ImportedLibraries()
	if err != nil {
		return nil // static
	}
	return libs
}

func isLinkTarget(t *Tree, name string) bool {
	dir := path.Dir(name)
	for other, n := range t.nodes {
		if n.Mode&fs.ModeSymlink != 0 && path.Dir(other) == dir && path.Base(n.Link) == path.Base(name) {
			return true
		}
	}
	return false
}

// nextTo tells whether a plug-in finds a library in its own folder.
func nextTo(t *Tree, name, lib string) bool {
	return slices.ContainsFunc([]string{path.Dir(name), "usr/libexec/sudo", "usr/lib/systemd"}, func(dir string) bool {
		_, ok := t.Lookup(path.Join(dir, lib))
		return ok
	})
}
