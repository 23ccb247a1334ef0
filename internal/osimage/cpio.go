package osimage

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Unix file types as cpio stores them above the permission bits.
const (
	cpioRegular = 0o100000
	cpioFolder  = 0o040000
	cpioSymlink = 0o120000
)

const cpioTrailer = "TRAILER!!!"

// WriteCPIO writes the tree as a cpio archive of the kind "newc" that the
// kernel unpacks at boot. Inode numbers count the paths in order and every
// entry has the same time, so equal trees give equal bytes.
func (t *Tree) WriteCPIO(w io.Writer, stamp time.Time) error {
	out := &cpioWriter{w: bufio.NewWriter(w), stamp: stamp.Unix()}
	for _, name := range t.Paths() {
		n := t.nodes[name]
		body := n.Data
		kind := uint32(cpioRegular)
		switch {
		case n.Mode.IsDir():
			kind, body = cpioFolder, nil
		case n.Mode&fs.ModeSymlink != 0:
			kind, body = cpioSymlink, []byte(n.Link)
		}
		out.entry(name, kind|unixPermissions(n.Mode), n, body)
	}
	out.inode = -1 // the trailer has inode 0
	out.entry(cpioTrailer, 0, Node{}, nil)
	out.pad(512)
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err != nil {
		return fmt.Errorf("cannot write cpio: %w", out.err)
	}
	return nil
}

// cpioWriter keeps the first error and the position, which padding needs.
type cpioWriter struct {
	w      *bufio.Writer
	stamp  int64
	inode  int
	offset int64
	err    error
}

func (c *cpioWriter) entry(name string, mode uint32, n Node, body []byte) {
	c.inode++
	links, mtime := 1, c.stamp
	if mode&cpioFolder == cpioFolder && mode&cpioRegular == 0 {
		links = 2
	}
	if c.inode == 0 {
		mtime = 0
	}
	// magic, inode, mode, uid, gid, links, mtime, size, device (2), special
	// device (2), length of the name with its NUL, checksum
	c.write(fmt.Appendf(nil, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		c.inode, mode, n.UID, n.GID, links, mtime, len(body), 0, 0, 0, 0, len(name)+1, 0))
	c.write(append([]byte(name), 0))
	c.pad(4)
	c.write(body)
	c.pad(4)
}

func (c *cpioWriter) write(b []byte) {
	if c.err != nil {
		return
	}
	written, err := c.w.Write(b)
	c.offset += int64(written)
	c.err = err
}

func (c *cpioWriter) pad(to int64) {
	if rest := c.offset % to; rest != 0 {
		c.write(make([]byte, to-rest))
	}
}
