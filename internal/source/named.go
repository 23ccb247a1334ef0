package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// Named watches the files that the configuration names outside of its own folders,
// such as an env_file in /opt. [Watch] is for the others.
type Named struct {
	watcher *fsnotify.Watcher
	root    string

	mu    sync.Mutex // guards what follows
	files []string   // below root
}

// NewNamed watches nothing at first. Whoever makes it calls [Named.Run], which ends it.
func NewNamed(root string) (*Named, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("cannot watch for changes: %w", err)
	}
	return &Named{watcher: w, root: root}, nil
}

// Want watches these files from now on, by their absolute paths on the machine, whether
// they are there or not, and no others. It says whether some were not watched before:
// what was read of those may be old by now. What cannot be watched is left out.
func (n *Named) Want(names []string) (more bool) {
	own := folderTree{top: filepath.Join(n.root, ConfDir)}
	var files, folders []string
	for _, name := range names {
		if file := filepath.Join(n.root, name); !own.concerns(file) {
			files = append(files, file)
			folders = append(folders, nearestFolder(filepath.Dir(file)))
		}
	}
	n.mu.Lock()
	n.files = files
	n.mu.Unlock()
	slices.Sort(folders)
	folders = slices.Compact(folders)
	folders = folders[:min(len(folders), mostFolders)]
	watched := n.watcher.WatchList()
	for _, dir := range watched {
		if !slices.Contains(folders, dir) {
			_ = n.watcher.Remove(dir) // it may have gone by itself
		}
	}
	for _, dir := range folders {
		if !slices.Contains(watched, dir) {
			more = n.watcher.Add(dir) == nil || more
		}
	}
	return more
}

// nearestFolder is a folder, or the innermost of those that it would be in which is there.
func nearestFolder(dir string) string {
	for {
		info, err := os.Stat(dir)
		if parent := filepath.Dir(dir); (err != nil || !info.IsDir()) && parent != dir {
			dir = parent
			continue
		}
		return dir
	}
}

// Run calls changed after one of the files has changed, or a folder that it is in, until
// ctx ends.
func (n *Named) Run(ctx context.Context, changed func()) error {
	defer func() { _ = n.watcher.Close() }() // nothing is written through it
	return follow(ctx, n.watcher, n.concerns, changed)
}

func (n *Named) concerns(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.files, func(file string) bool {
		return file == name || strings.HasPrefix(file, name+string(filepath.Separator))
	})
}
