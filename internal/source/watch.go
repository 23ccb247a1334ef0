package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the folders must be quiet before a change is told: an
// editor writes, renames and removes in one go.
const settle = 50 * time.Millisecond

// Watch calls changed after files in the user's configuration folders below
// root have changed, until ctx ends. The folders are made if they are missing,
// so that the first file in them is seen.
func Watch(ctx context.Context, root string, changed func()) error {
	dirs := []string{filepath.Join(root, ConfDir), filepath.Join(root, CloudConfigDir)}
	hidden := func(name string) bool { return filepath.Base(name)[0] == '.' }
	return watch(ctx, dirs, 0o700, func(name string) bool { return !hidden(name) }, changed)
}

// WatchFile calls changed after the file at path has changed, until ctx ends.
// Its folder is made if it is missing.
func WatchFile(ctx context.Context, path string, changed func()) error {
	mine := func(name string) bool { return filepath.Clean(name) == filepath.Clean(path) }
	return watch(ctx, []string{filepath.Dir(path)}, 0o755, mine, changed)
}

func watch(ctx context.Context, dirs []string, mode os.FileMode, concerns func(name string) bool, changed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("cannot watch for changes: %w", err)
	}
	defer func() { _ = w.Close() }() // nothing is written through it
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, mode); err != nil {
			return fmt.Errorf("cannot watch %s: %w", dir, err)
		}
		if err := w.Add(dir); err != nil {
			return fmt.Errorf("cannot watch %s: %w", dir, err)
		}
	}
	return follow(ctx, w, concerns, changed)
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
