package host

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdomanski/iso9660"
	"go.yaml.in/yaml/v3"
)

// seedDisk reads a NoCloud disk back.
func seedDisk(t *testing.T, path string) (label string, files map[string]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	image, err := iso9660.OpenImage(f)
	if err != nil {
		t.Fatal(err)
	}
	if label, err = image.Label(); err != nil {
		t.Fatal(err)
	}
	root, err := image.RootDir()
	if err != nil {
		t.Fatal(err)
	}
	children, err := root.GetChildren()
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, c := range children {
		data, err := io.ReadAll(c.Reader())
		if err != nil {
			t.Fatal(err)
		}
		files[c.Name()] = string(data)
	}
	return label, files
}

func TestTheSeedDiskHoldsTheUsersFileAndTheMachinesKey(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine})
	userData := "#cloud-config\nhostname: x # user_data\n"
	file := filepath.Join(t.TempDir(), "c.yml")
	if err := os.WriteFile(file, []byte(userData), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.writeSeed(file); err != nil {
		t.Fatal(err)
	}
	label, files := seedDisk(t, m.path("cidata.iso"))
	if label != "cidata" || files["user-data"] != userData || len(files) != 2 {
		t.Errorf("label %q, files %q", label, files)
	}
	var meta struct {
		InstanceID string   `yaml:"instance-id"`
		Hostname   string   `yaml:"local-hostname"`
		Keys       []string `yaml:"public-keys"`
	}
	if err := yaml.Unmarshal([]byte(files["meta-data"]), &meta); err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(m.path("id_ed25519.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if len(meta.Keys) != 1 || meta.Keys[0]+"\n" != string(public) || meta.Hostname != "a" || meta.InstanceID != "a-"+m.Spec.ID {
		t.Errorf("metadata: %+v", meta)
	}
}

func TestAnotherStartKeepsTheUsersFile(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: Namespaces})
	seed := func() string {
		data, err := os.ReadFile(m.path("seed/user-data"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if err := m.writeSeed(""); err != nil || seed() != "#cloud-config\n" {
		t.Errorf("without a file: %q, %v", seed(), err)
	}
	file := filepath.Join(t.TempDir(), "c.yml")
	if err := os.WriteFile(file, []byte("hostname: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{file, ""} {
		if err := m.writeSeed(given); err != nil || seed() != "hostname: x\n" {
			t.Errorf("given %q: %q, %v", given, seed(), err)
		}
	}
}

func TestAFolderOfTheUsersIsTheSeedAsItIs(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: Namespaces, Seed: t.TempDir()})
	if err := m.writeSeed(""); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(m.Spec.Seed)
	if err != nil || len(entries) > 0 || m.seedFolder() != m.Spec.Seed {
		t.Errorf("seed %s has %v, %v", m.seedFolder(), entries, err)
	}
	if err := m.writeSeed("c.yml"); err == nil {
		t.Error("a cloud-config beside it is taken")
	}
	m.Spec.Kind = VirtualMachine
	if err := m.writeSeed(""); err == nil || !strings.Contains(err.Error(), "cloud-localds") {
		t.Errorf("a folder is taken for a virtual machine's disk: %v", err)
	}
	m.Spec.Kind, m.Spec.Seed = Namespaces, m.Spec.Seed+"/none"
	if err := m.writeSeed(""); err == nil {
		t.Error("a folder that is not there is taken")
	}
}
