package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ros-os/ros/internal/pin"
	"github.com/ros-os/ros/internal/source"
)

// CacheFolder has the copies of what came over the network.
const CacheFolder = "/var/lib/rancher/cache"

// MaxSize is how large a document may be, in bytes.
const MaxSize = 1 << 20

// maxHeader bounds what stands before the document in the file of a copy.
const maxHeader = 16 << 10

// Copy is a document as it was when somebody last looked.
type Copy struct {
	URL      string    `json:"url"`
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"modified,omitempty"` // Last-Modified, as the server wrote it
	Fetched  time.Time `json:"fetched"`            // when the text came
	Checked  time.Time `json:"checked"`            // when it was last known to be what is there
	SHA256   string    `json:"sha256"`             // of the text
	Text     []byte    `json:"-"`
}

// NewCopy is the copy of a text that came just now.
func NewCopy(address string, text []byte, now time.Time) Copy {
	return Copy{URL: address, SHA256: pin.Sum(text), Text: text, Fetched: now.UTC(), Checked: now.UTC()}
}

// Cache is the copies on the machine below a root. It may be used by several
// processes: a copy is replaced in one instant.
type Cache struct{ Root string }

// Get returns the copy of what is at an address. A copy that cannot be read, or
// is not what was written, counts as none: it is fetched again.
func (c Cache) Get(address string) (Copy, bool) {
	data, err := readFile(c.file(address), MaxSize+maxHeader)
	if err != nil {
		return Copy{}, false
	}
	return parseCopy(address, data)
}

func parseCopy(address string, data []byte) (Copy, bool) {
	header, text, found := bytes.Cut(data, []byte("\n"))
	line, isComment := bytes.CutPrefix(header, []byte("# "))
	var out Copy
	if !found || !isComment || json.Unmarshal(line, &out) != nil {
		return Copy{}, false
	}
	if out.URL != address || out.SHA256 != pin.Sum(text) {
		return Copy{}, false
	}
	out.Text = text
	return out, true
}

// Put keeps a copy durably, in place of the one that there was.
func (c Cache) Put(p Copy) error {
	header, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("cannot keep a copy of %s: %w", pin.Ref{URL: p.URL}, err)
	}
	if len(header) > maxHeader || len(p.Text) > MaxSize {
		return fmt.Errorf("cannot keep a copy of %s: it is too large", pin.Ref{URL: p.URL})
	}
	if err := os.MkdirAll(c.folder(), 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of copies: %w", err)
	}
	return source.WriteFile(c.file(p.URL), fmt.Appendf(nil, "# %s\n%s", header, p.Text))
}

// stale is how long a copy is kept that nobody asks for.
const stale = 30 * 24 * time.Hour

// Prune removes copies that are not wanted and old, and what a power cut left.
func (c Cache) Prune(wanted func(address string) bool, now time.Time) error {
	entries, err := os.ReadDir(c.folder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look through the copies: %w", err)
	}
	for _, e := range entries {
		file := filepath.Join(c.folder(), e.Name())
		info, look := e.Info()
		if look != nil || !info.Mode().IsRegular() || !ours(e.Name()) || c.keeps(file, wanted, now, info) {
			continue
		}
		if remove := os.Remove(file); remove != nil && !errors.Is(remove, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("cannot remove an old copy: %w", remove))
		}
	}
	return err
}

// ours says whether a file's name is one that Put gives, or the disk on the way:
// RancherOS kept its own copies in the same folder.
func ours(name string) bool {
	return strings.HasSuffix(name, suffix) || strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".tmp")
}

func (c Cache) keeps(file string, wanted func(string) bool, now time.Time, info fs.FileInfo) bool {
	age := now.Sub(info.ModTime())
	if strings.HasPrefix(filepath.Base(file), ".") {
		return age < time.Hour // somebody may be writing it
	}
	if age < stale {
		return true
	}
	data, err := readFile(file, MaxSize+maxHeader)
	if err != nil {
		return true
	}
	header, _, _ := bytes.Cut(data, []byte("\n"))
	var p Copy
	return json.Unmarshal(bytes.TrimPrefix(header, []byte("# ")), &p) == nil && wanted(p.URL)
}

func (c Cache) folder() string { return filepath.Join(c.Root, CacheFolder) }

func (c Cache) file(address string) string {
	return filepath.Join(c.folder(), pin.Sum([]byte(address))[:32]+suffix)
}
