package source

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recorder is the machine's disk, and remembers what was done to it.
type recorder struct {
	osDisk
	root string
	ops  []op
	next int
}

// op is one thing that was done to the disk.
type op struct {
	kind     string // mkdir, create, write, sync, rename, remove, syncdir
	path, to string // below the root
	inode    int
	data     []byte
}

func (r *recorder) note(o op) {
	for _, p := range []*string{&o.path, &o.to} {
		if *p != "" {
			*p = filepath.Join("/", strings.TrimPrefix(*p, r.root))
		}
	}
	r.ops = append(r.ops, o)
}

func (r *recorder) Mkdir(path string) error {
	r.note(op{kind: "mkdir", path: path})
	return r.osDisk.Mkdir(path)
}

func (r *recorder) CreateTemp(dir, pattern string) (file, error) {
	f, err := r.osDisk.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	r.next++
	r.note(op{kind: "create", path: f.Name(), inode: r.next})
	return recordedFile{f, r, r.next}, nil
}

func (r *recorder) Rename(from, to string) error {
	r.note(op{kind: "rename", path: from, to: to})
	return r.osDisk.Rename(from, to)
}

func (r *recorder) Remove(path string) error {
	r.note(op{kind: "remove", path: path})
	return r.osDisk.Remove(path)
}

// SyncDir does not wait for the disk: the model is about a disk that fails.
func (r *recorder) SyncDir(path string) error {
	r.note(op{kind: "syncdir", path: path})
	return nil
}

type recordedFile struct {
	file
	r     *recorder
	inode int
}

func (f recordedFile) Write(data []byte) (int, error) {
	f.r.note(op{kind: "write", inode: f.inode, data: slices.Clone(data)})
	return f.file.Write(data)
}

func (f recordedFile) Sync() error {
	f.r.note(op{kind: "sync", inode: f.inode})
	return nil
}

// idle is the machine's disk without waiting for it.
type idle struct{ osDisk }

func (idle) CreateTemp(dir, pattern string) (file, error) {
	f, err := osDisk{}.CreateTemp(dir, pattern)
	return idleFile{f}, err
}
func (idle) SyncDir(string) error { return nil }

type idleFile struct{ file }

func (idleFile) Sync() error { return nil }

// world is a disk as the promises of POSIX let it be, and no better: data that
// was not synced may be missing, cut or zero; a change of a folder that was not
// synced may have happened or not, whatever happened before or after it.
type world struct {
	tree    map[string]int // what is certain: path → inode, 0 a folder
	loose   []op           // changes of folders that may get lost
	content map[int]*data
}

type data struct {
	certain, latest []byte
	synced          bool
}

// disk reads the world that begins with what is below root.
func readWorld(t *testing.T, root string) *world {
	t.Helper()
	w := &world{tree: map[string]int{}, content: map[int]*data{}}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name := strings.TrimPrefix(path, root)
		if e.IsDir() {
			w.tree[name] = 0
			return nil
		}
		text, err := os.ReadFile(path)
		inode := -1 - len(w.content)
		w.tree[name], w.content[inode] = inode, &data{certain: text, latest: text, synced: true}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) do(o op) {
	switch o.kind {
	case "create":
		w.content[o.inode] = &data{}
		w.loose = append(w.loose, o)
	case "write":
		d := w.content[o.inode]
		d.latest, d.synced = append(d.latest, o.data...), false
	case "sync":
		d := w.content[o.inode]
		d.certain, d.synced = d.latest, true
	case "syncdir":
		rest := w.loose[:0:0]
		for _, l := range w.loose {
			if filepath.Dir(l.path) == o.path {
				change(w.tree, l)
			} else {
				rest = append(rest, l)
			}
		}
		w.loose = rest
	case "rename":
		o.inode = w.inode(o.path)
		w.loose = append(w.loose, o)
	default:
		w.loose = append(w.loose, o)
	}
}

// inode is what a path means to the running system.
func (w *world) inode(path string) int {
	now := map[string]int{}
	for p, i := range w.tree {
		now[p] = i
	}
	for _, l := range w.loose {
		change(now, l)
	}
	return now[path]
}

// change applies a change of a folder.
func change(tree map[string]int, o op) {
	switch o.kind {
	case "mkdir":
		tree[o.path] = 0
	case "create":
		tree[o.path] = o.inode
	case "rename":
		delete(tree, o.path)
		tree[o.to] = o.inode
	case "remove":
		delete(tree, o.path)
	}
}

// crashes calls visit with every tree that a crash now may leave.
func (w *world) crashes(visit func(files map[string][]byte)) {
	for which := range 1 << len(w.loose) {
		tree := map[string]int{}
		for p, i := range w.tree {
			tree[p] = i
		}
		for bit, l := range w.loose {
			if which&(1<<bit) != 0 {
				change(tree, l)
			}
		}
		for variant := range 4 {
			files := map[string][]byte{}
			varied := false
			for path, inode := range tree {
				if !w.reachable(tree, path) {
					continue
				}
				if inode == 0 {
					files[path+"/"] = nil
					continue
				}
				d := w.content[inode]
				varied = varied || !d.synced
				files[path] = d.after(variant)
			}
			if variant == 0 || varied {
				visit(files)
			}
		}
	}
}

// reachable says whether all folders of a path are there.
func (w *world) reachable(tree map[string]int, path string) bool {
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		if inode, ok := tree[dir]; !ok || inode != 0 {
			return false
		}
	}
	return true
}

// after is what may be found of the data after a crash.
func (d *data) after(variant int) []byte {
	switch {
	case d.synced || variant == 0:
		return d.certain
	case variant == 1:
		return d.latest
	case variant == 2:
		return d.latest[:len(d.latest)/2]
	}
	return make([]byte, len(d.latest))
}

// lay writes files to a new root in the folder base.
func lay(t *testing.T, base string, files map[string][]byte) string {
	t.Helper()
	root, err := os.MkdirTemp(base, "state-")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
