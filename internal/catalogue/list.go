package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/pin"
)

// Entry is a service that can be enabled by its name.
type Entry struct {
	Name       string
	File       string    // on the machine; "" when it is in a repository
	Repository string    // its name
	URL        string    // as it may be shown
	Pinned     bool      // its sum is in the configuration
	Copied     time.Time // when the copy on the machine was last known to be what is there; zero: there is none
}

// List returns what can be enabled by name, sorted. A file of the image hides
// one of the same name that a user saved, and both hide what repositories have.
func List(root string, cfg cloudconfig.Config) ([]Entry, error) {
	return newLoader(cfg, Options{Root: root}).list()
}

func (l *loader) list() ([]Entry, error) {
	out := map[string]Entry{}
	for _, folder := range []string{ImageFolder, UserFolder} {
		files, err := os.ReadDir(filepath.Join(l.root, folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot list the services in %s: %w", folder, err)
		}
		for _, f := range files {
			name, isYAML := strings.CutSuffix(f.Name(), suffix)
			if !isYAML || f.IsDir() || strings.HasPrefix(name, ".") || folder == UserFolder && isConfig(f.Name()) {
				continue
			}
			if _, hidden := out[name]; !hidden {
				out[name] = Entry{Name: name, File: path.Join(folder, f.Name())}
			}
		}
	}
	for _, s := range l.shelves {
		for _, name := range s.index.Services {
			if _, hidden := out[name]; !hidden {
				out[name] = l.entry(s, name)
			}
		}
	}
	return slices.SortedFunc(maps.Values(out), func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) }), nil
}

// entry is a service of a repository.
func (l *loader) entry(s shelf, name string) Entry {
	ref, _ := s.Definition(name) // the index has no other names
	e := Entry{Name: name, Repository: s.Name, URL: ref.String(), Pinned: ref.SHA256 != ""}
	if p, found := l.cache.Get(ref.URL); found && ref.Accepts(p.SHA256) {
		e.Copied = p.Checked
	}
	return e
}

// State is how the copy of a repository's index stands.
type State struct {
	Name    string
	URL     string    // as it may be shown
	Checked time.Time // zero: there is no copy
}

// States are how the repositories of a configuration stand, in their order.
func States(root string, cfg cloudconfig.Config) []State {
	var out []State
	for _, s := range newLoader(cfg, Options{Root: root}).shelves {
		out = append(out, State{Name: s.Name, URL: s.String(), Checked: s.checked})
	}
	return out
}

// Describe is how a key of rancher.services_include stands, where it is not the
// name of what [List] returns: an address.
func Describe(root, key string) Entry {
	e := Entry{Name: key}
	ref, err := pin.Parse(key)
	if err != nil {
		return e
	}
	e.URL, e.Pinned = ref.String(), ref.SHA256 != ""
	if p, found := (Cache{root}).Get(ref.URL); found && ref.Accepts(p.SHA256) {
		e.Copied = p.Checked
	}
	return e
}

// isConfig says that a file of the user's folder is the machine's configuration.
func isConfig(file string) bool { return file == "cloud-config.yml" }

// exists says whether there is something at a path.
func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
