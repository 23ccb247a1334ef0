package host

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Upload copies a file or folder of the host into the console, as root. A
// destination that is a folder takes it in; else it names the copy.
func (m *Machine) Upload(ctx context.Context, source, destination string) error {
	parent, name := path.Split(path.Clean(destination))
	if m.isFolder(ctx, destination) {
		parent, name = destination, filepath.Base(filepath.Clean(source))
	}
	if parent == "" {
		parent = "."
	}
	cmd, err := m.Command(ctx, Where{}, "tar", "-x", "-f", "-", "-C", parent)
	if err != nil {
		return err
	}
	read, write := io.Pipe()
	cmd.Stdin = read
	packed := make(chan error, 1)
	go func() {
		err := pack(write, source, name)
		packed <- err
		_ = write.CloseWithError(err)
	}()
	out, err := cmd.CombinedOutput()
	_ = read.Close()
	if err := errors.Join(<-packed, err); err != nil {
		return fmt.Errorf("cannot copy %s to %s:%s: %w: %s", source, m.Spec.Name, destination, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (m *Machine) isFolder(ctx context.Context, path string) bool {
	cmd, err := m.Command(ctx, Where{}, "test", "-d", path)
	return err == nil && cmd.Run() == nil
}

// pack writes source as a tar archive in which it is called name.
func pack(to io.Writer, source, name string) error {
	w := tar.NewWriter(to)
	err := filepath.WalkDir(source, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		return packOne(w, file, path.Join(name, filepath.ToSlash(below)), d)
	})
	return errors.Join(err, w.Close())
}

func packOne(w *tar.Writer, file, name string, d fs.DirEntry) error {
	about, err := d.Info()
	if err != nil {
		return err
	}
	link := ""
	if about.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(file); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(about, link)
	if err != nil {
		return err
	}
	// Files of the host's users belong to root in the machine.
	header.Name, header.Uid, header.Gid, header.Uname, header.Gname = name, 0, 0, "", ""
	if err := w.WriteHeader(header); err != nil || !about.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}

// Download copies a file or folder out of the console. A destination that is a
// folder takes it in; else it names the copy.
func (m *Machine) Download(ctx context.Context, source, destination string) error {
	parent, base := path.Split(path.Clean(source))
	if parent == "" {
		parent = "."
	}
	folder, name := filepath.Split(filepath.Clean(destination))
	if about, err := os.Stat(destination); err == nil && about.IsDir() {
		folder, name = destination, base
	}
	if folder == "" {
		folder = "."
	}
	cmd, err := m.Command(ctx, Where{}, "tar", "-c", "-f", "-", "-C", parent, base)
	if err != nil {
		return err
	}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	archive, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("cannot copy: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot copy: %w", err)
	}
	unpacked := unpack(archive, folder, base, name)
	_, _ = io.Copy(io.Discard, archive)
	if err := errors.Join(unpacked, cmd.Wait()); err != nil {
		return fmt.Errorf("cannot copy %s:%s to %s: %w: %s", m.Spec.Name, source, destination, err, strings.TrimSpace(complaint.String()))
	}
	return nil
}

// unpack lays an archive out below folder, its top entry base renamed to name.
// Nothing in it can reach outside of folder.
func unpack(from io.Reader, folder, base, name string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	r := tar.NewReader(from)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		below, ok := strings.CutPrefix(path.Clean(header.Name), base)
		if !ok || below != "" && below[0] != '/' {
			return fmt.Errorf("unexpected entry %q", header.Name)
		}
		if err := unpackOne(root, r, header, filepath.Join(name, below)); err != nil {
			return err
		}
	}
}

func unpackOne(root *os.Root, r io.Reader, header *tar.Header, name string) error {
	mode := header.FileInfo().Mode().Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode|0o700)
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		return errors.Join(err, f.Close())
	}
	return nil // devices, sockets and the like mean nothing here
}
