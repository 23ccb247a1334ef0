package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the folders must be quiet before a change is told: an
// editor writes, renames and removes in one go.
const settle = 50 * time.Millisecond

// mostFolders bounds how many folders are watched; the kernel bounds it too.
const mostFolders = 256

// Watch calls changed when it has begun, since what happened before was not seen,
// and after files in the user's configuration folders below root have changed,
// until ctx ends. The folders are made if they are missing, and may be renamed,
// removed and made again. Folders in them are watched too; what is hidden is not.
func Watch(ctx context.Context, root string, changed func()) error {
	conf := filepath.Join(root, ConfDir)
	return WatchTree(ctx, conf, []string{conf, filepath.Join(root, CloudConfigDir)}, changed)
}

// WatchTree is [Watch] for another folder and those in it. folders are made if
// they are missing.
func WatchTree(ctx context.Context, top string, folders []string, changed func()) error {
	for _, dir := range folders {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("cannot watch %s: %w", dir, err)
		}
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("cannot watch for changes: %w", err)
	}
	defer func() { _ = w.Close() }() // nothing is written through it
	tree := folderTree{watcher: w, top: top}
	if err := tree.watch(); err != nil {
		return err
	}
	changed()
	return follow(ctx, w, tree.concerns, func() {
		// There may be other folders now. What happens in one before it is watched
		// is seen by whoever looks after this; what happens later, by the watch.
		_ = tree.watch() // a folder that cannot be watched is no reason to keep the change back
		changed()
	})
}

// folderTree is a folder, all that are in it, and the one that it is in, which
// tells when the folder itself is put aside or made.
type folderTree struct {
	watcher *fsnotify.Watcher
	top     string
}

// watch adds what is not watched yet. Adding twice does no harm. A folder that
// has another's name since it was added tells under its old one, which is enough
// to look again.
func (t folderTree) watch() error {
	if err := t.watcher.Add(filepath.Dir(t.top)); err != nil {
		return fmt.Errorf("cannot watch %s: %w", filepath.Dir(t.top), err)
	}
	left := mostFolders
	err := filepath.WalkDir(t.top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile
			return nil
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case hidden(path), left == 0:
			return fs.SkipDir
		}
		left--
		if err := t.watcher.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot watch %s: %w", t.top, err)
	}
	return nil
}

// concerns says whether something of that name can be a layer.
func (t folderTree) concerns(name string) bool {
	inside := name == t.top || strings.HasPrefix(name, t.top+string(filepath.Separator))
	return inside && !hidden(name)
}

func hidden(path string) bool {
	base := filepath.Base(path)
	return strings.HasPrefix(base, ".") && base != ".env" // variables of compose files
}

// WatchFile calls changed after the file at path has changed, until ctx ends.
// Its folder is made if it is missing.
func WatchFile(ctx context.Context, path string, changed func()) error {
	w, err := newFileWatch(path)
	if err != nil {
		return err
	}
	return w.run(ctx, changed)
}

// fileWatch watches one file from the moment that it is made.
type fileWatch struct {
	watcher *fsnotify.Watcher
	path    string
}

func newFileWatch(path string) (*fileWatch, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot watch %s: %w", dir, err)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("cannot watch for changes: %w", err)
	}
	if err := w.Add(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot watch %s: %w", dir, err), w.Close())
	}
	return &fileWatch{watcher: w, path: filepath.Clean(path)}, nil
}

// run tells of changes until ctx ends, and gives the watch up.
func (w *fileWatch) run(ctx context.Context, changed func()) error {
	defer func() { _ = w.watcher.Close() }() // nothing is written through it
	return follow(ctx, w.watcher, func(name string) bool { return filepath.Clean(name) == w.path }, changed)
}

func follow(ctx context.Context, w *fsnotify.Watcher, concerns func(name string) bool, changed func()) error {
	quiet := time.NewTimer(settle)
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return fmt.Errorf("cannot watch for changes: %w", os.ErrClosed)
			}
			if concerns(e.Name) && e.Op != fsnotify.Chmod {
				quiet.Reset(settle)
			}
		case err, ok := <-w.Errors:
			if !ok {
				return fmt.Errorf("cannot watch for changes: %w", os.ErrClosed)
			}
			if err != nil { // events were lost: look again to be sure
				quiet.Reset(settle)
			}
		case <-quiet.C:
			changed()
		}
	}
}
