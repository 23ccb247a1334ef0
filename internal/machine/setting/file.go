package setting

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
)

// file is a file as it should be.
type file struct {
	path     string // below the root folder
	data     []byte
	mode     uint32 // permission bits as chmod(1) counts them
	uid, gid int
}

// boundFiles are bound one by one into containers: they are written in place,
// since a container would keep the old file after a rename.
func boundFiles() []string { return []string{"/etc/resolv.conf", "/etc/hosts", "/etc/hostname"} }

// writeFile makes a file as it should be; it does nothing when it is. After a
// power cut it is the old one or the new one.
func (m *Machine) writeFile(f file) error {
	path := m.path(f.path)
	if isFile(path, f) {
		return nil
	}
	owner := f
	if strings.HasPrefix(f.path, cloudconfig.ContainerFiles+"/") {
		owner.uid, owner.gid = os.Getuid(), os.Getgid() // the folders are the machine's
	}
	if err := makeParents(filepath.Dir(path), owner); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.path, err)
	}
	var err error
	if inPlace(f.path) {
		err = writeInPlace(path, f)
	} else {
		err = replace(path, f)
		if errors.Is(err, unix.EBUSY) { // it is bound by itself
			err = writeInPlace(path, f)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", f.path, reason(err))
	}
	return nil
}

// reason is an error without the name of the temporary file, which tells nobody
// anything and makes another message of it each time.
func reason(err error) error {
	if named := (*os.PathError)(nil); errors.As(err, &named) {
		return named.Err
	}
	if named := (*os.LinkError)(nil); errors.As(err, &named) {
		return named.Err
	}
	return err
}

// writeText writes a file of root that everybody may read.
func (m *Machine) writeText(path, text string) error {
	return m.writeFile(file{path: path, data: []byte(text), mode: 0o644, uid: os.Getuid(), gid: os.Getgid()})
}

// writeSecret writes a file that only root may read.
func (m *Machine) writeSecret(path string, data []byte) error {
	return m.writeFile(file{path: path, data: data, mode: 0o600, uid: os.Getuid(), gid: os.Getgid()})
}

// inPlace says whether a file cannot be replaced by another.
func inPlace(path string) bool {
	if slices.Contains(boundFiles(), path) || strings.HasPrefix(path, cloudconfig.ContainerFiles+"/") {
		return true
	}
	top, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return top == "proc" || top == "sys" || top == "dev"
}

func isFile(path string, f file) bool {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	if ofKernel(f.path) { // it has neither size nor owner that could be chosen
		data, err := os.ReadFile(path)
		return err == nil && sameSysctl(string(data), string(f.data))
	}
	if st.Mode&0o7777 != f.mode || int(st.Uid) != f.uid || int(st.Gid) != f.gid || st.Size != int64(len(f.data)) {
		return false
	}
	data, err := os.ReadFile(path)
	return err == nil && bytes.Equal(data, f.data)
}

// ofKernel says that a file is a setting of the kernel's.
func ofKernel(path string) bool {
	return strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/")
}

// makeFolder makes a folder of root's and its parents, and makes them durable.
func makeFolder(dir string) error { return makeParents(dir, file{uid: os.Getuid(), gid: os.Getgid()}) }

// makeParents is the same with the owner of a file that will be below: who owns
// ~/.config/app/conf owns its folders, too, those that were not there before.
func makeParents(dir string, f file) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeParents(parent, f); err != nil {
			return err
		}
	}
	switch err := os.Mkdir(dir, 0o755); {
	case errors.Is(err, os.ErrExist):
		if st, err := os.Stat(dir); err != nil || !st.IsDir() {
			return fmt.Errorf("%s is not a folder", dir)
		}
	case err != nil:
		return err
	default:
		if err := os.Lchown(dir, f.uid, f.gid); err != nil {
			return err
		}
	}
	return syncFolder(parent)
}

func replace(path string, f file) error {
	if st, err := os.Lstat(path); err == nil && st.IsDir() {
		return syscall.EISDIR
	}
	pending, err := renameio.NewPendingFile(path,
		renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = pending.Cleanup() }() // does nothing after a success
	if _, err := pending.Write(f.data); err != nil {
		return err
	}
	if err := own(pending.File, f); err != nil {
		return err
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// own gives a file its owner, then its mode: a change of owner takes set-user-ID
// bits away.
func own(f *os.File, want file) error {
	if err := f.Chown(want.uid, want.gid); err != nil {
		return err
	}
	return unix.Fchmod(int(f.Fd()), want.mode)
}

// writeInPlace writes before it shortens, so that a reader never finds nothing.
func writeInPlace(path string, want file) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, os.FileMode(want.mode&0o777))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // Sync has said whether it was written
	if _, err := f.Write(want.data); err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() || ofKernel(want.path) {
		return err // the kernel's files take what is written, and nothing else
	}
	if err := f.Truncate(int64(len(want.data))); err != nil {
		return err
	}
	if err := own(f, want); err != nil {
		return err
	}
	return f.Sync()
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()                                 // nothing was written through it
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) { // not every file system can
		return err
	}
	return nil
}
