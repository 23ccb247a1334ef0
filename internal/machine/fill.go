package machine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// fillOnce copies the folder of the image to the state disk if it is not there.
// It appears under its name only when it is whole and on the disk, so that a
// power cut leaves nothing half.
func fillOnce(image, state string) error {
	if _, err := os.Lstat(state); err == nil {
		return nil
	}
	fresh := filepath.Join(filepath.Dir(state), ".new-"+filepath.Base(state))
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("cannot remove what an interrupted boot left: %w", err)
	}
	err := copyTree(image, fresh)
	if err == nil {
		err = syncTree(fresh)
	}
	if err == nil {
		err = os.Rename(fresh, state)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot copy %s to the state disk: %w", image, err), os.RemoveAll(fresh))
	}
	return nil
}

// syncTree makes everything on the file system of path durable.
func syncTree(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // read only
	return unix.Syncfs(int(d.Fd()))
}

// addFolders makes the folders that the image has and an older state disk lacks.
func addFolders(image, state string) error {
	return filepath.WalkDir(image, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || path == image {
			return err
		}
		target := filepath.Join(state, path[len(image):])
		if _, err := os.Lstat(target); err == nil {
			return nil
		}
		return copyEntry(path, target)
	})
}

// copyTree copies folders, files and links with their owners and modes.
// Devices and sockets do not belong into what is copied, and are left out.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return copyEntry(path, filepath.Join(to, path[len(from):]))
	})
}

func copyEntry(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		err = os.Mkdir(to, 0o700)
	case fs.ModeSymlink:
		var target string
		if target, err = os.Readlink(from); err == nil {
			err = os.Symlink(target, to)
		}
	case 0:
		err = copyFile(from, to)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Lchown(to, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	if info.Mode().Type() == fs.ModeSymlink {
		return nil
	}
	return os.Chmod(to, info.Mode()) // after the owner: chown drops setuid bits
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // read only
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
