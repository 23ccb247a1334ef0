package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func texts(t *testing.T, root string) []string {
	t.Helper()
	entries, err := History(root)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%d %s %s: %s", e.Number, e.Who, e.Command, bytes.TrimSpace(e.Text)))
	}
	return all
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEveryTextIsKept(t *testing.T) {
	root := inMemory(t)
	write := func(text string) {
		t.Helper()
		if err := (desk{root: root, disk: idle{}, now: at("a", 0)}).update(put(text, 0)); err != nil {
			t.Fatal(err)
		}
	}
	write("a: 1\n")
	write("a: 2\n")
	write("a: 2\n") // changes nothing
	if err := os.WriteFile(filepath.Join(root, CloudConfigFile), []byte("a: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	write("a: 4\n")
	same(t, texts(t, root), []string{
		"1  found as it was: ",
		"2 alice set hostname: a: 1",
		"3 alice set hostname: a: 2",
		"4  found as it was: a: 3",
		"5 alice set hostname: a: 4",
	})
	for path, mode := range map[string]fs.FileMode{historyDir: 0o700, historyDir + "/000003.yml": 0o600, CloudConfigFile: 0o600} {
		if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	for name, size := range map[string]int{"by number": 0, "by size": 1 << 18} {
		t.Run(name, func(t *testing.T) {
			root := inMemory(t)
			for i := range mostEntries + 20 {
				text := fmt.Sprintf("a: %d # %s\n", i, strings.Repeat("x", size))
				if err := (desk{root: root, disk: idle{}, now: at("a", i)}).update(put(text, 0)); err != nil {
					t.Fatal(err)
				}
			}
			all, err := History(root)
			if err != nil {
				t.Fatal(err)
			}
			kept := 0
			for _, e := range all {
				kept += len(e.Text)
			}
			if len(all) > mostEntries || kept > mostHistory || size == 0 && len(all) != mostEntries {
				t.Errorf("%d entries of %d bytes are kept", len(all), kept)
			}
			if last := all[len(all)-1].Number; last != mostEntries+21 {
				t.Errorf("the newest is %d", last)
			}
		})
	}
}

func TestATrialKeepsWhatItGoesBackTo(t *testing.T) {
	root := inMemory(t)
	d := desk{root: root, disk: idle{}, now: at("a", 0)}
	if err := d.update(put(firstText, 0)); err != nil {
		t.Fatal(err)
	}
	for i := range mostEntries + 20 {
		if err := d.update(put(fmt.Sprintf("a: %d\n", i), time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, v, err := d.revertNow(); v != Reverted || err != nil {
		t.Fatalf("%s, %v", v, err)
	}
	if text, err := Current(root); err != nil || string(text) != firstText {
		t.Errorf("the file has %q, %v", text, err)
	}
}

func TestADamagedEntryIsToldAndHoldsUpNothing(t *testing.T) {
	root := inMemory(t)
	d := desk{root: root, disk: idle{}, now: at("a", 0)}
	for _, text := range []string{firstText, secondText, thirdText} {
		if err := d.update(put(text, 0)); err != nil {
			t.Fatal(err)
		}
	}
	for file, text := range map[string]string{
		"000002.yml": "# {\"number\":2,\"sum\":\"00\"}\nhostname: x\n", "000003.yml": "no head", "000004.yml": "",
		"7.yml": "not a name of ours", "notes.txt": "mine",
	} {
		if err := os.WriteFile(filepath.Join(root, historyDir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := History(root)
	if len(entries) != 1 || err == nil || strings.Count(err.Error(), "damaged") != 3 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if _, err := HistoryEntry(root, 3); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
	if _, err := HistoryEntry(root, 9); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no history entry 9") {
		t.Errorf("got %v", err)
	}
	if err := d.update(put(firstText, 0)); err != nil {
		t.Error(err)
	}
	if e, err := HistoryEntry(root, 6); err != nil || string(e.Text) != firstText {
		t.Errorf("entry 6: %+v, %v", e, err)
	}
}

// FuzzHistoryEntry: whatever a file holds, reading it ends; what is read is what
// was written.
func FuzzHistoryEntry(f *testing.F) {
	f.Add("alice", "set hostname", []byte(firstText))
	f.Add("", "", []byte("\x00\xff\n\n# {}"))
	f.Fuzz(func(t *testing.T, who, command string, text []byte) {
		if e, err := parseEntry(text); err == nil && e.Sum != sum(e.Text) {
			t.Errorf("%q was taken", text)
		}
		e := Entry{Number: 1, Author: Author{Who: who, Command: command}, Sum: sum(text), Text: text}
		data, err := e.file()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseEntry(data)
		if err != nil || !bytes.Equal(got.Text, text) {
			t.Errorf("%+v became %+v, %v", e, got, err)
		}
	})
}
