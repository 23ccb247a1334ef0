package preload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// quiet is how long a file must not have changed before it is loaded: it may
	// still be on its way.
	quiet = 2 * time.Second
	// How long to wait before a file that cannot be loaded is tried again, and
	// before a daemon is asked again that does not answer: it doubles each time.
	retryFirst, retryLast = 10 * time.Second, time.Hour
	askFirst, askLast     = time.Second, 30 * time.Second
	// patience is how long a daemon may take to load a file.
	patience = time.Hour
)

// stamp is how a file looks from outside.
type stamp struct {
	size int64
	time time.Time
}

// folder loads the files of one folder into one daemon. Only its own goroutine
// changes it.
type folder struct {
	p      *Preloader
	name   string
	dir    string
	daemon Daemon
	wake   chan struct{} // capacity 1: look again
	first  chan struct{} // closed when the first files are loaded, or cannot be
	files  map[string]*file
	asks   int // in vain, in a row
}

// file is what is known about a file of the folder since the start.
type file struct {
	seen  stamp
	since time.Time // when it was first seen like this
	tries int       // in vain, while it looked like this
	next  time.Time // not before
}

func newFolder(p *Preloader, name string, d Daemon) *folder {
	return &folder{
		p: p, name: name, dir: filepath.Join(p.opts.Dir, name), daemon: d,
		wake: make(chan struct{}, 1), first: make(chan struct{}), files: map[string]*file{},
	}
}

// run looks at the folder when something has changed there, and when it has been
// put off, until ctx ends.
func (f *folder) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for begun := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-timer.C:
		}
		wait, over := f.round(ctx)
		if over && !begun {
			begun = true
			close(f.first)
		}
		if timer.Stop(); wait > 0 {
			timer.Reset(wait)
		}
	}
}

// round loads what can be loaded now. It returns how long to wait for what
// cannot yet, 0 for nothing, and whether each file was tried.
func (f *folder) round(ctx context.Context) (wait time.Duration, over bool) {
	names, err := f.list()
	f.p.judge(f.dir, err)
	if err != nil {
		return retryFirst, true
	}
	over = true
	for _, path := range f.due(names, &wait, &over) {
		id, err := f.daemon.ID(ctx)
		if err != nil {
			f.asks++
			return sooner(wait, doubled(askFirst, askLast, f.asks)), false
		}
		f.asks = 0
		if again := f.bring(ctx, path, id); again > 0 {
			wait = sooner(wait, again)
		}
		if ctx.Err() != nil {
			return 0, false
		}
	}
	return wait, over
}

// list are the files that may be archives. What is hidden is on its way; what
// ends in .done was RancherOS's note that it had loaded the file beside it.
func (f *folder) list() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		path := filepath.Join(f.dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(e.Name(), ".done") {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() { // also through a link
			out = append(out, path)
		}
	}
	return out, nil
}

// due are the files to look at now. Those that are on their way, or have failed
// a moment ago, shorten the wait; the first are not over.
func (f *folder) due(paths []string, wait *time.Duration, over *bool) []string {
	f.forget(paths)
	var out []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			continue // gone meanwhile
		}
		now, known := time.Now(), f.files[path]
		if s := (stamp{info.Size(), info.ModTime()}); known == nil || known.seen != s {
			known = &file{seen: s, since: now}
			f.files[path] = known
		}
		old := now.Sub(known.seen.time) >= quiet
		switch rest := quiet - now.Sub(known.since); {
		case !old && rest > 0:
			*wait, *over = sooner(*wait, rest), false
		case known.next.After(now):
			*wait = sooner(*wait, known.next.Sub(now))
		default:
			out = append(out, path)
		}
	}
	return out
}

// forget drops what is known about files that are gone.
func (f *folder) forget(paths []string) {
	keys := map[string]bool{}
	for _, path := range paths {
		keys[f.p.key(path)] = true
	}
	for path := range f.files {
		if !slices.Contains(paths, path) {
			delete(f.files, path)
			f.p.judge(path, nil)
		}
	}
	if err := f.p.memory.keep(f.name, keys); err != nil {
		f.p.log.WithField("err", err).Warn("a file that is gone is still remembered")
	}
}

// bring loads a file, unless the daemon has had it. It returns when to try again;
// 0: there is no need.
func (f *folder) bring(ctx context.Context, path, id string) time.Duration {
	known := f.files[path]
	was, before := f.p.memory.get(f.p.key(path))
	if before = before && was.Daemon == id; before && was.is(known.seen) {
		f.p.judge(path, nil)
		return 0
	}
	digest := ""
	if before && was.Size == known.seen.size { // perhaps it was only touched
		digest = was.Digest
	}
	l, err := f.load(ctx, path, digest)
	switch {
	case ctx.Err() != nil:
		return 0
	case err != nil:
		known.tries++
		again := doubled(retryFirst, retryLast, known.tries)
		known.next = time.Now().Add(again)
		f.p.log.WithField("err", err).Errorf("%s is not preloaded", path)
		f.p.judge(path, err)
		return again
	case l.Images == nil:
		l.Images = was.Images
	default:
		f.p.log.Infof("%s is preloaded: %s", path, strings.Join(l.Images, ", "))
	}
	l.Size, l.Time, l.Daemon = known.seen.size, known.seen.time, id
	f.p.remember(path, l)
	f.p.judge(path, nil)
	return 0
}

// load loads a file, unless its digest is the one that is known: then no images
// are returned.
func (f *folder) load(ctx context.Context, path, known string) (loaded, error) {
	in, err := os.Open(path)
	if err != nil {
		return loaded{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return loaded{}, err
	}
	if known != "" {
		sum := sha256.New()
		if _, err := io.Copy(sum, in); err != nil {
			return loaded{}, err
		}
		if text(sum) == known {
			return loaded{Digest: known}, nil
		}
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return loaded{}, err
		}
	}
	sum := sha256.New()
	read := io.TeeReader(in, sum)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	images, err := f.daemon.Load(ctx, filepath.Base(path), read, info.Size())
	if err != nil {
		return loaded{}, err
	}
	if _, err := io.Copy(io.Discard, read); err != nil { // what the daemon did not want to see
		return loaded{}, fmt.Errorf("cannot read it to its end: %w", err)
	}
	return loaded{Digest: text(sum), Images: append([]string{}, images...)}, nil
}

func text(sum hash.Hash) string { return "sha256:" + hex.EncodeToString(sum.Sum(nil)) }

// doubled is how long to wait after so many failures in a row.
func doubled(first, last time.Duration, failures int) time.Duration {
	return min(last, first<<min(failures-1, 20))
}

// sooner is the shorter of two waits; 0 is for ever.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}
