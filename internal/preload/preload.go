package preload

import (
	"context"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// Where the archives are, by daemon: as on RancherOS.
const (
	DefaultDir   = "/var/lib/rancher/preload"
	SystemFolder = "system-docker"
	UserFolder   = "docker"
)

// Daemon is a Docker daemon, as far as archives are loaded into it.
type Daemon interface {
	// ID is the identity of the daemon's data. It fails while the daemon does not
	// answer.
	ID(ctx context.Context) (string, error)
	// Load loads an archive, which may be compressed, and returns what the images
	// in it are called.
	Load(ctx context.Context, name string, archive io.Reader, size int64) ([]string, error)
}

// Options are what preloading needs.
type Options struct {
	Dir     string            // holds a folder for each daemon, and what is remembered
	Daemons map[string]Daemon // by folder
	// Tell is called when what is wrong has changed; nil: nobody is told.
	Tell func(cloudconfig.Report)
	Log  *logrus.Entry // nil: nothing is logged
}

// Preloader loads archives while [Preloader.Run] runs.
type Preloader struct {
	opts    Options
	log     *logrus.Entry
	memory  *memory
	folders map[string]*folder

	mu     sync.Mutex // guards what follows
	wrong  map[string]cloudconfig.Problem
	unsure error // why what is remembered is not written down
}

// New returns a Preloader that does nothing until [Preloader.Run].
func New(o Options) *Preloader {
	p := &Preloader{
		opts: o, log: o.Log, memory: recall(filepath.Join(o.Dir, stateFile)),
		folders: map[string]*folder{}, wrong: map[string]cloudconfig.Problem{},
	}
	if p.log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		p.log = logrus.NewEntry(silent)
	}
	for name, d := range o.Daemons {
		p.folders[name] = newFolder(p, name, d)
	}
	return p
}

// Run loads what there is and what comes, until ctx ends. No folder waits for
// the daemon of another.
func (p *Preloader) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for _, f := range p.folders {
		all.Go(func() { f.run(ctx) })
	}
	for ctx.Err() == nil {
		err := source.WatchTree(ctx, p.opts.Dir, p.paths(), p.lookAgain)
		if ctx.Err() != nil {
			return nil
		}
		// Without being told of changes, they are looked for.
		p.log.WithField("err", err).Warn("the folders of preloaded images are not watched")
		p.lookAgain()
		pause(ctx, unwatched)
	}
	return nil
}

// unwatched is how often folders are looked at that cannot be watched.
const unwatched = time.Minute

func (p *Preloader) paths() []string {
	var out []string
	for _, f := range p.folders {
		out = append(out, f.dir)
	}
	return out
}

func (p *Preloader) lookAgain() {
	for _, f := range p.folders {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// Wait waits until what was in a folder when [Preloader.Run] began is loaded, or
// cannot be.
func (p *Preloader) Wait(ctx context.Context, name string) error {
	f := p.folders[name]
	if f == nil {
		return nil
	}
	select {
	case <-f.first:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// judge notes what is wrong with a file; nil: nothing is.
func (p *Preloader) judge(path string, err error) {
	p.mu.Lock()
	before, was := p.wrong[path]
	now := cloudconfig.Problem{}
	if err != nil {
		now = cloudconfig.Problem{
			Pos: cloudconfig.Pos{File: path}, Severity: cloudconfig.Warning,
			Msg: "cannot preload its images: " + err.Error(),
		}
		p.wrong[path] = now
	} else {
		delete(p.wrong, path)
	}
	changed := was != (err != nil) || before != now
	p.mu.Unlock()
	if changed {
		p.tell()
	}
}

// remember writes down that a file was loaded. When that cannot be, it is loaded
// again after the next boot, which does no harm.
func (p *Preloader) remember(path string, l loaded) {
	err := p.memory.put(p.key(path), l)
	p.mu.Lock()
	changed := (p.unsure == nil) != (err == nil)
	p.unsure = err
	p.mu.Unlock()
	if changed {
		p.tell()
	}
}

// key is how a file is remembered: by its path below the folders.
func (p *Preloader) key(path string) string {
	rel, err := filepath.Rel(p.opts.Dir, path)
	if err != nil {
		return path
	}
	return rel
}

// tell tells all that is wrong.
func (p *Preloader) tell() {
	if p.opts.Tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock() // in order
	var report cloudconfig.Report
	for _, problem := range p.wrong {
		report = append(report, problem)
	}
	if p.unsure != nil {
		report = append(report, cloudconfig.Problem{
			Pos: cloudconfig.Pos{File: p.memory.path}, Severity: cloudconfig.Warning, Msg: p.unsure.Error(),
		})
	}
	p.opts.Tell(report.Sorted())
}
