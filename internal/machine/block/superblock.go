package block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Superblock is what a file system says of itself.
type Superblock struct {
	FSType string // "ext4" (for ext2 and ext3 too), "xfs", "btrfs", "swap", "vfat", "iso9660"
	Label  string
	UUID   string
	// Dirty means that an ext file system wants to be checked: it has errors, or
	// has no journal and was not unmounted.
	Dirty bool
	// Size is how many bytes an ext file system fills; 0 is not known.
	Size int64
}

// probeSize covers the superblocks of all file systems that are known.
const probeSize = 72 << 10

// Probe reads the superblock of a device or image. The file system is unknown
// when FSType is empty.
func Probe(r io.ReaderAt) (Superblock, error) {
	head := make([]byte, probeSize)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return Superblock{}, fmt.Errorf("cannot read a superblock: %w", err)
	}
	head = head[:n]
	for _, known := range []func([]byte, io.ReaderAt) (Superblock, bool){probeExt, probeXFS, probeBtrfs, probeSwap, probeISO, probeFAT} {
		if sb, ok := known(head, r); ok {
			return sb, nil
		}
	}
	return Superblock{}, nil
}

func probeExt(head []byte, _ io.ReaderAt) (Superblock, bool) {
	if len(head) < 0x800 {
		return Superblock{}, false
	}
	sb := head[0x400:0x800]
	if binary.LittleEndian.Uint16(sb[0x38:]) != 0xEF53 {
		return Superblock{}, false
	}
	const clean, hasErrors, hasJournal = 1, 2, 4
	state := binary.LittleEndian.Uint16(sb[0x3A:])
	journal := binary.LittleEndian.Uint32(sb[0x5C:])&hasJournal != 0
	u := sb[0x68:0x78]
	return Superblock{
		FSType: "ext4",
		Label:  cString(sb[0x78:0x88]),
		UUID:   fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16]),
		Dirty:  state&hasErrors != 0 || !journal && state&clean == 0,
		Size:   extSize(sb),
	}, true
}

// extSize is the number of blocks times their size.
func extSize(sb []byte) int64 {
	const wide = 0x80 // 64-bit numbers of blocks
	blocks := uint64(binary.LittleEndian.Uint32(sb[0x4:]))
	if binary.LittleEndian.Uint32(sb[0x60:])&wide != 0 {
		blocks |= uint64(binary.LittleEndian.Uint32(sb[0x150:])) << 32
	}
	shift := binary.LittleEndian.Uint32(sb[0x18:])
	if shift > 6 || blocks > 1<<46 {
		return 0
	}
	return int64(blocks) * (1024 << shift)
}

func probeISO(head []byte, _ io.ReaderAt) (Superblock, bool) {
	const at = 16 * 2048
	if len(head) < at+2048 || !bytes.Equal(head[at:at+6], []byte("\x01CD001")) {
		return Superblock{}, false
	}
	volume := head[at:]
	return Superblock{
		FSType: "iso9660",
		Label:  strings.TrimRight(cString(volume[40:72]), " "),
		UUID:   isoUUID(volume[813:829]),
	}, true
}

// isoUUID is the time at which the disk was made, as other systems write it.
func isoUUID(created []byte) string {
	for _, c := range created {
		if c < '0' || c > '9' {
			return ""
		}
	}
	t := string(created)
	return strings.Join([]string{t[0:4], t[4:6], t[6:8], t[8:10], t[10:12], t[12:14], t[14:16]}, "-")
}

// probeFAT knows FAT12, FAT16 and FAT32.
func probeFAT(head []byte, r io.ReaderAt) (Superblock, bool) {
	if len(head) < 512 || head[510] != 0x55 || head[511] != 0xAA {
		return Superblock{}, false
	}
	wide := bytes.Equal(head[82:87], []byte("FAT32"))
	if !wide && !bytes.Equal(head[54:57], []byte("FAT")) {
		return Superblock{}, false
	}
	serial, label := head[39:43], head[43:54]
	if wide {
		serial, label = head[67:71], head[71:82]
	}
	id := binary.LittleEndian.Uint32(serial)
	sb := Superblock{FSType: "vfat", UUID: fmt.Sprintf("%04X-%04X", id>>16, id&0xFFFF)}
	// Systems that change a label change the one in the root folder only.
	if sb.Label = fatRootLabel(head, wide, r); sb.Label == "" {
		sb.Label = fatLabel(label)
	}
	return sb, true
}

// fatRootLabel looks for the volume label in the first piece of the root folder.
func fatRootLabel(boot []byte, wide bool, r io.ReaderAt) string {
	sector := int64(binary.LittleEndian.Uint16(boot[11:]))
	reserved := int64(binary.LittleEndian.Uint16(boot[14:]))
	tables := int64(boot[16])
	perTable := int64(binary.LittleEndian.Uint16(boot[22:]))
	size := int64(binary.LittleEndian.Uint16(boot[17:])) * 32
	start := reserved + tables*perTable
	if wide {
		perTable = int64(binary.LittleEndian.Uint32(boot[36:]))
		cluster := int64(binary.LittleEndian.Uint32(boot[44:]))
		size = int64(boot[13]) * sector
		start = reserved + tables*perTable + (cluster-2)*int64(boot[13])
	}
	if start < 0 || size <= 0 {
		return ""
	}
	folder := make([]byte, min(size, 32<<10))
	n, err := r.ReadAt(folder, start*sector)
	if err != nil && err != io.EOF {
		return ""
	}
	const attributes, volumeLabel, longName, deleted = 11, 0x08, 0x0F, 0xE5
	for entry := folder[:n]; len(entry) >= 32 && entry[0] != 0; entry = entry[32:] {
		a := entry[attributes] & 0x3F
		if a != longName && a&volumeLabel != 0 && entry[0] != deleted {
			return fatLabel(entry[:11])
		}
	}
	return ""
}

func fatLabel(b []byte) string {
	s := strings.TrimRight(cString(b), " ")
	if s == "NO NAME" {
		return ""
	}
	return s
}

// cString is the text before the first zero byte.
func cString(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text)
}
