package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kdomanski/iso9660"
)

// seedFolder is what the machine's datasource reads.
func (m *Machine) seedFolder() string {
	if m.Spec.Seed != "" {
		return m.Spec.Seed
	}
	return m.path("seed")
}

// seedDisk is the image of the machine's datasource, of a virtual machine.
func (s *Spec) seedDisk() string {
	if s.Seed != "" {
		return s.Seed
	}
	return "cidata.iso"
}

// writeSeed lays out what the machine's datasource reads: the user's file as
// it is, and metadata with the machine's own SSH key. An empty userData keeps
// the file of the boot before. A folder or a disk of the user's own is left as it is.
func (m *Machine) writeSeed(userData string) error {
	if m.Spec.Seed != "" {
		return m.checkSeed(userData)
	}
	if err := os.MkdirAll(m.path("seed"), 0o700); err != nil {
		return fmt.Errorf("cannot make the seed: %w", err)
	}
	public, err := os.ReadFile(m.path("id_ed25519.pub"))
	if err != nil {
		return fmt.Errorf("cannot make the seed: %w", err)
	}
	files := map[string][]byte{"meta-data": metaData(&m.Spec, string(public))}
	switch {
	case userData != "":
		if files["user-data"], err = os.ReadFile(userData); err != nil {
			return fmt.Errorf("cannot read the cloud-config: %w", err)
		}
	case !exists(m.path("seed/user-data")):
		files["user-data"] = []byte("#cloud-config\n")
	}
	for name, data := range files {
		if err := os.WriteFile(m.path("seed", name), data, 0o600); err != nil {
			return fmt.Errorf("cannot make the seed: %w", err)
		}
	}
	if m.Spec.Kind == VirtualMachine {
		return writeISO(m.path("cidata.iso"), m.path("seed"))
	}
	return nil
}

func (m *Machine) checkSeed(userData string) error {
	if userData != "" {
		return fmt.Errorf("cannot give machine %q a cloud-config: it has the seed %s", m.Spec.Name, m.Spec.Seed)
	}
	info, err := os.Stat(m.Spec.Seed)
	switch {
	case err != nil:
		return fmt.Errorf("cannot find the seed: %w", err)
	case m.Spec.Kind == Namespaces && !info.IsDir():
		return fmt.Errorf("cannot use %s as a seed: it is no folder, as --ns needs", m.Spec.Seed)
	case m.Spec.Kind == VirtualMachine && info.IsDir():
		return fmt.Errorf("cannot use %s as a seed: it is a folder, and --vm needs a disk; make one, as with `cloud-localds seed.img user-data meta-data`", m.Spec.Seed)
	}
	return nil
}

func metaData(spec *Spec, public string) []byte {
	return fmt.Appendf(nil, "instance-id: %s-%s\nlocal-hostname: %s\npublic-keys:\n- %q\n",
		spec.Name, spec.ID, spec.Name, strings.TrimSpace(public))
}

// writeISO makes the NoCloud disk out of a folder.
func writeISO(path, folder string) error {
	w, err := iso9660.NewWriter()
	if err != nil {
		return fmt.Errorf("cannot make the seed disk: %w", err)
	}
	defer func() { _ = w.Cleanup() }() // only its temporary folder
	for _, name := range []string{"user-data", "meta-data"} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return fmt.Errorf("cannot make the seed disk: %w", err)
		}
		if err := w.AddFile(bytes.NewReader(data), name); err != nil {
			return fmt.Errorf("cannot put %s on the seed disk: %w", name, err)
		}
	}
	var image bytes.Buffer
	if err := w.WriteTo(&image, "cidata"); err != nil {
		return fmt.Errorf("cannot make the seed disk: %w", err)
	}
	if err := os.WriteFile(path, image.Bytes(), 0o600); err != nil {
		return fmt.Errorf("cannot write the seed disk: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
