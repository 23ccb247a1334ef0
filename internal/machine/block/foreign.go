package block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

func probeXFS(head []byte, _ io.ReaderAt) (Superblock, bool) {
	if len(head) < 0x80 || !bytes.Equal(head[:4], []byte("XFSB")) {
		return Superblock{}, false
	}
	return Superblock{FSType: "xfs", Label: cString(head[0x6C:0x78]), UUID: uuid(head[0x20:0x30])}, true
}

func probeBtrfs(head []byte, _ io.ReaderAt) (Superblock, bool) {
	const at = 0x10000
	if len(head) < at+0x400 || !bytes.Equal(head[at+0x40:at+0x48], []byte("_BHRfS_M")) {
		return Superblock{}, false
	}
	sb := head[at:]
	return Superblock{FSType: "btrfs", Label: cString(sb[0x12B : 0x12B+0x100]), UUID: uuid(sb[0x20:0x30])}, true
}

// probeSwap knows swap spaces of machines with pages of 4 KiB.
func probeSwap(head []byte, _ io.ReaderAt) (Superblock, bool) {
	const page = 4096
	if len(head) < page || !bytes.Equal(head[page-10:page], []byte("SWAPSPACE2")) {
		return Superblock{}, false
	}
	return Superblock{FSType: "swap", Label: cString(head[0x41C:0x42C]), UUID: uuid(head[0x40C:0x41C])}, true
}

func uuid(u []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// Holds says what is on a device, as words for people; "" when it is blank: all
// of its first MiB and of its last 64 KiB is zero.
func Holds(r io.ReaderAt, size int64) (string, error) {
	sb, err := Probe(r)
	if err != nil {
		return "", err
	}
	if sb.FSType != "" {
		return named("a file system of type "+sb.FSType, sb.Label), nil
	}
	table, found, err := ReadTable(r, size)
	if err != nil || found {
		return fmt.Sprintf("a partition table with %d partitions", len(table.Parts)), err
	}
	head := make([]byte, min(size, 1<<20))
	tail := make([]byte, min(size, 64<<10))
	for at, piece := range map[int64][]byte{0: head, size - int64(len(tail)): tail} {
		if _, err := r.ReadAt(piece, at); err != nil && err != io.EOF {
			return "", fmt.Errorf("cannot read: %w", err)
		}
	}
	if known := foreign(head); known != "" {
		return known, nil
	}
	if len(bytes.Trim(head, "\x00")) > 0 || len(bytes.Trim(tail, "\x00")) > 0 {
		return "data of an unknown kind", nil
	}
	return "", nil
}

func named(what, label string) string {
	if label == "" {
		return what
	}
	return fmt.Sprintf("%s with the label %q", what, label)
}

// foreign knows what other systems put on disks, by name.
func foreign(head []byte) string {
	const raid = 0xA92B4EFC
	has := func(at int, magic string) bool {
		return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
	}
	switch {
	case has(0, "LUKS\xba\xbe"):
		return "an encrypted volume"
	case has(512, "LABELONE"), has(0, "LABELONE"), has(1024, "LABELONE"):
		return "a physical volume of LVM"
	case has(3, "NTFS    "):
		return "a file system of type ntfs"
	case len(head) > 4100 && binary.LittleEndian.Uint32(head[4096:]) == raid,
		len(head) > 4 && binary.LittleEndian.Uint32(head) == raid:
		return "a member of a software RAID"
	}
	return ""
}

// SizeOf is the size of a device, or of a file that stands for one.
func SizeOf(f *os.File) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("cannot read the size of %s: %w", f.Name(), err)
	}
	return size, nil
}
