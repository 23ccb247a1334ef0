package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/pin"
)

// Options say how documents are fetched.
type Options struct {
	Root   string // of the machine: the copies are there, and whom it trusts
	Config cloudconfig.Config
	Tries  int // of one document; 0: as the configuration says
	// Check refuses a definition that cannot be used: the copy that there is
	// stays. Nil: nothing is refused.
	Check func(key string, doc cloudconfig.Document) error
	// Failed is told of a try that failed and is made again. Nil: nobody is.
	Failed func(address string, err error)

	pause time.Duration // before the second try; 0 is half a second
}

const (
	defaultTries = 6
	longestPause = 10 * time.Second
)

// Fetcher brings documents of the network onto the machine. It asks for the
// index of a repository once in its life: it lives as long as one command, or one
// round of an [Updater]. Its methods may be called from several goroutines.
type Fetcher struct {
	o      Options
	cache  catalogue.Cache
	client *http.Client

	mu      sync.Mutex // guards what follows
	indexes map[string]*fetchedIndex
}

// fetchedIndex is what became of an index.
type fetchedIndex struct {
	once    sync.Once
	index   catalogue.Index
	changed bool
	err     error
}

// New returns a Fetcher, which does nothing yet.
func New(o Options) *Fetcher {
	o.Tries = cmp.Or(o.Tries, o.Config.Rancher.HTTPLoadRetries, defaultTries)
	o.pause = cmp.Or(o.pause, 500*time.Millisecond)
	return &Fetcher{
		o: o, cache: catalogue.Cache{Root: o.Root}, client: newClient(o.Root, o.Config.Rancher.Network),
		indexes: map[string]*fetchedIndex{},
	}
}

// Close ends idle connections.
func (f *Fetcher) Close() { f.client.CloseIdleConnections() }

// Index makes the copy of a repository's index what is there now.
func (f *Fetcher) Index(ctx context.Context, r catalogue.Repository) (catalogue.Index, bool, error) {
	ref := r.Index()
	f.mu.Lock()
	i := f.indexes[ref.URL]
	if i == nil {
		i = &fetchedIndex{}
		f.indexes[ref.URL] = i
	}
	f.mu.Unlock()
	i.once.Do(func() {
		i.changed, i.err = f.document(ctx, ref, func(text []byte) error {
			index, report := catalogue.ParseIndex(ref.String(), text)
			i.index = index
			return report.Err()
		})
	})
	return i.index, i.changed, i.err
}

// Service makes the copy of what an enabled service needs what is there now, and
// says whether that has changed. Of the repositories the first that has the
// service counts; one that cannot be asked is passed over if another has it.
func (f *Fetcher) Service(ctx context.Context, key string) (changed bool, err error) {
	if catalogue.IsURL(key) {
		ref, err := pin.Parse(key)
		if err != nil {
			return false, permanentError{err}
		}
		return f.definition(ctx, key, ref)
	}
	repositories, _ := catalogue.Repositories(f.o.Config) // what is wrong with others is told by whoever loads
	var failed error
	for _, r := range repositories {
		ref, ok := r.Definition(key)
		if !ok {
			return false, permanentError{fmt.Errorf("%q is no name of a service", key)}
		}
		index, _, err := f.Index(ctx, r)
		switch {
		case errors.Is(err, errAbsent): // a repository may do without
		case err != nil:
			failed = cmp.Or(failed, err)
			continue
		case !index.Has(key):
			continue
		}
		changed, err := f.definition(ctx, key, ref)
		if err == nil || !errors.Is(err, errAbsent) {
			return changed, err
		}
		failed = cmp.Or(failed, err)
	}
	if failed == nil {
		failed = permanentError{fmt.Errorf("no repository has a service %q", key)}
	}
	return false, failed
}

func (f *Fetcher) definition(ctx context.Context, key string, ref pin.Ref) (bool, error) {
	return f.document(ctx, ref, func(text []byte) error {
		layer, report := cloudconfig.ParseLayer(key, ref.String(), text)
		switch {
		case report.Err() != nil:
			return report.Err()
		case layer.Doc.Root == nil:
			return errors.New("it is empty")
		case f.o.Check != nil:
			return f.o.Check(key, layer.Doc)
		}
		return nil
	})
}

// document makes the copy of one document what is there now.
func (f *Fetcher) document(ctx context.Context, ref pin.Ref, check func(text []byte) error) (changed bool, err error) {
	old, found := f.cache.Get(ref.URL)
	if found && !ref.Accepts(old.SHA256) {
		old, found = catalogue.Copy{}, false // it is no longer what is meant
	}
	p, err := f.tries(ctx, ref, old)
	if err != nil {
		return false, fmt.Errorf("cannot fetch %s: %w", ref, err)
	}
	if err := check(p.Text); err != nil {
		return false, permanentError{fmt.Errorf("cannot use %s: %w", ref, err)}
	}
	if err := f.cache.Put(p); err != nil {
		return false, err
	}
	return !found || p.SHA256 != old.SHA256, nil
}

// tries asks for a document until that works or is vain.
func (f *Fetcher) tries(ctx context.Context, ref pin.Ref, old catalogue.Copy) (catalogue.Copy, error) {
	pause := f.o.pause
	for left := f.o.Tries; ; pause = min(2*pause, longestPause) {
		p, err := f.request(ctx, ref, old)
		left--
		if err == nil || left <= 0 || permanent(err) || ctx.Err() != nil {
			return p, err
		}
		if f.o.Failed != nil {
			f.o.Failed(ref.String(), err)
		}
		if err := rest(ctx, jitter(pause)); err != nil {
			return p, err
		}
	}
}

// jitter is a time near d, so that machines which failed together do not come
// back together.
func jitter(d time.Duration) time.Duration { return d - d/4 + rand.N(d/2+1) }

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
