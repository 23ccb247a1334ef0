package catalogue

import (
	"maps"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/pin"
)

// shelf is a repository as the copies on the machine show it.
type shelf struct {
	Repository
	index   Index
	known   bool      // there is a copy of the index
	checked time.Time // when that was last known to be what is there
}

func newShelf(cache Cache, r Repository) shelf {
	s := shelf{Repository: r}
	p, found := cache.Get(r.Index().URL)
	if !found {
		return s
	}
	index, report := ParseIndex(r.Index().String(), p.Text)
	s.index, s.known, s.checked = index, report.Err() == nil, p.Checked
	return s
}

// loadName loads a definition of a repository: of the first that has it, as far
// as that is known. It returns false when none has it.
func (l *loader) loadName(name string) bool {
	var first, last *pin.Ref
	for _, s := range l.shelves {
		ref, ok := s.Definition(name)
		if !ok {
			return false
		}
		p, found := l.cache.Get(ref.URL)
		usable := found && ref.Accepts(p.SHA256)
		switch gone := s.known && !s.index.Has(name); {
		case usable && !gone:
			l.use(name, ref, p)
			return true
		case usable && last == nil:
			last = &ref
		case !gone && first == nil:
			first = &ref
		}
	}
	switch {
	case first == nil && last == nil:
		return false
	case last == nil:
		l.wait(name, *first)
		return true
	case first == nil:
		l.tell(name, "is in no repository any more: the copy of "+last.String()+" is used", "", cloudconfig.Warning)
	}
	p, _ := l.cache.Get(last.URL) // what runs is not ended because somebody has tidied up
	l.use(name, *last, p)
	return true
}

// loadAddress loads what is at an address.
func (l *loader) loadAddress(key string) {
	ref, err := pin.Parse(key)
	if err != nil {
		l.fail(key, err.Error(), "such as https://services.example.com/web.yml")
		return
	}
	if p, found := l.cache.Get(ref.URL); found && ref.Accepts(p.SHA256) {
		l.use(key, ref, p)
		return
	}
	l.wait(key, ref)
}

func (l *loader) use(key string, ref pin.Ref, p Copy) {
	if ref.Exposed() {
		l.tell(key, ref.String()+" is fetched without encryption: anybody on the way can change it",
			"use https, or pin it: what is there now has the SHA-256 "+p.SHA256, cloudconfig.Warning)
	}
	l.parse(key, ref.String(), p.Text)
}

// wait is for a document that is not there yet, or tells why it does not come.
func (l *loader) wait(key string, ref pin.Ref) {
	if l.why == nil {
		l.tell(key, ref.String()+" has not been fetched yet: what it says is not checked", "ros service enable fetches it", cloudconfig.Warning)
		return
	}
	why, waits := l.why(key)
	if !waits {
		l.fail(key, why, "")
		return
	}
	if IsURL(key) {
		key = ref.String()
	}
	l.waiting = append(l.waiting, Waiting{Key: key, Why: why})
}

// Wanted is a document in the network that a configuration enables.
type Wanted struct {
	Key  string    // of rancher.services_include
	Refs []pin.Ref // where it may be, the first that has it counts; indexes are asked first
}

// InNetwork are the enabled services that are neither in the image nor in a file
// of the user's, in order of their keys.
func InNetwork(root string, cfg cloudconfig.Config) []Wanted {
	l := newLoader(cfg, Options{Root: root})
	include := cfg.Rancher.ServicesInclude
	var out []Wanted
	for _, key := range slices.Sorted(maps.Keys(include)) {
		if w := l.wanted(key); include[key] && len(w.Refs) > 0 {
			out = append(out, w)
		}
	}
	return out
}

func (l *loader) wanted(key string) Wanted {
	w := Wanted{Key: key}
	if IsURL(key) {
		if ref, err := pin.Parse(key); err == nil {
			w.Refs = []pin.Ref{ref}
		}
		return w
	}
	if path.IsAbs(key) || !isName(key) || isConfig(key+suffix) || l.isFile(key) {
		return w
	}
	for _, s := range l.shelves {
		ref, _ := s.Definition(key)
		w.Refs = append(w.Refs, ref)
	}
	return w
}

// isFile says whether a name is that of a file on the machine.
func (l *loader) isFile(name string) bool {
	candidates, _ := l.candidates(name)
	return slices.ContainsFunc(candidates, func(file string) bool {
		return exists(filepath.Join(l.root, file))
	})
}
