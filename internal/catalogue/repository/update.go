package repository

import (
	"cmp"
	"context"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/catalogue"
)

const (
	// interval is how old a copy becomes before somebody looks whether it is
	// still what is there.
	interval = 24 * time.Hour
	// fresh is how old a copy is that even a network which has just come up is
	// not asked about.
	fresh = time.Hour
	// Failures: as many tries as the configuration says follow each other soon,
	// others late.
	soon    = 2 * time.Second
	soonEnd = time.Minute
	late    = 10 * time.Minute
	// hope is how long what cannot be fetched, for want of a network, is waited for
	// before it is a problem.
	hope = 5 * time.Minute
	// patience is how often a document is asked for in vain, of a network that is
	// up, until that is a problem.
	patience = 3
	// atOnce is how many documents are fetched at the same time.
	atOnce = 4
)

// UpdaterOptions are what an Updater needs.
type UpdaterOptions struct {
	Root  string
	Check func(cfg cloudconfig.Config, key string, doc cloudconfig.Document) error // as in [Options]
	// Online says whether the network is up: while it is not, what cannot be
	// fetched waits for it. Nil: it is.
	Online func() bool
	Log    *logrus.Entry
}

// Updater keeps the copies of what a configuration enables up to date while
// [Updater.Run] runs. Nobody waits for it: it tells when there is news. Its
// methods may be called from several goroutines.
type Updater struct {
	o    UpdaterOptions
	wake chan struct{} // capacity 1: look again
	news board
}

// NewUpdater returns an Updater that does nothing until [Updater.Run].
func NewUpdater(o UpdaterOptions) *Updater {
	return &Updater{o: o, wake: make(chan struct{}, 1), news: newBoard()}
}

// Want says what is enabled now.
func (u *Updater) Want(cfg cloudconfig.Config) {
	u.news.want(cfg)
	u.poke()
}

// Why says what keeps the document of a key from being there, "" when nobody has
// tried yet, and whether that is no problem but waits for the network.
func (u *Updater) Why(key string) (why string, waits bool) {
	return u.news.why(key, u.o.Online == nil || u.o.Online())
}

// NetworkChanged says that the network is up or down now. When it is up, what
// failed may work, and the world may have changed.
func (u *Updater) NetworkChanged(up bool) {
	if up {
		u.news.forgive(time.Now())
	}
	u.news.judge()
	u.poke()
}

func (u *Updater) poke() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// Run fetches what is due until ctx ends. It calls changed when loading would
// give something else than before.
func (u *Updater) Run(ctx context.Context, changed func()) error {
	timer := time.NewTimer(late)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-u.wake:
		case <-timer.C:
		}
		if cfg, wanted := u.news.wanted(); wanted {
			next := u.round(ctx, cfg)
			if u.news.take() {
				changed()
			}
			timer.Reset(next)
		}
	}
}

// task is one thing to keep up to date.
type task struct {
	key     string    // of services_include; of a repository "index " and its name
	checked time.Time // zero: there is no copy
	do      func(ctx context.Context, f *Fetcher) (changed bool, err error)
}

// round fetches what is due, and returns how long it is until something is.
func (u *Updater) round(ctx context.Context, cfg cloudconfig.Config) time.Duration {
	f := New(Options{Root: u.o.Root, Config: cfg, Tries: 1, Check: func(key string, doc cloudconfig.Document) error {
		if u.o.Check == nil {
			return nil
		}
		return u.o.Check(cfg, key, doc)
	}})
	defer f.Close()
	all := tasks(u.o.Root, cfg)
	u.news.keep(all)
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, t := range all {
		if u.news.due(t).After(time.Now()) {
			continue
		}
		group.Go(func() error {
			changed, err := t.do(ctx, f)
			if ctx.Err() == nil {
				u.note(cfg, t, changed, err)
			}
			return nil
		})
	}
	_ = group.Wait() // no task fails the others
	u.prune(cfg)
	return u.next(cfg)
}

// tasks are what a configuration wants from the network.
func tasks(root string, cfg cloudconfig.Config) []task {
	cache := catalogue.Cache{Root: root}
	var out []task
	repositories, _ := catalogue.Repositories(cfg) // what is wrong with others is told by whoever loads
	for _, r := range repositories {
		p, _ := cache.Get(r.Index().URL)
		out = append(out, task{key: "index " + r.Name, checked: p.Checked, do: func(ctx context.Context, f *Fetcher) (bool, error) {
			_, changed, err := f.Index(ctx, r)
			return changed, err
		}})
	}
	for _, w := range catalogue.InNetwork(root, cfg) {
		out = append(out, task{key: w.Key, checked: checked(cache, w), do: func(ctx context.Context, f *Fetcher) (bool, error) {
			return f.Service(ctx, w.Key)
		}})
	}
	return out
}

// checked is when somebody last looked after the copy of a service.
func checked(cache catalogue.Cache, w catalogue.Wanted) time.Time {
	var last time.Time
	for _, ref := range w.Refs {
		if p, found := cache.Get(ref.URL); found && ref.Accepts(p.SHA256) && p.Checked.After(last) {
			last = p.Checked
		}
	}
	return last
}

// note remembers how a task went.
func (u *Updater) note(cfg cloudconfig.Config, t task, changed bool, err error) {
	log := u.o.Log.WithField("config", t.key)
	if err == nil {
		if changed {
			log.Info("fetched from the network")
		}
		u.news.done(t.key, changed)
		return
	}
	quick := cmp.Or(cfg.Rancher.HTTPLoadRetries, defaultTries)
	if u.news.failed(t, err, quick, time.Now()) {
		log.WithField("err", err).Warn("is not fetched from the network")
	}
}

// prune removes copies that nobody has wanted for long.
func (u *Updater) prune(cfg cloudconfig.Config) {
	wanted := map[string]bool{}
	repositories, _ := catalogue.Repositories(cfg)
	for _, r := range repositories {
		wanted[r.Index().URL] = true
	}
	for _, w := range catalogue.InNetwork(u.o.Root, cfg) {
		for _, ref := range w.Refs {
			wanted[ref.URL] = true
		}
	}
	err := catalogue.Cache{Root: u.o.Root}.Prune(func(address string) bool { return wanted[address] }, time.Now())
	if err != nil {
		u.o.Log.WithField("err", err).Warn("old copies of definitions are not removed")
	}
}

// next is how long it is until something is due.
func (u *Updater) next(cfg cloudconfig.Config) time.Duration {
	next := interval
	for _, t := range tasks(u.o.Root, cfg) {
		next = min(next, time.Until(u.news.due(t)))
	}
	return max(next, 100*time.Millisecond)
}
