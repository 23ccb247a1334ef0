package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Entry is a service file that can be enabled by its name.
type Entry struct {
	Name string `json:"name"`
	File string `json:"file"` // on the machine
}

// List returns what can be enabled by name, sorted. A file of the image hides
// one of the same name that a user saved.
func List(root string) ([]Entry, error) {
	var out []Entry
	for _, folder := range []string{ImageFolder, UserFolder} {
		files, err := os.ReadDir(filepath.Join(root, folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot list the services in %s: %w", folder, err)
		}
		for _, f := range files {
			name, isYAML := strings.CutSuffix(f.Name(), suffix)
			if !isYAML || f.IsDir() || strings.HasPrefix(name, ".") || folder == UserFolder && isConfig(f.Name()) {
				continue
			}
			if !slices.ContainsFunc(out, func(e Entry) bool { return e.Name == name }) {
				out = append(out, Entry{Name: name, File: path.Join(folder, f.Name())})
			}
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// isConfig says that a file of the user's folder is the machine's configuration.
func isConfig(file string) bool { return file == "cloud-config.yml" }
