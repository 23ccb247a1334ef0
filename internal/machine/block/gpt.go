package block

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
)

const (
	gptEntries    = 128
	gptEntrySize  = 128
	gptHeaderSize = 92
	// tableSectors are what the entries take.
	tableSectors = gptEntries * gptEntrySize / SectorSize
	// backupSectors are at the end of the disk: the entries again, and a header.
	backupSectors = tableSectors + 1
	// mostEntries bounds what is read: more has nobody.
	mostEntries = 1024
)

// header is a GPT's header, as its bytes and what of them is needed.
type header struct {
	raw     []byte
	table   uint64 // first sector of the entries
	entries int
	stride  int
	crc     uint32 // of the entries
}

// parseHeader checks the header of a GPT.
func parseHeader(sector []byte, size int64) (header, bool) {
	if len(sector) < SectorSize || string(sector[:8]) != "EFI PART" {
		return header{}, false
	}
	n := binary.LittleEndian.Uint32(sector[12:])
	if n < gptHeaderSize || n > SectorSize {
		return header{}, false
	}
	raw := bytes.Clone(sector[:n])
	sum := binary.LittleEndian.Uint32(raw[16:])
	clear(raw[16:20])
	h := header{
		raw: raw, table: binary.LittleEndian.Uint64(raw[72:]),
		entries: int(binary.LittleEndian.Uint32(raw[80:])), stride: int(binary.LittleEndian.Uint32(raw[84:])),
		crc: binary.LittleEndian.Uint32(raw[88:]),
	}
	sound := crc32.ChecksumIEEE(raw) == sum && h.entries > 0 && h.entries <= mostEntries &&
		h.stride >= gptEntrySize && h.stride <= 4096 && h.table >= 2 && h.table < uint64(size)/SectorSize
	return h, sound
}

// rawEntries are the bytes of all entries.
func (h header) rawEntries(r io.ReaderAt) ([]byte, error) {
	data := make([]byte, h.entries*h.stride)
	if _, err := r.ReadAt(data, int64(h.table)*SectorSize); err != nil {
		return nil, fmt.Errorf("cannot read the partition table: %w", err)
	}
	if crc32.ChecksumIEEE(data) != h.crc {
		return nil, errors.New("cannot read the partition table: its checksum is wrong")
	}
	return data, nil
}

func (h header) read(r io.ReaderAt) (Table, error) {
	data, err := h.rawEntries(r)
	if err != nil {
		return Table{}, err
	}
	t := Table{Kind: GPT}
	for i := range h.entries {
		e := data[i*h.stride:][:gptEntrySize]
		if isZero(e[:16]) {
			continue
		}
		first, last := binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
		if first == 0 || last < first || last > 1<<55 {
			return Table{}, fmt.Errorf("cannot read the partition table: partition %d ends before it begins", i+1)
		}
		t.Parts = append(t.Parts, Part{Number: i + 1, Start: first, Sectors: last - first + 1, Type: formatGUID(e[:16])})
	}
	return t, nil
}

func isZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

func writeGPT(f *os.File, size int64, t Table) error {
	data := make([]byte, gptEntries*gptEntrySize)
	for _, p := range t.Parts {
		kind, err := parseGUID(p.Type)
		if err != nil {
			return err
		}
		e := data[(p.Number-1)*gptEntrySize:]
		copy(e, kind)
		if err := newGUID(e[16:32]); err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(e[32:], p.Start)
		binary.LittleEndian.PutUint64(e[40:], p.End()-1)
	}
	raw := make([]byte, gptHeaderSize)
	copy(raw, "EFI PART\x00\x00\x01\x00")
	binary.LittleEndian.PutUint32(raw[12:], gptHeaderSize)
	binary.LittleEndian.PutUint64(raw[40:], 2+tableSectors)
	if err := newGUID(raw[56:72]); err != nil {
		return err
	}
	h := header{raw: raw, table: 2, entries: gptEntries, stride: gptEntrySize}
	if err := writeCover(f, size); err != nil {
		return err
	}
	return h.write(f, size, data)
}

