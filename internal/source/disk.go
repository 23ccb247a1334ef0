package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// disk is what changes a file system. What is read is read directly; all that
// is written goes through it, so that a test can tell what a power cut leaves.
type disk interface {
	Mkdir(path string) error
	CreateTemp(dir, pattern string) (file, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(path string) error
}

// file is a file that is being written.
type file interface {
	io.WriteCloser
	Name() string
	Sync() error
}

// osDisk is the machine's own file system.
type osDisk struct{}

func (osDisk) Mkdir(path string) error      { return os.Mkdir(path, 0o700) }
func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) Remove(path string) error     { return os.Remove(path) }

// CreateTemp makes a file of mode 0600, whatever the umask.
func (osDisk) CreateTemp(dir, pattern string) (file, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

func (osDisk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// WriteFile replaces a file durably: after a power cut it is the old one or the
// new one, never neither and never half. It is readable by its owner alone,
// since any layer may hold secrets.
func WriteFile(path string, data []byte) error { return replace(osDisk{}, path, data) }

// replace writes a new file beside the old one and puts it in its place. The
// data must be on the disk before the name is, and the name before anybody is
// told that it is there.
func replace(d disk, path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := d.CreateTemp(dir, tempPattern(path))
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, errors.Join(err, d.Remove(f.Name())))
	}
	if err := d.SyncDir(dir); err != nil {
		return fmt.Errorf("cannot make the change of %s durable: %w", path, err)
	}
	return nil
}

// tempPattern names the files beside path that hold what it will be. They are
// hidden: no layer is read from them.
func tempPattern(path string) string { return "." + filepath.Base(path) + ".*.tmp" }

// sweep removes what a power cut left of the writing of path. The caller holds
// the lock under which alone path is written.
func sweep(d disk, path string) error {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), tempPattern(path)))
	for _, name := range left {
		err = errors.Join(err, d.Remove(name))
	}
	if err != nil {
		return fmt.Errorf("cannot clean up after a power cut: %w", err)
	}
	return nil
}

// mkdirs makes a folder and those that it is in, durably.
func mkdirs(d disk, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent == path {
		return fmt.Errorf("cannot make folder %s: %w", path, fs.ErrInvalid)
	}
	if err := mkdirs(d, parent); err != nil {
		return err
	}
	if err := d.Mkdir(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot make a folder: %w", err)
	}
	if err := d.SyncDir(parent); err != nil {
		return fmt.Errorf("cannot make folder %s durable: %w", path, err)
	}
	return nil
}
