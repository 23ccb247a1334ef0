package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// WriteFile replaces a file durably: after a power cut it is the old one or the
// new one, never neither and never half. It is readable by its owner alone,
// since any layer may hold secrets.
func WriteFile(path string, data []byte) error {
	if err := renameio.WriteFile(path, data, 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot make a change in %s durable: %w", dir, err)
	}
	defer func() { _ = d.Close() }() // nothing was written through it
	if err := d.Sync(); err != nil {
		return fmt.Errorf("cannot make a change in %s durable: %w", dir, err)
	}
	return nil
}

// Update changes the user's cloud-config.yml below root. It holds a lock over
// reading and writing, so that two writers never lose each other's change. edit
// gets what the file holds (nil when there is none) and returns what it should
// hold; its error leaves the file as it was.
func Update(root string, edit func(old []byte) ([]byte, error)) error {
	path := filepath.Join(root, CloudConfigFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make the configuration folder: %w", err)
	}
	unlock, err := lock(filepath.Join(filepath.Dir(path), ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	data, err := edit(old)
	if err != nil {
		return err
	}
	return WriteFile(path, data)
}

func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the configuration: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock the configuration: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing gives the lock up
}
