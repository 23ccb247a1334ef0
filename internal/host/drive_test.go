package host

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADiskIsASizeOrAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"data.img", "8G"} {
		if err := os.WriteFile(name, []byte("data"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		text string
		want Disk // none: refused
	}{
		{"8G", Disk{Size: 8 << 30}},
		{"data.img", Disk{File: filepath.Join(here, "data.img")}},
		{"./8G", Disk{File: filepath.Join(here, "8G")}},
		{"other.img", Disk{}},
		{"-1G", Disk{}},
		{"", Disk{}},
	} {
		t.Run(row.text, func(t *testing.T) {
			got, err := ParseDisk(row.text)
			if got != row.want || (err == nil) != (row.want != Disk{}) {
				t.Fatalf("ParseDisk(%q) = %v, %v; want %v", row.text, got, err, row.want)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var again Disk
			if err := json.Unmarshal(text, &again); err != nil || again != got {
				t.Errorf("%s is read as %v, %v", text, again, err)
			}
		})
	}
}

func TestAFileOfTheUsersIsADiskAndStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data.img")
	if err := os.WriteFile(file, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine, Disks: []Disk{{Size: 1 << 20}, {File: file}}})
	if _, err := os.Stat(m.path("disk1.img")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a disk was made beside the user's: %v", err)
	}
	if err := m.Remove(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "data" {
		t.Errorf("after the machine was removed the file has %q, %v", data, err)
	}
}

func TestTheUsersKeyIsUsed(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine})
	if m.key() != m.path("id_ed25519") {
		t.Errorf("without a key of the user's: %s", m.key())
	}
	m.Spec.Key = filepath.Join(t.TempDir(), "key")
	if err := checkFiles(&m.Spec); err == nil {
		t.Error("a key that is not there is taken")
	}
	for mode, problem := range map[os.FileMode]string{0o600: "", 0o640: "chmod 600"} {
		if err := errors.Join(os.WriteFile(m.Spec.Key, []byte("key"), 0o600), os.Chmod(m.Spec.Key, mode)); err != nil {
			t.Fatal(err)
		}
		err := checkFiles(&m.Spec)
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	cmd := m.ssh(t.Context(), &Run{SSHPort: 22}, false, "rancher", "true")
	if !strings.Contains(strings.Join(cmd.Args, " "), "-i "+m.Spec.Key+" ") {
		t.Errorf("%v", cmd.Args)
	}
}
