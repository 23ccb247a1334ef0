package block

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	mbrEntries = 4
	mbrTable   = 446 // where the entries are
	mbrEntry   = 16
	protective = "ee" // the entry that hides a GPT from those that do not know it
)

// parseMBR reads the primary partitions. The boot sector of a FAT has the same
// mark and no entries that make sense.
func parseMBR(sector []byte, sectors uint64) (Table, bool) {
	if len(sector) < SectorSize || sector[510] != 0x55 || sector[511] != 0xAA {
		return Table{}, false
	}
	t := Table{Kind: MBR}
	for i := range mbrEntries {
		e := sector[mbrTable+i*mbrEntry:][:mbrEntry]
		p := Part{
			Number: i + 1, Type: fmt.Sprintf("%02x", e[4]),
			Start:   uint64(binary.LittleEndian.Uint32(e[8:])),
			Sectors: uint64(binary.LittleEndian.Uint32(e[12:])),
		}
		if e[0] != 0 && e[0] != 0x80 || e[4] != 0 && (p.Start == 0 || p.Start >= sectors) {
			return Table{}, false
		}
		if e[4] != 0 {
			t.Parts = append(t.Parts, p)
		}
	}
	return t, true
}

func mbrBytes(p Part) ([]byte, error) {
	kind, err := strconv.ParseUint(p.Type, 16, 8)
	if err != nil {
		return nil, fmt.Errorf("cannot use partition type %q: %w", p.Type, err)
	}
	e := make([]byte, mbrEntry)
	copy(e[1:], []byte{0xFE, 0xFF, 0xFF}) // cylinders, heads and sectors are not used
	e[4] = byte(kind)
	copy(e[5:], []byte{0xFE, 0xFF, 0xFF})
	binary.LittleEndian.PutUint32(e[8:], uint32(p.Start))
	binary.LittleEndian.PutUint32(e[12:], uint32(min(p.Sectors, 1<<32-1)))
	return e, nil
}

func writeMBR(w io.WriterAt, t Table) error {
	sector := make([]byte, SectorSize)
	for _, p := range t.Parts {
		e, err := mbrBytes(p)
		if err != nil {
			return err
		}
		copy(sector[mbrTable+(p.Number-1)*mbrEntry:], e)
	}
	sector[510], sector[511] = 0x55, 0xAA
	_, err := w.WriteAt(sector, 0)
	return err
}

func growMBR(f *os.File, p Part) error {
	size := binary.LittleEndian.AppendUint32(nil, uint32(min(p.Sectors, 1<<32-1)))
	_, err := f.WriteAt(size, int64(mbrTable+(p.Number-1)*mbrEntry+12))
	return err
}

// gptTypes are what the numbers of MBR are called in a GPT.
var gptTypes = map[string]string{
	"83": "0fc63daf-8483-4772-8e79-3d69d8477de4", "82": "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
	"8e": "e6d6d379-f507-44c2-a23c-238f2a3df928", "fd": "a19d880f-05fc-4d3b-a006-743f0f84911e",
	"ef": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
	"07": "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "0b": "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
	"0c": "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
}

// partType is a type as the table writes it.
func partType(kind, text string) (string, error) {
	text = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(text), "0x"))
	if text == "" {
		text = "83"
	}
	if len(text) == 1 {
		text = "0" + text
	}
	if kind == GPT {
		// sgdisk's numbers have two digits more: 8300.
		if guid, ok := gptTypes[strings.TrimSuffix(text, "00")]; ok {
			return guid, nil
		}
		if _, err := parseGUID(text); err != nil {
			return "", fmt.Errorf("there is no partition type %q in a table of type gpt", text)
		}
		return text, nil
	}
	if n, err := strconv.ParseUint(text, 16, 8); err == nil && n > 0 {
		return text, nil
	}
	known := make([]string, 0, len(gptTypes))
	for name := range gptTypes {
		known = append(known, name)
	}
	slices.Sort(known)
	return "", fmt.Errorf("there is no partition type %q in a table of type mbr; usual are %s", text, strings.Join(known, ", "))
}
