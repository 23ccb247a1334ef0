package block

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestProbe reads the heads of file systems that mkfs.ext4, mkfs.ext2, mkfs.vfat
// and genisoimage made; what is wanted is what blkid says of them.
func TestProbe(t *testing.T) {
	for name, want := range map[string]Superblock{
		"ext4":               {FSType: "ext4", Label: "RANCHER_STATE", UUID: "12345678-9abc-def0-1234-56789abcdef0"},
		"ext2-not-unmounted": {FSType: "ext4", Label: "old", UUID: "12345678-9abc-def0-1234-56789abcdef1", Dirty: true},
		"fat12":              {FSType: "vfat", Label: "CIDATA", UUID: "1234-ABCD"},
		"fat16":              {FSType: "vfat", Label: "CONFIG-2", UUID: "0000-BEEF"},
		"fat32":              {FSType: "vfat", Label: "cidata", UUID: "CAFE-0001"},
		"fat-without-label":  {FSType: "vfat", UUID: "0000-0001"},
		"iso9660":            {FSType: "iso9660", Label: "config-2", UUID: "2026-11-24-06-10-59"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Probe(bytes.NewReader(image(t, name)))
			if err != nil {
				t.Fatal(err)
			}
			got.Size = 0
			got.UUID = got.UUID[:min(len(got.UUID), len(want.UUID))] // hundredths of an ISO's time are not blkid's
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestProbeKnowsThatItKnowsNothing(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing": {}, "one byte": {1}, "zeros": make([]byte, 1<<20), "half a superblock": image(t, "ext4")[:0x500],
		"only a boot sector": append(make([]byte, 510), 0x55, 0xAA),
	} {
		if got, err := Probe(bytes.NewReader(data)); err != nil || got != (Superblock{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestTheLabelInTheRootFolderCounts changes a label as Windows does.
func TestTheLabelInTheRootFolderCounts(t *testing.T) {
	data := image(t, "fat12")
	at := bytes.LastIndex(data, []byte("CIDATA     \x08"))
	copy(data[at:], "NEWLABEL   ")
	if got, err := Probe(bytes.NewReader(data)); err != nil || got.Label != "NEWLABEL" {
		t.Errorf("label %q, %v", got.Label, err)
	}
}

func FuzzProbe(f *testing.F) {
	for _, name := range []string{"ext4", "fat12", "fat16", "fat32", "iso9660"} {
		f.Add(image(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sb, err := Probe(bytes.NewReader(data))
		if err != nil || sb.FSType == "" && sb != (Superblock{}) {
			t.Errorf("%+v, %v", sb, err)
		}
	})
}

func image(tb testing.TB, name string) []byte {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata/disks", name+".gz"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
