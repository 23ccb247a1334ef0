package servicectl

import (
	"cmp"
	"context"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// Options are what a controller needs.
type Options struct {
	Engine  Engine
	Loader  Loader
	Machine Machine       // nil: the host is left alone
	Log     *logrus.Entry // nil: nothing is logged

	// StatePath is where intents and backoff are kept over a restart of the
	// controller; it must not outlive a reboot. Empty: they are not kept.
	StatePath string
	// IntentPath is where intents are kept that are to outlive reboots; empty:
	// they cannot be.
	IntentPath string
	// Journal is where it is told what happens and why; nil: one in memory.
	Journal *journal.Journal
	// MaxStarts is how many containers are made or started at once; 0 is four
	// times the number of processors.
	MaxStarts int
	// Deadlines bound what may take long.
	Deadlines Deadlines
	// Boot is when the machine booted; zero: what StatePath remembers decides
	// which containers have run since.
	Boot time.Time
	// BootProblems are what went wrong before the controller; nil: nothing.
	BootProblems func() cloudconfig.Report
	// AtRest is called when steps were made, or something else was done, and no
	// step is under way any more; not often. No pass is made before it returns.
	// Nil: nothing is done then.
	AtRest func()
}

// Deadlines bound what may take long. Zero fields are the defaults.
type Deadlines struct {
	Step    time.Duration // one step; 0 depends on its verb: two minutes, an hour for a pull
	Observe time.Duration // one observation of a daemon; 0 is a minute
	Resync  time.Duration // how often a daemon that says nothing is listed; 0 is 5 minutes
}

// Controller keeps the services converged while [Controller.Run] runs. Its
// methods may be called from several goroutines.
type Controller struct {
	opts   Options
	log    *logrus.Entry
	wake   chan struct{} // capacity 1: a pass is wanted
	apply  chan struct{} // capacity 1: the host is to be made to match
	keep   chan struct{} // capacity 1: a reading is to be kept as a good one
	starts *slots        // one for every create or start at once
	write  chan struct{} // capacity 1: the journal has something to write
	tails  chan struct{} // capacity 1: last lines of logs are wanted
	listen chan struct{} // capacity 1: metrics may be wanted elsewhere
	saving sync.Mutex    // guards the files at StatePath and IntentPath
	counts *counters

	mu        sync.Mutex // guards what follows
	desired   Desired
	loaded    bool // desired is a reading of the configuration
	dirty     bool // the configuration may have changed since
	glance    bool // dirty only because somebody wants to be sure
	reading   bool // it is being read, or the last plan is older than what was read
	loadErr   error
	loadTries int
	loadAt    time.Time // not before, after a failure

	kept   bool         // the machine has converged with desired, and that was told
	toKeep func() error // of the last reading that it converged with

	applied    bool // the host was made to match desired
	applyCount int
	hostReport cloudconfig.Report
	bootReport cloudconfig.Report
	bootRead   time.Time                     // when bootReport was read
	notes      map[string]cloudconfig.Report // by who found it

	observers map[compose.Scope]*observer
	images    map[imageKey]chan struct{} // capacity 1: locks of images under way
	memory    map[string]plan.Memory
	branches  map[string]*branch
	churn     map[string]churn
	plan      plan.Plan
	blame     map[string][]journal.Change // by service: why its container is no longer right
	lastLogs  map[string]lastLog          // by service
	persisted map[string]bool             // services that stay stopped over reboots

	journalErr error     // why the journal is not kept; nil: it is
	saveErr    error     // why what is at StatePath is out of date; nil: it is not
	saveAt     time.Time // when that is tried again

	status  Status
	changed chan struct{} // closed when status changes
	read    chan struct{} // closed when the configuration was read and planned for

	cancel  context.CancelFunc // ends Run; nil before it began
	ended   chan struct{}      // closed when Run has ended
	closing bool               // the machine goes down
}

// New returns a controller that does nothing until [Controller.Run].
func New(o Options) *Controller {
	c := &Controller{
		opts:      o,
		log:       o.Log,
		wake:      make(chan struct{}, 1),
		apply:     make(chan struct{}, 1),
		keep:      make(chan struct{}, 1),
		write:     make(chan struct{}, 1),
		tails:     make(chan struct{}, 1),
		listen:    make(chan struct{}, 1),
		counts:    newCounters(),
		dirty:     true,
		observers: map[compose.Scope]*observer{},
		images:    map[imageKey]chan struct{}{},
		memory:    map[string]plan.Memory{},
		branches:  map[string]*branch{},
		churn:     map[string]churn{},
		blame:     map[string][]journal.Change{},
		lastLogs:  map[string]lastLog{},
		persisted: map[string]bool{},
		changed:   make(chan struct{}),
		read:      make(chan struct{}),
		ended:     make(chan struct{}),
	}
	if c.log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		c.log = logrus.NewEntry(silent)
	}
	if o.MaxStarts <= 0 {
		o.MaxStarts = 4 * runtime.NumCPU()
	}
	if o.Journal == nil {
		c.opts.Journal = journal.Open(journal.Options{})
	}
	c.starts = newSlots(o.MaxStarts)
	c.opts.Deadlines.Observe = cmp.Or(o.Deadlines.Observe, observeTimeout)
	c.opts.Deadlines.Resync = cmp.Or(o.Deadlines.Resync, resync)
	for _, scope := range scopes {
		c.observers[scope] = newObserver(scope)
	}
	c.status = Status{State: Converging, Problems: cloudconfig.Report{}, Services: []ServiceStatus{}}
	return c
}

