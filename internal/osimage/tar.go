package osimage

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"
)

// ReadTar adds the files of a tar stream for which keep returns true. Hard
// links become copies.
func (t *Tree) ReadTar(r io.Reader, keep func(name string) bool) error {
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read tar: %w", err)
		}
		name := mergedPath(h.Name)
		if !keep(name) {
			continue
		}
		if err := t.addEntry(name, h, in); err != nil {
			return err
		}
	}
}

func (t *Tree) addEntry(name string, h *tar.Header, content io.Reader) error {
	n := Node{Mode: h.FileInfo().Mode(), UID: h.Uid, GID: h.Gid}
	switch h.Typeflag {
	case tar.TypeDir:
		if old, ok := t.Lookup(name); ok && old.Mode.IsDir() {
			return nil // the first package that names a folder gives its mode
		}
	case tar.TypeSymlink:
		n.Mode, n.Link = fs.ModeSymlink|0o777, h.Linkname
	case tar.TypeLink:
		target, ok := t.Lookup(h.Linkname)
		if !ok {
			return fmt.Errorf("cannot link %q: %q was left out", name, h.Linkname)
		}
		n = target
	case tar.TypeReg:
		data, err := io.ReadAll(content)
		if err != nil {
			return fmt.Errorf("cannot read %q: %w", name, err)
		}
		n.Data = data
	default:
		return fmt.Errorf("cannot add %q: tar type %q", name, h.Typeflag)
	}
	t.Add(name, n)
	return nil
}

// WriteTar writes the tree in the order of its paths, every entry with the
// same time.
func (t *Tree) WriteTar(w io.Writer, stamp time.Time) error {
	out := tar.NewWriter(w)
	for _, name := range t.Paths() {
		n := t.nodes[name]
		if err := out.WriteHeader(tarHeader(name, n, stamp)); err != nil {
			return fmt.Errorf("cannot write %q: %w", name, err)
		}
		if n.Mode.IsRegular() {
			if _, err := out.Write(n.Data); err != nil {
				return fmt.Errorf("cannot write %q: %w", name, err)
			}
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("cannot finish tar: %w", err)
	}
	return nil
}

func tarHeader(name string, n Node, stamp time.Time) *tar.Header {
	h := &tar.Header{
		Name:    name,
		Mode:    int64(unixPermissions(n.Mode)),
		Uid:     n.UID,
		Gid:     n.GID,
		ModTime: stamp,
		Format:  tar.FormatGNU,
	}
	switch {
	case n.Mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, path.Clean(name)+"/"
	case n.Mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Linkname = tar.TypeSymlink, n.Link
	default:
		h.Typeflag, h.Size = tar.TypeReg, int64(len(n.Data))
	}
	return h
}

// unixPermissions turns Go's mode bits into those of chmod(2).
func unixPermissions(m fs.FileMode) uint32 {
	perm := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		perm |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		perm |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		perm |= 0o1000
	}
	return perm
}
