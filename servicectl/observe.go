package servicectl

import (
	"context"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

const (
	// resync is how often a daemon is listed when it says nothing.
	resync = 5 * time.Minute
	// A daemon that does not answer is asked again this soon, at first and at
	// last. Its events tell when it is back; a single lost answer tells nothing.
	absenceFirst = 250 * time.Millisecond
	absenceLast  = 5 * time.Second
	// observeTimeout bounds one observation.
	observeTimeout = time.Minute
	// Readiness that no event tells of is looked for this often, at first and
	// at last.
	pollFirst = 100 * time.Millisecond
	pollLast  = time.Second
)

// observer looks at one daemon, on its own: a daemon that hangs holds up nobody
// but its own services. Its fields but scope and channels are guarded by the
// controller's mutex.
type observer struct {
	scope compose.Scope
	poke  chan struct{} // capacity 1
	hurry chan struct{} // capacity 1: somebody waits for an observation

	// asked counts the reasons to look, seen is its value when the observation
	// that is in daemon began: an event between the two is not lost.
	asked, seen int
	// needed is the value of seen from which on daemon is about the present
	// configuration.
	needed int
	daemon plan.Daemon
	at     time.Time     // when daemon was observed
	took   time.Duration // how long that lasted
	absent time.Duration // until a daemon that does not answer is asked again

	poll    time.Duration   // until the next look at readiness; 0 when there is none
	pending map[string]bool // containers that are not ready yet
}

func newObserver(scope compose.Scope) *observer {
	return &observer{scope: scope, poke: make(chan struct{}, 1), hurry: make(chan struct{}, 1), needed: 1}
}

// current says whether what was observed is about the present configuration.
func (o *observer) current() bool { return o.seen >= o.needed }

// look asks for an observation.
func (c *Controller) look(scope compose.Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookLocked(scope)
}

// lookLocked asks for an observation and returns the value of seen that tells
// that it was made.
func (c *Controller) lookLocked(scope compose.Scope) int {
	o := c.observers[scope]
	o.asked++
	poke(o.poke)
	return o.asked
}

// hurryLocked is lookLocked for somebody who waits: the observer does not rest
// before. Who calls it does so no more often than a user, or a step, has done
// something.
func (c *Controller) hurryLocked(scope compose.Scope) int {
	poke(c.observers[scope].hurry)
	return c.lookLocked(scope)
}

// observe makes observations until ctx ends, and rests between them: a storm of
// events costs half a processor at most.
func (c *Controller) observe(ctx context.Context, o *observer) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.poke:
		}
		select {
		case <-o.hurry: // this is what is hurried for
		default:
		}
		begin := time.Now()
		c.observeOnce(ctx, o)
		rest.Reset(c.restAfter(time.Since(begin)))
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		case <-o.hurry:
		}
	}
}

// restAfter is how long an observer rests after an observation: as long as it
// took; longer while steps are made, which Docker needs the processor for. They
// cause most events themselves, and have their effects looked at when they end.
func (c *Controller) restAfter(took time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.underWay() > 0 {
		took *= 4
	}
	return min(took, 5*time.Second)
}

// underWay is how many branches have not ended. The caller holds the mutex.
func (c *Controller) underWay() int {
	n := 0
	for _, b := range c.branches {
		if !b.ended {
			n++
		}
	}
	return n
}

func (c *Controller) observeOnce(ctx context.Context, o *observer) {
	c.mu.Lock()
	asked, want, loaded := o.asked, c.desired.Project, c.loaded
	c.mu.Unlock()
	begin := time.Now()
	if !loaded {
		return // reading the configuration asks again
	}
	limited, cancel := context.WithTimeout(ctx, c.opts.Deadlines.Observe)
	d := c.opts.Engine.Observe(limited, o.scope, want)
	cancel()
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	c.tellDaemon(o, d)
	o.daemon, o.seen, o.at = d, asked, time.Now()
	o.took = o.at.Sub(begin)
	o.absent = max(absenceFirst, min(2*o.absent, absenceLast))
	if d.Available {
		o.absent = 0
	}
	c.mu.Unlock()
	c.nudge()
}

// lookWhenDue asks for the observations that are due and returns when the next
// one is. The caller holds the mutex.
func (c *Controller) lookWhenDue(now time.Time) time.Time {
	next := now.Add(c.opts.Deadlines.Resync)
	for _, o := range c.observers {
		if o.asked > o.seen {
			continue // under way; its end makes a pass
		}
		due := o.at.Add(c.opts.Deadlines.Resync)
		if !o.daemon.Available {
			due = o.at.Add(o.absent)
		}
		// Looking keeps a slow machine from getting ready: it costs it a fifth at most.
		if poll := max(o.poll, 4*o.took); o.poll > 0 && o.at.Add(poll).Before(due) {
			due = o.at.Add(poll)
		}
		if due.After(now) {
			next = earlier(next, due)
			continue
		}
		if o.poll > 0 {
			o.poll = min(o.poll*3/2, pollLast)
		}
		c.lookLocked(o.scope)
	}
	return next
}

// pollReadiness decides whether readiness is looked for, after a plan. The
// caller holds the mutex.
func (c *Controller) pollReadiness() {
	for _, o := range c.observers {
		before := o.pending
		o.pending = map[string]bool{}
		for name, svc := range c.desired.Project.Services {
			con := c.plan.Services[name].Container
			if svc.Scope == o.scope && con != nil && con.State == plan.Running && !con.Ready && polled(svc.Ready.Kind) {
				o.pending[con.ID] = true
			}
		}
		if len(o.pending) == 0 {
			o.poll = 0
		}
		for id := range o.pending {
			if !before[id] {
				o.poll = pollFirst
			}
		}
	}
}

// polled says whether no event tells of this readiness.
func polled(kind compose.ReadyKind) bool {
	switch kind {
	case compose.ReadyTCP, compose.ReadyUnix, compose.ReadyFile, compose.ReadyExec:
		return true
	case compose.ReadyRunning, compose.ReadyHealth:
	}
	return false
}

// earlier is the earlier of two instants; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