// writeCover writes the MBR before a GPT.
func writeCover(f *os.File, size int64) error {
	t := Table{Kind: MBR, Parts: []Part{{Number: 1, Start: 1, Sectors: uint64(size)/SectorSize - 1, Type: protective}}}
	return writeMBR(f, t)
}

// write writes both copies, the backup first: with one of them a table is found
// again after a power cut.
func (h header) write(f *os.File, size int64, data []byte) error {
	sectors := uint64(size) / SectorSize
	span := (uint64(len(data)) + SectorSize - 1) / SectorSize
	backup := sectors - 1 - span
	raw := bytes.Clone(h.raw)
	binary.LittleEndian.PutUint64(raw[48:], backup-1) // the last sector for partitions
	binary.LittleEndian.PutUint32(raw[80:], uint32(h.entries))
	binary.LittleEndian.PutUint32(raw[84:], uint32(h.stride))
	binary.LittleEndian.PutUint32(raw[88:], crc32.ChecksumIEEE(data))
	for _, c := range []struct{ own, other, table uint64 }{{sectors - 1, 1, backup}, {1, sectors - 1, h.table}} {
		if _, err := f.WriteAt(data, int64(c.table)*SectorSize); err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(raw[24:], c.own)
		binary.LittleEndian.PutUint64(raw[32:], c.other)
		binary.LittleEndian.PutUint64(raw[72:], c.table)
		clear(raw[16:20])
		binary.LittleEndian.PutUint32(raw[16:], crc32.ChecksumIEEE(raw))
		if _, err := f.WriteAt(raw, int64(c.own)*SectorSize); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// growGPT changes the end of a partition; the backup moves to the disk's end.
func growGPT(f *os.File, size int64, p Part) error {
	sector := make([]byte, SectorSize)
	if _, err := f.ReadAt(sector, SectorSize); err != nil {
		return err
	}
	h, ok := parseHeader(sector, size)
	if !ok {
		return errors.New("the partition table has changed")
	}
	data, err := h.rawEntries(f)
	if err != nil {
		return err
	}
	if p.Number < 1 || p.Number > h.entries {
		return errors.New("the partition table has changed")
	}
	binary.LittleEndian.PutUint64(data[(p.Number-1)*h.stride+40:], p.End()-1)
	if err := h.write(f, size, data); err != nil {
		return err
	}
	return coverGrown(f, size)
}

// coverGrown lets the MBR before the table speak of the whole disk; what boot
// code there is before it stays.
func coverGrown(f *os.File, size int64) error {
	e, err := mbrBytes(Part{Start: 1, Sectors: uint64(size)/SectorSize - 1, Type: protective})
	if err != nil {
		return err
	}
	old := make([]byte, mbrEntry)
	if _, err := f.ReadAt(old, mbrTable); err != nil {
		return err
	}
	if old[4] != 0xEE { // a hybrid table: somebody made it by hand
		return nil
	}
	_, err = f.WriteAt(e, mbrTable)
	return err
}

// parseGUID reads a GUID; of its five groups the first three are in the order of
// small machines.
func parseGUID(text string) ([]byte, error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != 16 {
		return nil, fmt.Errorf("cannot read GUID %q", text)
	}
	return swapGUID(raw), nil
}

func formatGUID(b []byte) string { return uuid(swapGUID(b)) }

func swapGUID(b []byte) []byte {
	return []byte{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]}
}

// newGUID makes one by chance.
func newGUID(b []byte) error {
	if _, err := rand.Read(b); err != nil {
		return fmt.Errorf("cannot make a GUID: %w", err)
	}
	b[7] = b[7]&0x0F | 0x40
	b[8] = b[8]&0x3F | 0x80
	return nil
}
