package osimage

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Node is one file, folder, link or device of a [Tree].
type Node struct {
	Mode     fs.FileMode // type and permission bits
	UID, GID int
	Link     string // target of a symbolic link
	Data     []byte // content of a regular file
}

// Tree is a file system in memory, by clean path without a leading slash. The
// old top folders bin, sbin, lib and lib64 are links into usr, and every path
// is stored as it reads after following them.
type Tree struct {
	nodes map[string]Node
}

// mergedFolders are the top folders that live below usr.
var mergedFolders = []string{"bin", "sbin", "lib", "lib64"}

// NewTree returns a tree that holds only the links of the merged usr.
func NewTree() *Tree {
	t := &Tree{nodes: map[string]Node{}}
	for _, name := range mergedFolders {
		t.nodes[name] = Node{Mode: fs.ModeSymlink | 0o777, Link: "usr/" + name}
		t.Folder("usr/"+name, 0o755)
	}
	return t
}

// emptyTree returns a tree for an archive that is no root file system.
func emptyTree() *Tree {
	return &Tree{nodes: map[string]Node{}}
}

// Add stores a node and the folders above it that are missing.
func (t *Tree) Add(name string, n Node) {
	name = mergedPath(name)
	if name == "" || t.isMergedLink(name) {
		return
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := t.nodes[dir]; ok {
			break
		}
		t.nodes[dir] = Node{Mode: fs.ModeDir | 0o755}
	}
	t.nodes[name] = n
}

// Folder adds a folder owned by root.
func (t *Tree) Folder(name string, perm fs.FileMode) {
	t.Add(name, Node{Mode: fs.ModeDir | perm})
}

// File adds a regular file owned by root.
func (t *Tree) File(name string, perm fs.FileMode, data []byte) {
	t.Add(name, Node{Mode: perm, Data: data})
}

// Symlink adds a symbolic link.
func (t *Tree) Symlink(name, target string) {
	t.Add(name, Node{Mode: fs.ModeSymlink | 0o777, Link: target})
}

// Lookup returns the node at name, following no link but those of the merged
// usr.
func (t *Tree) Lookup(name string) (Node, bool) {
	n, ok := t.nodes[mergedPath(name)]
	return n, ok
}

// Remove takes away everything that match says, with what lies below it.
func (t *Tree) Remove(match func(name string, n Node) bool) {
	for _, name := range t.Paths() {
		n, ok := t.nodes[name]
		if !ok || !match(name, n) {
			continue
		}
		delete(t.nodes, name)
		maps.DeleteFunc(t.nodes, func(below string, _ Node) bool {
			return strings.HasPrefix(below, name+"/")
		})
	}
}

// RemoveBroken takes away symbolic links whose target is not in the tree,
// except those into folders that are filled only on a running machine.
func (t *Tree) RemoveBroken() {
	for again := true; again; {
		again = false
		for name, n := range t.nodes {
			if n.Mode&fs.ModeSymlink == 0 || liveTarget(n.Link) {
				continue
			}
			if _, err := t.Resolve(name); err != nil {
				delete(t.nodes, name)
				again = true
			}
		}
	}
}

// Resolve follows symbolic links from name to what is not one.
func (t *Tree) Resolve(name string) (string, error) {
	at := mergedPath(name)
	for range 40 {
		n, ok := t.nodes[at]
		if !ok {
			return "", fmt.Errorf("cannot resolve %q: %w", name, fs.ErrNotExist)
		}
		if n.Mode&fs.ModeSymlink == 0 {
			return at, nil
		}
		if path.IsAbs(n.Link) {
			at = mergedPath(n.Link)
		} else {
			at = mergedPath(path.Join("/", path.Dir(at), n.Link))
		}
	}
	return "", fmt.Errorf("cannot resolve %q: too many links", name)
}

// Paths returns all paths, sorted, a folder always before what it holds.
func (t *Tree) Paths() []string {
	return slices.Sorted(maps.Keys(t.nodes))
}

// Size adds up the content of the regular files below a folder.
func (t *Tree) Size(folder string) int64 {
	var sum int64
	for name, n := range t.nodes {
		if strings.HasPrefix(name, folder) {
			sum += int64(len(n.Data))
		}
	}
	return sum
}

func (t *Tree) isMergedLink(name string) bool {
	n, ok := t.nodes[name]
	return ok && n.Mode&fs.ModeSymlink != 0 && slices.Contains(mergedFolders, name)
}

// mergedPath cleans a path and moves it below usr where the merged usr says so.
func mergedPath(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	top, _, below := strings.Cut(name, "/")
	if below && slices.Contains(mergedFolders, top) {
		return "usr/" + name
	}
	return name
}

// liveTarget tells whether a link points to what only a running machine has.
func liveTarget(target string) bool {
	for _, live := range []string{"/proc", "/run", "/dev", "/sys", "/var", "../proc", "../run"} {
		if target == live || strings.HasPrefix(target, live+"/") {
			return true
		}
	}
	return target == "run"
}
