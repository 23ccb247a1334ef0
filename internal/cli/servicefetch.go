package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/catalogue/repository"
)

// impatient is how long a fetch takes before it is told.
const impatient = time.Second

// fetching brings definitions onto the machine, and tells a person what takes
// long.
type fetching struct {
	app     *app
	fetcher *repository.Fetcher
	news    chan failure
	told    map[string]bool // addresses that failed: every try says the same
	changed bool
}

// failure is a try that failed and is made again.
type failure struct {
	address string
	err     error
}

func (a *app) newFetching(cfg cloudconfig.Config) *fetching {
	f := &fetching{app: a, news: make(chan failure), told: map[string]bool{}}
	f.fetcher = repository.New(repository.Options{
		Root: a.root, Config: cfg,
		Check:  func(key string, doc cloudconfig.Document) error { return checkDocument(cfg, key, doc) },
		Failed: func(address string, err error) { f.news <- failure{address, err} },
	})
	return f
}

// do fetches one thing, which is called what.
func (f *fetching) do(what string, fetch func() (changed bool, err error)) error {
	type result struct {
		changed bool
		err     error
	}
	ended := make(chan result, 1)
	go func() {
		changed, err := fetch()
		ended <- result{changed, err}
	}()
	slow := time.NewTimer(impatient)
	defer slow.Stop()
	for {
		select {
		case r := <-ended:
			f.changed = f.changed || r.changed
			return r.err
		case n := <-f.news:
			if !f.told[n.address] {
				f.told[n.address] = true
				f.app.complain("ros: %s: %v; trying again\n", n.address, n.err)
			}
		case <-slow.C:
			f.app.complain("ros: fetching %s …\n", what)
		}
	}
}

func (f *fetching) service(ctx context.Context, key string) error {
	return f.do(key, func() (bool, error) { return f.fetcher.Service(ctx, key) })
}

// updateCatalogue makes the copies of all indexes, and of the definitions that
// are on the machine, what is there now. What fails is told, and is an error.
func (a *app) updateCatalogue(ctx context.Context) error {
	cfg := desired(a.root).Config
	f := a.newFetching(cfg)
	defer f.fetcher.Close()
	var failed error
	told := map[string]bool{} // an index that cannot be had fails all that need it
	tell := func(err error) {
		if err != nil && !told[err.Error()] {
			told[err.Error()] = true
			a.complain("ros: %v\n", err)
			failed = exit(1)
		}
	}
	repositories, report := catalogue.Repositories(cfg)
	tell(report.Err())
	for _, r := range repositories {
		tell(f.do("the index of "+r.Name, func() (bool, error) {
			_, changed, err := f.fetcher.Index(ctx, r)
			return changed, err
		}))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, key := range a.copied(cfg) {
		tell(f.service(ctx, key))
	}
	if f.changed && a.client().Reload(ctx) != nil {
		return failed // no controller runs, so none has to know
	}
	return failed
}

// copied are the services of the network that are enabled or have a copy on the
// machine.
func (a *app) copied(cfg cloudconfig.Config) []string {
	keys := map[string]bool{}
	for _, w := range catalogue.InNetwork(a.root, cfg) {
		keys[w.Key] = true
	}
	entries, err := catalogue.List(a.root, cfg)
	if err != nil {
		return slices.Sorted(maps.Keys(keys)) // whoever lists them next is told
	}
	for _, e := range entries {
		if !e.Copied.IsZero() {
			keys[e.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// checkDocument refuses a definition that gives no services, or wrong ones. The files
// that it names are nobody's here: loading it tells of those that are not there.
func checkDocument(cfg cloudconfig.Config, key string, doc cloudconfig.Document) error {
	only := cloudconfig.Config{}
	only.Rancher.ServicesInclude = map[string]bool{key: true}
	only.Rancher.Environment = cfg.Rancher.Environment
	project, report := compose.Build(only, compose.Options{
		Definitions: map[string]cloudconfig.Document{key: doc}, Environment: facts(),
		ReadFile: func(string) ([]byte, error) { return nil, nil },
	})
	if err := withoutUnknown(report).Err(); err != nil {
		return err
	}
	if len(project.Services)+len(project.Broken) == 0 {
		return errors.New("there is no service in it")
	}
	return nil
}
