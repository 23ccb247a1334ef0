package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/google/renameio/v2"
)

// ErrNoMachine says that no machine has that name.
var ErrNoMachine = errors.New("no such machine")

// Store is the folder that holds all machines.
type Store struct {
	home string
}

// OpenStore uses the folder home.
func OpenStore(home string) (*Store, error) {
	abs, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("cannot find folder %q: %w", home, err)
	}
	if err := os.MkdirAll(filepath.Join(abs, "machines"), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder for machines: %w", err)
	}
	return &Store{home: abs}, nil
}

// DefaultHome is $ROSMACHINE_HOME, else a folder of the user, else, for root,
// one of the host.
func DefaultHome() string {
	if home := os.Getenv("ROSMACHINE_HOME"); home != "" {
		return home
	}
	user, err := os.UserHomeDir()
	if os.Geteuid() == 0 || err != nil {
		return "/var/lib/rosmachine"
	}
	return filepath.Join(user, ".local/share/rosmachine")
}

func (s *Store) dir(name string) string { return filepath.Join(s.home, "machines", name) }

// Open finds the machine with that name.
func (s *Store) Open(name string) (*Machine, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	m := &Machine{store: s, dir: s.dir(name)}
	err := readJSON(m.path("machine.json"), &m.Spec)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot find machine %q: %w", name, ErrNoMachine)
	}
	return m, err
}

// List returns all machines by name.
func (s *Store) List() ([]*Machine, error) {
	entries, err := os.ReadDir(filepath.Join(s.home, "machines"))
	if err != nil {
		return nil, fmt.Errorf("cannot list machines: %w", err)
	}
	var all []*Machine
	for _, e := range entries {
		m, err := s.Open(e.Name())
		if errors.Is(err, ErrNoMachine) {
			continue // being made, or removed, right now
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Spec.Name < all[j].Spec.Name })
	return all, nil
}

// create makes the folder, the key and the disks of a new machine. When it
// fails, nothing is left of it.
func (s *Store) create(ctx context.Context, spec Spec) (made *Machine, err error) {
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return nil, fmt.Errorf("cannot make an identity: %w", err)
	}
	spec.ID, spec.Created = hex.EncodeToString(id), time.Now().Truncate(time.Second)
	m := &Machine{store: s, dir: s.dir(spec.Name), Spec: spec}
	if err := os.Mkdir(m.dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make machine %q: %w", spec.Name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(m.dir))
		}
	}()
	if err := writeKey(m.path("id_ed25519"), "rosmachine "+spec.Name); err != nil {
		return nil, err
	}
	if err := m.makeStorage(ctx); err != nil {
		return nil, err
	}
	return m, m.save()
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("cannot understand %s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := renameio.WriteFile(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
