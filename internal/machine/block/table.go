package block

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// SectorSize is the unit of partition tables. Devices with another logical one
// are refused by [OpenDisk].
const SectorSize = 512

// align is where partitions begin: a MiB, which every disk is happy with.
const align = 2048

// Kinds of partition tables.
const (
	MBR = "mbr"
	GPT = "gpt"
)

// Table is a partition table.
type Table struct {
	Kind  string
	Parts []Part // in the order of their numbers
}

// Part is a partition, in sectors.
type Part struct {
	Number         int
	Start, Sectors uint64
	Type           string // of MBR two hexadecimal digits, of GPT a GUID
}

// End is the first sector behind it.
func (p Part) End() uint64 { return p.Start + p.Sectors }

// Share is a partition that is wanted: a part of the disk in percent.
type Share struct {
	Percent int
	Type    string // two hexadecimal digits of MBR, or a GUID; "" is Linux
}

// ReadTable reads the partition table; found is false when there is none.
func ReadTable(r io.ReaderAt, size int64) (t Table, found bool, err error) {
	head := make([]byte, 2*SectorSize)
	if _, err := r.ReadAt(head, 0); err != nil {
		if errors.Is(err, io.EOF) {
			return Table{}, false, nil // too small for a table
		}
		return Table{}, false, fmt.Errorf("cannot read the partition table: %w", err)
	}
	if h, ok := parseHeader(head[SectorSize:], size); ok {
		t, err = h.read(r)
		return t, err == nil, err
	}
	t, found = parseMBR(head[:SectorSize], uint64(size)/SectorSize)
	return t, found, nil
}

// MakeTable lays out partitions one behind the other. Shares that fill the disk
// fill it to its end.
func MakeTable(kind string, size int64, shares []Share) (Table, error) {
	sectors := uint64(size) / SectorSize
	first, end := uint64(align), sectors
	if kind == GPT {
		if sectors < 2*align {
			return Table{}, errors.New("the disk is too small for a partition table")
		}
		end = sectors - backupSectors
	}
	if kind == MBR && (len(shares) > mbrEntries || end > 1<<32-1) {
		return Table{}, errors.New("a table of type mbr has at most 4 partitions and 2 TiB: use gpt")
	}
	if len(shares) > gptEntries {
		return Table{}, fmt.Errorf("a table of type gpt has at most %d partitions", gptEntries)
	}
	t, at, percent := Table{Kind: kind}, first, 0
	for i, s := range shares {
		kindOf, err := partType(kind, s.Type)
		if err != nil {
			return Table{}, err
		}
		percent += s.Percent
		until := min(sectors*uint64(percent)/100/align*align, end)
		if percent >= 100 {
			until = end / align * align
		}
		if percent > 100 || until <= at {
			return Table{}, fmt.Errorf("partition %d does not fit: the shares are %d%% of the disk", i+1, percent)
		}
		t.Parts = append(t.Parts, Part{Number: i + 1, Start: at, Sectors: until - at, Type: kindOf})
		at = until
	}
	return t, nil
}

// Like says whether two tables have the same partitions, but for what programs
// round differently: a hundredth of the disk.
func (t Table) Like(other Table, size int64) bool {
	if t.Kind != other.Kind || len(t.Parts) != len(other.Parts) {
		return false
	}
	slack := max(uint64(size)/SectorSize/100, align)
	near := func(a, b uint64) bool { return max(a, b)-min(a, b) <= slack }
	for i, p := range t.Parts {
		o := other.Parts[i]
		if !near(p.Start, o.Start) || !near(p.Sectors, o.Sectors) {
			return false
		}
	}
	return true
}

// WriteTable writes a new table, and takes away what other signatures there are
// at both ends of the disk. It is durable when it returns.
func WriteTable(f *os.File, size int64, t Table) error {
	if err := Wipe(f, size); err != nil {
		return err
	}
	var err error
	if t.Kind == GPT {
		err = writeGPT(f, size, t)
	} else {
		err = writeMBR(f, t)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("cannot write the partition table: %w", err)
	}
	return nil
}

// Wipe takes all signatures away from both ends.
func Wipe(f *os.File, size int64) error {
	const ends = 1 << 20
	zero := make([]byte, min(size, ends))
	for _, at := range []int64{0, size - int64(len(zero))} {
		if _, err := f.WriteAt(zero, at); err != nil {
			return fmt.Errorf("cannot wipe %s: %w", f.Name(), err)
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("cannot wipe %s: %w", f.Name(), err)
	}
	return nil
}

// Grow says how far partition n can be extended: to the next partition or the
// end of the disk. ok is false when that is less than a MiB, or n is not there.
func Grow(t Table, size int64, n int) (grown Part, ok bool) {
	end := uint64(size) / SectorSize
	if t.Kind == GPT {
		end -= min(end, backupSectors)
	} else {
		end = min(end, 1<<32-1)
	}
	found := false
	for _, p := range t.Parts {
		if p.Number == n {
			grown, found = p, true
		}
	}
	if !found {
		return Part{}, false
	}
	for _, p := range t.Parts {
		if p.Start >= grown.End() {
			end = min(end, p.Start)
		}
	}
	end = end / align * align
	if end < grown.End()+align {
		return Part{}, false
	}
	grown.Sectors = end - grown.Start
	return grown, true
}

// WriteGrown changes the size of one partition on the disk, and nothing else of
// its table.
func WriteGrown(f *os.File, size int64, t Table, grown Part) error {
	var err error
	if t.Kind == GPT {
		err = growGPT(f, size, grown)
	} else {
		err = growMBR(f, grown)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("cannot grow partition %d of %s: %w", grown.Number, f.Name(), err)
	}
	return nil
}
