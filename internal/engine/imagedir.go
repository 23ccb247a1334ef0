package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// imageDir is the folder with the system images that came with the machine.
type imageDir struct {
	dir string

	mu    sync.Mutex
	index map[string]systemImage // by reference; guarded by mu, as is changed
	// changed is when the index that was read had been written.
	changed time.Time
}

// systemImage is an entry of the folder's index.json.
type systemImage struct {
	File   string `json:"file"`
	ID     string `json:"id"`     // digest of its manifest: its ID in containerd's image store
	Config string `json:"config"` // digest of its configuration: its ID in a graph driver's
}

// lookUp returns the entry of a reference. A machine without a folder of images
// has none.
func (i *imageDir) lookUp(ref string) (systemImage, bool, error) {
	path := filepath.Join(i.dir, "index.json")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return systemImage{}, false, nil
	}
	if err != nil {
		return systemImage{}, false, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.index == nil || !i.changed.Equal(info.ModTime()) {
		index, err := readIndex(path)
		if err != nil {
			return systemImage{}, false, fmt.Errorf("cannot read %s: %w", path, err)
		}
		i.index, i.changed = index, info.ModTime()
	}
	image, ok := i.index[ref]
	return image, ok, nil
}

func readIndex(path string) (map[string]systemImage, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseIndex(text)
}

func parseIndex(text []byte) (map[string]systemImage, error) {
	var index map[string]systemImage
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	for ref, image := range index {
		if !filepath.IsLocal(image.File) || image.ID == "" {
			return nil, fmt.Errorf("image %s has no file or no id", ref)
		}
	}
	return index, nil
}

// current says whether what a daemon calls by a reference is what this machine
// means: always, unless the reference is a system image's.
func (i *imageDir) current(ref string, have imageFacts) bool {
	image, ok, err := i.lookUp(ref)
	return err != nil || !ok || image.is(have)
}

// is says whether a daemon's image is the one of the entry.
func (s systemImage) is(have imageFacts) bool {
	if have.id != "" && (have.id == s.ID || have.id == s.Config) {
		return true
	}
	return slices.ContainsFunc(have.digests, func(d string) bool { return strings.HasSuffix(d, "@"+s.ID) })
}
