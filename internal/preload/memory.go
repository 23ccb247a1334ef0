package preload

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ros-os/ros/internal/source"
)

// stateFile is where it is remembered what was loaded.
const stateFile = ".state.json"

// loaded is what is known about a file that was loaded.
type loaded struct {
	Size   int64     `json:"size"`
	Time   time.Time `json:"modified"`
	Digest string    `json:"digest"`
	Daemon string    `json:"daemon"` // the identity of the data it was loaded into
	Images []string  `json:"images"`
}

// is says whether a file looks as it did when it was loaded.
func (l loaded) is(s stamp) bool { return l.Size == s.size && l.Time.Equal(s.time) }

// memory is what was loaded, by file, kept over a reboot.
type memory struct {
	path string

	mu  sync.Mutex
	all map[string]loaded
}

// recall reads what is remembered. What cannot be read is forgotten: the files
// are loaded once more.
func recall(path string) *memory {
	m := &memory{path: path, all: map[string]loaded{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return m
	}
	if all, err := parseState(text); err == nil {
		m.all = all
	}
	return m
}

func parseState(text []byte) (map[string]loaded, error) {
	all := map[string]loaded{}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("cannot read what was preloaded: %w", err)
	}
	if all == nil { // the text is "null"
		all = map[string]loaded{}
	}
	return all, nil
}

func (m *memory) get(key string) (loaded, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.all[key]
	return l, ok
}

// put remembers a file durably.
func (m *memory) put(key string, l loaded) error {
	return m.change(func(all map[string]loaded) { all[key] = l })
}

// keep forgets the files of a folder that are not among those given.
func (m *memory) keep(folder string, files map[string]bool) error {
	gone := func(key string) bool { return filepath.Dir(key) == folder && !files[key] }
	m.mu.Lock()
	some := false
	for key := range m.all {
		some = some || gone(key)
	}
	m.mu.Unlock()
	if !some {
		return nil
	}
	return m.change(func(all map[string]loaded) {
		maps.DeleteFunc(all, func(key string, _ loaded) bool { return gone(key) })
	})
}

func (m *memory) change(do func(all map[string]loaded)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	do(m.all)
	text, err := json.MarshalIndent(m.all, "", "  ")
	if err == nil {
		err = source.WriteFile(m.path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot remember what was preloaded: %w", err)
	}
	return nil
}
