package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Machine is one machine: a folder with what it was asked to be, its key, its
// disks or state, its logs.
type Machine struct {
	Spec  Spec
	store *Store
	dir   string
}

func (m *Machine) path(elem ...string) string {
	return filepath.Join(append([]string{m.dir}, elem...)...)
}

// ConsoleLog is the file with everything the machine's console showed since
// the last start.
func (m *Machine) ConsoleLog() string { return m.path("console.log") }

// SupervisorLog is the file with what the supervisor did.
func (m *Machine) SupervisorLog() string { return m.path("supervisor.log") }

func (m *Machine) save() error { return writeJSON(m.path("machine.json"), &m.Spec) }

// group is the machine's control group, in every hierarchy.
func (m *Machine) group() string { return "rosmachine." + m.Spec.Name + "." + m.Spec.ID }

// lock takes the machine for one supervisor. The kernel gives it back when
// that process dies, however it dies.
func (m *Machine) lock() (*os.File, error) {
	f, err := os.OpenFile(m.path("lock"), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock machine %q: %w", m.Spec.Name, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("cannot start machine %q: it is running already", m.Spec.Name)
		}
		return nil, fmt.Errorf("cannot lock machine %q: %w", m.Spec.Name, err)
	}
	return f, nil
}

// makeStorage lays out what keeps the machine's state.
func (m *Machine) makeStorage(ctx context.Context) error {
	for i, d := range m.Spec.Disks {
		if d.File != "" {
			continue
		}
		if err := sparse(m.path(d.image(i)), d.Size); err != nil {
			return err
		}
	}
	if m.Spec.Kind != Namespaces {
		return nil
	}
	for _, dir := range []string{"state", "mnt"} {
		if err := os.Mkdir(m.path(dir), 0o755); err != nil {
			return fmt.Errorf("cannot make machine %q: %w", m.Spec.Name, err)
		}
	}
	if m.Spec.StateSize == 0 {
		return nil
	}
	if err := sparse(m.path("state.img"), m.Spec.StateSize); err != nil {
		return err
	}
	return formatState(ctx, m.path("state.img"))
}

// key is the file of the private key that the machine lets in.
func (m *Machine) key() string {
	if m.Spec.Key != "" {
		return m.Spec.Key
	}
	return m.path("id_ed25519")
}

func sparse(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make a disk: %w", err)
	}
	err = errors.Join(f.Truncate(size), f.Close())
	if err != nil {
		return fmt.Errorf("cannot make a disk of %d bytes: %w", size, err)
	}
	return nil
}

func formatState(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-L", "RANCHER_STATE", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot format the state: %w: %s", err, out)
	}
	return nil
}
