package block

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testSize = 64 << 20

// blank is a file that stands for a disk.
func blank(t *testing.T, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return f
}

func holds(t *testing.T, f *os.File) string {
	t.Helper()
	size, err := SizeOf(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Holds(f, size)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestATableIsReadAsItWasWritten(t *testing.T) {
	shares := []Share{{Percent: 25}, {Percent: 25, Type: "82"}, {Percent: 50, Type: "ef"}}
	for _, kind := range []string{MBR, GPT} {
		t.Run(kind, func(t *testing.T) {
			f := blank(t, testSize)
			if got := holds(t, f); got != "" {
				t.Errorf("a blank disk holds %q", got)
			}
			want, err := MakeTable(kind, testSize, shares)
			if err != nil {
				t.Fatal(err)
			}
			if err := WriteTable(f, testSize, want); err != nil {
				t.Fatal(err)
			}
			got, found, err := ReadTable(f, testSize)
			if err != nil || !found || len(got.Parts) != 3 || !got.Like(want, testSize) {
				t.Fatalf("read %+v, %v, %v; want %+v", got, found, err, want)
			}
			for i, p := range got.Parts {
				if p != want.Parts[i] || p.Start%align != 0 {
					t.Errorf("partition %+v, want %+v", p, want.Parts[i])
				}
			}
			if got := holds(t, f); got != "a partition table with 3 partitions" {
				t.Errorf("it holds %q", got)
			}
		})
	}
}

func TestAPartitionGrowsWithItsDisk(t *testing.T) {
	for _, kind := range []string{MBR, GPT} {
		t.Run(kind, func(t *testing.T) {
			f := blank(t, testSize)
			table, err := MakeTable(kind, testSize, []Share{{Percent: 50}, {Percent: 50}})
			if err != nil {
				t.Fatal(err)
			}
			if err := WriteTable(f, testSize, table); err != nil {
				t.Fatal(err)
			}
			if p, ok := Grow(table, testSize, 2); ok {
				t.Errorf("a full disk lets grow %+v", p)
			}
			if err := f.Truncate(2 * testSize); err != nil {
				t.Fatal(err)
			}
			if p, ok := Grow(table, 2*testSize, 1); ok {
				t.Errorf("partition 1 grows over the next one: %+v", p)
			}
			grown, ok := Grow(table, 2*testSize, 2)
			if !ok {
				t.Fatal("partition 2 does not grow")
			}
			if err := WriteGrown(f, 2*testSize, table, grown); err != nil {
				t.Fatal(err)
			}
			got, found, err := ReadTable(f, 2*testSize)
			if err != nil || !found || got.Parts[1] != grown || got.Parts[0] != table.Parts[0] {
				t.Errorf("read %+v, %v, want %+v", got, err, grown)
			}
			if kind == GPT {
				backup := make([]byte, SectorSize)
				if _, err := f.ReadAt(backup, 2*testSize-SectorSize); err != nil {
					t.Fatal(err)
				}
				if h, ok := parseHeader(backup, 2*testSize); !ok || h.table != 2*testSize/SectorSize-backupSectors {
					t.Error("the second copy is not at the end of the disk")
				}
			}
		})
	}
}

func TestTablesThatCannotBe(t *testing.T) {
	for name, make := range map[string]func() (Table, error){
		"more than the disk": func() (Table, error) { return MakeTable(GPT, testSize, []Share{{Percent: 60}, {Percent: 60}}) },
		"five of mbr": func() (Table, error) {
			return MakeTable(MBR, testSize, []Share{{1, ""}, {1, ""}, {1, ""}, {1, ""}, {1, ""}})
		},
		"a disk of 3 TiB":       func() (Table, error) { return MakeTable(MBR, 3<<40, []Share{{Percent: 100}}) },
		"an unknown type":       func() (Table, error) { return MakeTable(MBR, testSize, []Share{{100, "zz"}}) },
		"an unknown type (gpt)": func() (Table, error) { return MakeTable(GPT, testSize, []Share{{100, "99"}}) },
		"a tiny disk":           func() (Table, error) { return MakeTable(GPT, 1<<20, []Share{{Percent: 100}}) },
	} {
		if table, err := make(); err == nil {
			t.Errorf("%s: %+v", name, table)
		}
	}
}

func TestForeignDataIsSeen(t *testing.T) {
	swap := append(bytes.Repeat([]byte{0}, 4086), "SWAPSPACE2"...)
	raid := append(make([]byte, 4096), 0xFC, 0x4E, 0x2B, 0xA9)
	btrfs := append(make([]byte, 0x10040), "_BHRfS_M"...)
	for want, data := range map[string][]byte{
		"a file system of type swap": swap, "an encrypted volume": []byte("LUKS\xba\xbe"),
		"a physical volume of LVM": append(make([]byte, 512), "LABELONE"...), "a member of a software RAID": raid,
		"a file system of type xfs": []byte("XFSB"), "a file system of type btrfs": btrfs,
		"data of an unknown kind": []byte("x"), "a file system of type ntfs": []byte("\xeb\x52\x90NTFS    "),
	} {
		f := blank(t, testSize)
		if _, err := f.WriteAt(data, 0); err != nil {
			t.Fatal(err)
		}
		if got := holds(t, f); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f := blank(t, testSize)
	if _, err := f.WriteAt([]byte{1}, testSize-1); err != nil {
		t.Fatal(err)
	}
	if got := holds(t, f); got != "data of an unknown kind" {
		t.Errorf("data at the end is %q", got)
	}
	if err := Wipe(f, testSize); err != nil || holds(t, f) != "" {
		t.Errorf("after a wipe it holds %q, %v", holds(t, f), err)
	}
}

func TestADamagedTableIsAnErrorAndNotBlank(t *testing.T) {
	f := blank(t, testSize)
	table, err := MakeTable(GPT, testSize, []Share{{Percent: 100}})
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteTable(f, testSize, table); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xFE}, 2*SectorSize+40); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadTable(f, testSize); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v", err)
	}
}

func FuzzReadTable(f *testing.F) {
	for _, name := range []string{"ext4", "fat16"} {
		f.Add(image(f, name)[:4096])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, found, err := ReadTable(bytes.NewReader(data), int64(len(data)))
		if (err != nil || !found) && len(table.Parts) > 0 {
			t.Errorf("%+v, %v, %v", table, found, err)
		}
		for _, p := range table.Parts {
			if _, ok := Grow(table, int64(len(data)), p.Number); ok && p.Start == 0 {
				t.Errorf("grows %+v", p)
			}
		}
	})
}
