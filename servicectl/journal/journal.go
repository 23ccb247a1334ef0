package journal

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"
)

// Options say where a journal is kept and how much of it.
type Options struct {
	Path   string // of the file; empty: only memory keeps it
	Events int    // most events in memory; 0 is 2048
	Bytes  int64  // most bytes of the file before it is set aside; 0 is 1 MiB
}

// Journal is the last events. Its methods may be called from several goroutines.
type Journal struct {
	opts Options
	file file

	mu      sync.Mutex // guards what follows; never held while the disk is waited for
	ring    []Event    // oldest first
	pending []Event    // not in the file yet
	last    uint64     // number of the newest event
	changed chan struct{}
	err     error // why pending could not be written
}

// Open reads what an earlier process left at a path, and goes on with it. What
// cannot be read is told by [Journal.Err]; the journal is usable anyway.
func Open(o Options) *Journal {
	o.Events, o.Bytes = cmp.Or(o.Events, 2048), cmp.Or(o.Bytes, 1<<20)
	j := &Journal{opts: o, changed: make(chan struct{}), file: file{path: o.Path, most: o.Bytes}}
	if o.Path == "" {
		return j
	}
	events, err := j.file.read()
	j.err = err
	if n := len(events); n > 0 {
		j.last = events[n-1].Number
		j.ring = slices.Clone(events[max(0, n-o.Events):])
	}
	return j
}

// Add appends an event, which gets its number, and the time unless it has one.
// It is in memory at once, and in the file after the next [Journal.Flush].
func (j *Journal) Add(e Event) Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e = e.bound()
	e.Number = j.last
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC().Round(0)
	j.ring = append(j.ring, e)
	if extra := len(j.ring) - j.opts.Events; extra > 0 {
		j.ring = slices.Delete(j.ring, 0, extra)
	}
	if j.opts.Path != "" {
		j.pending = append(j.pending, e)
		if extra := len(j.pending) - j.opts.Events; extra > 0 { // the disk is full, for long
			j.pending = slices.Delete(j.pending, 0, extra)
		}
	}
	close(j.changed)
	j.changed = make(chan struct{})
	return e
}

// Flush writes what was added to the file. Those who flush at the same time
// share one write.
func (j *Journal) Flush() error { return j.flush(false) }

// Sync is [Journal.Flush], and returns when the disk has it.
func (j *Journal) Sync() error { return j.flush(true) }

func (j *Journal) flush(durably bool) error {
	if j.opts.Path == "" {
		return nil
	}
	j.mu.Lock()
	until := j.last
	j.mu.Unlock()
	err := j.file.write(j.take, j.giveBack, until, durably)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = err
	return err
}

// take is what is to be written.
func (j *Journal) take() []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := j.pending
	j.pending = nil
	return out
}

// giveBack keeps what could not be written for the next time.
func (j *Journal) giveBack(events []Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = append(events, j.pending...)
	if extra := len(j.pending) - j.opts.Events; extra > 0 {
		j.pending = slices.Delete(j.pending, 0, extra)
	}
}

// Err is why the file lacks what memory has; nil: it does not.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Pending says whether something is not in the file yet.
func (j *Journal) Pending() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.pending) > 0
}

// After are the events with higher numbers that are kept, oldest first, and a
// channel that is closed when there are more. The events must not be changed.
func (j *Journal) After(number uint64) (events []Event, more <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, _ := slices.BinarySearchFunc(j.ring, number+1, func(e Event, n uint64) int { return cmp.Compare(e.Number, n) })
	return slices.Clone(j.ring[at:]), j.changed
}

// Unfinished are the steps that began and never ended: whoever made them ended first.
func (j *Journal) Unfinished() []Event {
	events, _ := j.After(0)
	type key struct{ service, step string }
	open := map[key]Event{}
	for _, e := range events {
		k := key{e.Service, e.Step}
		switch e.Kind {
		case Begin:
			open[k] = e
		case Done, Failed, BrokenOff, Interrupted:
			delete(open, k)
		case Controller, Config, State, CrashLoop, Daemon, Intent:
		}
	}
	var out []Event
	for _, e := range open {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Event) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

// Close writes what is left and closes the file. A journal that is written to
// afterwards opens it again.
func (j *Journal) Close() error { return errors.Join(j.Sync(), j.file.close()) }
