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
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("cannot watch the configuration: %w", err)
	}
	defer func() { _ = w.Close() }() // nothing is written through it
	for _, dir := range []string{ConfDir, CloudConfigDir} {
		path := filepath.Join(root, dir)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return fmt.Errorf("cannot watch the configuration: %w", err)
		}
		if err := w.Add(path); err != nil {
			return fmt.Errorf("cannot watch %s: %w", path, err)
		}
	}
	return follow(ctx, w, changed)
}

func follow(ctx context.Context, w *fsnotify.Watcher, changed func()) error {
	quiet := time.NewTimer(settle)
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return fmt.Errorf("cannot watch the configuration: %w", os.ErrClosed)
			}
			if filepath.Base(e.Name)[0] != '.' && e.Op != fsnotify.Chmod {
				quiet.Reset(settle)
			}
		case err, ok := <-w.Errors:
			if !ok {
				return fmt.Errorf("cannot watch the configuration: %w", os.ErrClosed)
			}
			if err != nil { // events were lost: look again to be sure
				quiet.Reset(settle)
			}
		case <-quiet.C:
			changed()
		}
	}
}