var scopes = [...]compose.Scope{compose.System, compose.User}

// Run converges until ctx ends, and returns when everything it started has
// ended. Containers live on. It is called once.
func (c *Controller) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !c.begin(cancel) {
		return nil
	}
	defer close(c.ended)
	c.recall()
	c.recallJournal()
	var all sync.WaitGroup
	for _, scope := range scopes {
		all.Go(func() { c.opts.Engine.Events(ctx, scope, func() { c.look(scope) }) })
		all.Go(func() { c.observe(ctx, c.observers[scope]) })
	}
	all.Go(func() { c.applyHost(ctx) })
	all.Go(func() { c.keepReadings(ctx) })
	all.Go(func() { c.readTails(ctx) })
	all.Go(func() { c.serveMetrics(ctx) })
	var last sync.WaitGroup // ends after all others: they tell it what they do
	writing, written := context.WithCancel(context.WithoutCancel(ctx))
	last.Go(func() { c.writeJournal(writing) })
	c.loop(ctx, &all)
	cancel()
	all.Wait()
	written()
	last.Wait()
	return nil
}

// begin says whether Run may run.
func (c *Controller) begin(cancel context.CancelFunc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.cancel = cancel
	return true
}

// loop makes one pass for every nudge and every deadline. Nudges during a pass
// fold into one. Branches of a pass are started in all.
func (c *Controller) loop(ctx context.Context, all *sync.WaitGroup) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var rest <-chan time.Time // nil: nothing was done since the last
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
			c.counts.woken()
			if rest == nil {
				rest = time.After(restPause)
			}
		case <-timer.C:
		case <-rest:
			rest = c.rest()
			continue
		}
		c.counts.passBegins()
		next := c.pass(ctx, all)
		timer.Reset(max(0, time.Until(next)))
	}
}

// restPause is how long after a wake the controller looks whether it is at rest.
const restPause = 10 * time.Second

// rest does what is to be done at rest. While a step is under way it does nothing,
// and returns when to try again.
func (c *Controller) rest() (again <-chan time.Time) {
	c.mu.Lock()
	busy := c.underWay() > 0
	c.mu.Unlock()
	if busy {
		return time.After(restPause)
	}
	if c.opts.AtRest != nil {
		c.opts.AtRest()
	}
	return nil
}

// nudge asks for a pass.
func (c *Controller) nudge() {
	c.counts.nudged()
	poke(c.wake)
}

// poke puts a token into a channel of capacity 1, unless there is one.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Reapply makes the host match the configuration once more: something else that
// this depends on has changed, such as the name that DHCP gives it.
func (c *Controller) Reapply() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded { // else the first reading does it
		c.applyLocked()
		c.publish()
	}
}
