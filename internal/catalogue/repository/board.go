package repository

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
)

// board is what an [Updater] knows: what is wanted, and how that went.
type board struct {
	period time.Duration // interval, with a jitter of this machine's own

	mu       sync.Mutex // guards what follows
	cfg      cloudconfig.Config
	known    bool // cfg is set
	trouble  map[string]trouble
	forgiven time.Time // what was checked well before this is due
	changed  bool      // loading would give something else
}

// trouble is what goes wrong with one key.
type trouble struct {
	text  string
	err   error
	tries int       // since there was reason to hope
	again time.Time // not before
	since time.Time // it has failed
	long  bool      // it failed again after it had failed for longer than hope
}

func newBoard() board {
	return board{period: interval - interval/10 + rand.N(interval/5), trouble: map[string]trouble{}}
}

// want notes what is enabled. When what matters to fetching has changed, what
// failed before may work now.
func (b *board) want(cfg cloudconfig.Config) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.known || !reflect.DeepEqual(matters(b.cfg), matters(cfg)) {
		b.retry()
	}
	b.cfg, b.known = cfg, true
}

// matters is what of a configuration decides about fetching.
func matters(cfg cloudconfig.Config) []any {
	r := cfg.Rancher
	n := r.Network
	return []any{r.Repositories, r.ServicesInclude, r.Environment, n.HTTPProxy, n.HTTPSProxy, n.NoProxy}
}

// retry makes everything that failed due. The caller holds the mutex.
func (b *board) retry() {
	for key, t := range b.trouble {
		t.tries, t.again, t.since, t.long = 0, time.Time{}, time.Time{}, false
		b.trouble[key] = t
	}
}

func (b *board) wanted() (cloudconfig.Config, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cfg, b.known
}

// why says what keeps a document from being there, and whether it is waited for:
// nobody has failed to fetch it, or nobody could have fetched it.
func (b *board) why(key string, online bool) (why string, waits bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, failed := b.trouble[key]
	return t.text, !failed || t.waits(online)
}

// waits says whether the network is to blame, which may yet come, and not what is
// there or is not. One that has just come up may not be all there yet; one that has
// not come for long may never do, and somebody should know.
func (t trouble) waits(online bool) bool {
	switch {
	case permanent(t.err), t.long:
		return false
	case errors.Is(t.err, unix.ENETUNREACH):
		return true
	}
	return !online || t.tries < patience
}

// forgive makes everything that failed, or is not fresh, due.
func (b *board) forgive(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgiven = now
	b.retry()
}

// keep forgets troubles with what is not wanted any more.
func (b *board) keep(tasks []task) {
	wanted := map[string]bool{}
	for _, t := range tasks {
		wanted[t.key] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.trouble {
		if !wanted[key] {
			delete(b.trouble, key)
		}
	}
}

// due is when a task is to be done: the zero time is at once.
func (b *board) due(t task) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if trouble, failed := b.trouble[t.key]; failed {
		return trouble.again
	}
	switch age := time.Since(t.checked); {
	case t.checked.IsZero() || age < -fresh: // by a clock that was wrong
		return time.Time{}
	case t.checked.Before(b.forgiven.Add(-fresh)):
		return time.Time{}
	}
	return t.checked.Add(b.period)
}

func (b *board) done(key string, changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, failed := b.trouble[key]
	delete(b.trouble, key)
	b.changed = b.changed || changed || failed
}

// failed remembers a failure, and says whether it is another one than before.
func (b *board) failed(t task, err error, quick int, now time.Time) (news bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.trouble[t.key]
	tries := before.tries + 1
	pause := late
	if tries < quick && !permanent(err) {
		pause = min(soon<<min(tries-1, 16), soonEnd)
	}
	since := before.since
	if since.IsZero() {
		since = now
	}
	long := now.Sub(since) >= hope
	if !long && errors.Is(err, unix.ENETUNREACH) {
		pause = min(pause, hope-now.Sub(since)) // to notice it when that is over
	}
	b.trouble[t.key] = trouble{text: err.Error(), err: err, tries: tries, again: now.Add(jitter(pause)), since: since, long: long}
	news = before.text != err.Error()
	b.changed = b.changed || news || tries == patience || long && !before.long
	return news
}

// judge has what failed judged anew: the network is up, or down, where it was not.
func (b *board) judge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = b.changed || len(b.trouble) > 0
}

// take says whether there is news since the last time, which has then been told.
func (b *board) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := b.changed
	b.changed = false
	return news
}
