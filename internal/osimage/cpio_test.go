package osimage

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/golden"
)

// entry is what the kernel reads of one file.
type entry struct {
	name, body   string
	inode, mode  uint64
	gid, links   uint64
	mtime, start uint64
}

// readCPIO reads an archive as the kernel's documentation describes it.
func readCPIO(t *testing.T, data []byte) []entry {
	t.Helper()
	var all []entry
	align := func(n uint64) uint64 { return (n + 3) &^ 3 }
	for at := uint64(0); ; {
		head := string(data[at : at+110])
		if !strings.HasPrefix(head, "070701") {
			t.Fatalf("no header at %d: %q", at, head)
		}
		field := func(i int) uint64 {
			n, err := strconv.ParseUint(head[6+8*i:14+8*i], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		nameEnd := at + 110 + field(11)
		if data[nameEnd-1] != 0 {
			t.Fatalf("the name at %d does not end with NUL", at)
		}
		body := align(nameEnd)
		e := entry{
			name: string(data[at+110 : nameEnd-1]), body: string(data[body : body+field(6)]),
			inode: field(0), mode: field(1), gid: field(3), links: field(4), mtime: field(5), start: at,
		}
		if e.name == "TRAILER!!!" {
			return all
		}
		all = append(all, e)
		at = align(body + field(6))
	}
}

func TestTheKernelReadsTheArchive(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteCPIO(&out, stamp); err != nil {
		t.Fatal(err)
	}
	if out.Len()%512 != 0 {
		t.Errorf("the archive has %d bytes: another cannot follow it", out.Len())
	}
	want := map[string]entry{
		"init":       {body: "#!/bin/sh\n", mode: 0o100755, links: 1},
		"tmp":        {mode: 0o041777, links: 2},
		"etc":        {mode: 0o040755, links: 2},
		"etc/empty":  {mode: 0o100600, links: 1},
		"etc/link":   {body: "../init", mode: 0o120777, links: 1},
		"usr":        {mode: 0o040755, links: 2},
		"usr/bin":    {mode: 0o040755, links: 2},
		"usr/bin/su": {body: "x", mode: 0o104755, gid: 42, links: 1},
	}
	inodes := map[uint64]bool{}
	for _, e := range readCPIO(t, out.Bytes()) {
		w, ok := want[e.name]
		delete(want, e.name)
		if !ok || e.body != w.body || e.mode != w.mode || e.gid != w.gid || e.links != w.links {
			t.Errorf("%s is %+v, want %+v", e.name, e, w)
		}
		if e.mtime != uint64(stamp.Unix()) || inodes[e.inode] {
			t.Errorf("%s has the time %d and the inode %d", e.name, e.mtime, e.inode)
		}
		inodes[e.inode] = true
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

func TestTheArchiveStaysTheSame(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteCPIO(&out, stamp); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "testdata/sample.cpio", out.String())
}

func TestCompressingTwiceGivesTheSameBytes(t *testing.T) {
	first, err := compressTree(sample(), stamp)
	if err != nil {
		t.Fatal(err)
	}
	second, err := compressTree(sample(), stamp)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) || !bytes.HasPrefix(first, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		t.Errorf("not the same zstd frame: %x and %x", first, second)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space left")

func TestAFullDiskIsTold(t *testing.T) {
	tree := sample()
	tree.File("big", 0o644, make([]byte, 1<<16))
	if err := tree.WriteCPIO(failingWriter{}, stamp); err == nil || !strings.HasPrefix(err.Error(), "cannot write cpio: ") {
		t.Errorf("got %v", err)
	}
}
