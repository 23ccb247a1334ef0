package servicectl

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

const (
	// resync is how often a daemon is listed when it says nothing.
	resync = 5 * time.Minute
	// recheck is how soon it is listed after an observation that was not whole:
	// what was thought to have changed may not be all.
	recheck = 5 * time.Second
	// A daemon that does not answer is asked again this soon, at first and at
	// last. Its events tell when it is back; a single lost answer tells nothing.
	absenceFirst = 250 * time.Millisecond
	absenceLast  = 5 * time.Second
	// observeTimeout bounds one observation.
	observeTimeout = time.Minute
	// burst is how long the observer works without a rest.
	burst = 250 * time.Millisecond
	// leastRest bounds how often it looks in a storm: what the controller does with
	// what it saw takes time, too.
	leastRest = 20 * time.Millisecond
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
	whole  bool            // the next observation has to be
	partly time.Time       // since when none has been; zero when the last one was
	about  compose.Project // what was wanted when daemon was observed
	at     time.Time       // when daemon was observed
	took   time.Duration   // how long that lasted
	absent time.Duration   // until a daemon that does not answer is asked again

	poll    time.Duration   // until the next look at readiness; 0 when there is none
	pending map[string]bool // containers that are not ready yet
}

func newObserver(scope compose.Scope) *observer {
	return &observer{scope: scope, poke: make(chan struct{}, 1), hurry: make(chan struct{}, 1), needed: 1, whole: true}
}

// current says whether what was observed is about the present configuration.
func (o *observer) current() bool { return o.seen >= o.needed }

// knows says whether what was observed tells of a service all that it would if it
// were about the present configuration: the same name, image, networks and volumes
// were looked for, and the same readiness.
func (o *observer) knows(svc compose.Service) bool {
	if o.current() {
		return true
	}
	was, looked := o.about.Services[svc.Name]
	return looked && was.Scope == svc.Scope && was.Spec.Image == svc.Spec.Image && was.Ready == svc.Ready &&
		sameNames(was.Networks, svc.Networks) && sameNames(was.Volumes, svc.Volumes)
}

func sameNames[V any](a, b map[string]V) bool {
	return maps.EqualFunc(a, b, func(V, V) bool { return true })
}

// knows says whether enough was observed for a step: of its service, and of those
// that it waits for. The caller holds the mutex.
func (c *Controller) knows(s plan.Step) bool {
	services := c.desired.Project.Services
	svc, wanted := services[s.Service]
	if !wanted || string(svc.Scope) != s.Scope {
		return c.observers[compose.Scope(s.Scope)].current()
	}
	if !c.observers[svc.Scope].knows(svc) {
		return false
	}
	return !slices.ContainsFunc(svc.Needs, func(d compose.Dependency) bool {
		dep, there := services[d.Service]
		return there && !c.observers[dep.Scope].knows(dep)
	})
}

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

// observe makes observations until ctx ends. A storm of events costs half a
// processor at most: it rests as long as it works, once it has worked longer than
// burst; what happens now and then is looked at at once, also when Docker tells of
// it in several events, as of a removal. While steps are made it rests four times
// as long as it works.
func (c *Controller) observe(ctx context.Context, o *observer) {
	credit, ended := burst, time.Now()
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
		credit = min(burst, credit+begin.Sub(ended))
		c.observeOnce(ctx, o)
		ended = time.Now()
		took := min(ended.Sub(begin), 5*time.Second)
		credit = max(credit-took, -burst)
		switch {
		case c.stepping():
			if o.rest(ctx, took) && c.stepping() {
				o.rest(ctx, min(3*took, 5*time.Second-took))
			}
		case credit <= 0:
			o.rest(ctx, max(took, leastRest))
		}
	}
}

// rest lets the observer rest, and says whether nobody waits for it.
func (o *observer) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-o.hurry:
	case <-timer.C:
		return true
	}
	return false
}

// stepping says whether steps are made, which Docker needs the processor for. They
// cause most events themselves, and have their effects looked at when they end.
func (c *Controller) stepping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.underWay() > 0
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
	// In a storm of events the controller finds no moment to ask for it.
	whole := o.whole || !o.partly.IsZero() && time.Since(o.partly) >= recheck
	if loaded {
		o.whole = false
	}
	c.mu.Unlock()
	begin := time.Now()
	if !loaded {
		return // reading the configuration asks again
	}
	limited, cancel := context.WithTimeout(ctx, c.opts.Deadlines.Observe)
	d := c.opts.Engine.Observe(limited, o.scope, want, whole)
	cancel()
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	c.tellDaemon(o, d)
	o.daemon, o.about, o.seen, o.at = d, want, asked, time.Now()
	o.took = o.at.Sub(begin)
	o.absent = max(absenceFirst, min(2*o.absent, absenceLast))
	if d.Available {
		o.absent = 0
	}
	switch {
	case d.Whole:
		o.partly = time.Time{}
	case !d.Available: // it may have been the list that it did not answer
		o.partly, o.whole = time.Time{}, true
	case o.partly.IsZero():
		o.partly = o.at
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
		if !o.partly.IsZero() {
			due = earlier(due, o.partly.Add(recheck))
		}
		if !o.daemon.Available {
			due = o.at.Add(o.absent)
		}
		whole := !due.After(now)
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
		o.whole = o.whole || whole
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
