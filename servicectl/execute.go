package servicectl

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// branch is the steps of one service, made one after the other by a goroutine
// of their own.
type branch struct {
	svc    compose.Service // as it should be; zero when nobody wants it
	name   string
	steps  []plan.Step
	run    *run
	cancel context.CancelFunc

	because []journal.Change // of the configuration, that the steps answer
	// Guarded by the controller's mutex.
	at        int                   // of the step that is under way, or the last
	verb      plan.Verb             // of it, or of another branch's that it waits for
	acting    bool                  // a step is under way that is not broken off
	abandoned bool                  // the next step is not made
	ended     bool                  //
	after     map[compose.Scope]int // what observers have to have seen after the end
}

// run is what the branches of one pass know of each other.
type run struct {
	outcomes map[int]*outcome // by step ID
}

// outcome tells those who wait for a step how it went.
type outcome struct {
	done chan struct{}
	err  error // written before done is closed
}

var (
	errAbandoned = errors.New("something else is wanted by now")
	errSkipped   = errors.New("the step before it failed")
)

// runnable are the steps that may be made now, by service: those before the
// first that waits. The caller holds the mutex.
func (c *Controller) runnable() [][]plan.Step {
	var out [][]plan.Step
	at := map[string]int{}
	held := map[string]bool{}
	for _, s := range c.plan.Steps {
		if len(s.Waits) > 0 || !c.knows(s) {
			held[s.Service] = true
		}
		if held[s.Service] {
			continue
		}
		i, known := at[s.Service]
		if !known {
			i = len(out)
			at[s.Service] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], s)
	}
	return out
}

// launch starts a branch for every service that has steps. The caller holds the
// mutex.
func (c *Controller) launch(ctx context.Context, all *sync.WaitGroup, todo [][]plan.Step, now time.Time) {
	if len(todo) > 0 {
		c.nudge() // to show what is under way
	}
	r := &run{outcomes: map[int]*outcome{}}
	for _, steps := range todo {
		for _, s := range steps {
			r.outcomes[s.ID] = &outcome{done: make(chan struct{})}
		}
	}
	for _, steps := range todo {
		name := steps[0].Service
		ctx, cancel := context.WithCancel(ctx)
		b := &branch{
			svc: c.desired.Project.Services[name], name: name, steps: steps,
			run: r, cancel: cancel, verb: c.firstVerb(steps), because: c.blamed(steps),
		}
		c.branches[name] = b
		c.noteBegin(b, now)
		all.Go(func() {
			defer cancel()
			c.execute(ctx, b)
		})
	}
}

// firstVerb is what a branch begins with, or waits for: another branch may bring
// its image. The caller holds the mutex.
func (c *Controller) firstVerb(steps []plan.Step) plan.Verb {
	for _, id := range steps[0].After {
		if verb := c.plan.Steps[id-1].Verb; fetches(verb) {
			return verb
		}
	}
	return steps[0].Verb
}

// execute makes the steps of a branch until one fails.
func (c *Controller) execute(ctx context.Context, b *branch) {
	var err error
	for _, s := range b.steps {
		if err == nil {
			err = b.run.await(ctx, s.After)
		}
		if err == nil {
			err = c.step(ctx, b, s)
		}
		out := b.run.outcomes[s.ID]
		out.err = err
		close(out.done)
	}
	c.end(b, err)
	c.save()
	c.nudge()
}

// await waits for the steps that have to come before.
func (r *run) await(ctx context.Context, ids []int) error {
	for _, id := range ids {
		out := r.outcomes[id]
		if out == nil {
			return errSkipped
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-out.done:
		}
		if out.err != nil {
			return errSkipped
		}
	}
	return nil
}

// step makes one step and remembers how it went.
func (c *Controller) step(ctx context.Context, b *branch, s plan.Step) error {
	release, err := c.acquire(ctx, s)
	if err != nil {
		return err
	}
	defer release()
	if err := c.noteStep(b, s); err != nil {
		return err
	}
	defer c.noteOver(b)
	log := c.log.WithFields(logrus.Fields{"service": s.Service, "step": string(s.Verb)})
	c.tellBegin(b, s)
	limited, cancel := context.WithTimeout(ctx, cmp.Or(c.opts.Deadlines.Step, time.Duration(s.Deadline)))
	defer cancel()
	begin := time.Now()
	err = c.opts.Engine.Do(limited, s, b.svc)
	took := time.Since(begin)
	switch {
	case err == nil:
		c.noteDone(b, s, time.Now())
		c.tellEnd(b, s, journal.Done, took, nil)
		log.Infof("%s (%s) in %s", s.Verb, s.Cause, took.Round(time.Millisecond))
	case ctx.Err() != nil:
		c.tellEnd(b, s, journal.BrokenOff, took, nil)
		log.Infof("%s is broken off (%s)", s.Verb, s.Cause)
		return ctx.Err()
	default:
		c.noteFailed(b, err, time.Now())
		c.tellEnd(b, s, journal.Failed, took, err)
		log.WithField("err", err).Errorf("%s fails (%s)", s.Verb, s.Cause)
	}
	return err
}

// imageKey names an image of a daemon.
type imageKey struct {
	scope, ref string
}

// acquire waits until a step may begin: only so many creates and starts at once,
// and one fetch of the same image. What takes long takes nobody's slot.
func (c *Controller) acquire(ctx context.Context, s plan.Step) (release func(), err error) {
	var lock chan struct{}
	switch s.Verb {
	case plan.Create, plan.CreateNext, plan.Start:
		return c.starts.acquire(ctx, s.ID)
	case plan.Load, plan.Pull:
		lock = c.imageLock(imageKey{s.Scope, s.Image})
	case plan.Rename, plan.Stop, plan.Kill, plan.Unpause, plan.Remove,
		plan.Tag, plan.NetworkCreate, plan.NetworkRemove, plan.VolumeCreate:
		return func() {}, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	}
}

func (c *Controller) imageLock(key imageKey) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	lock := c.images[key]
	if lock == nil {
		lock = make(chan struct{}, 1)
		c.images[key] = lock
	}
	return lock
}

// end marks a branch as ended: the service is left alone until its effects have
// been observed.
func (c *Controller) end(b *branch, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.noteChurn(b, time.Now())
		c.settleBlame(b)
	}
	b.ended = true
	b.after = map[compose.Scope]int{}
	look := c.lookLocked
	if c.underWay() == 0 || c.needed(b.name) {
		look = c.hurryLocked
	}
	for _, s := range b.steps {
		scope := compose.Scope(s.Scope)
		if _, known := b.after[scope]; !known {
			b.after[scope] = look(scope)
		}
	}
}

// needed says whether a service waits for another one. The caller holds the mutex.
func (c *Controller) needed(name string) bool {
	for _, svc := range c.desired.Project.Services {
		if slices.ContainsFunc(svc.Needs, func(d compose.Dependency) bool { return d.Service == name }) {
			return true
		}
	}
	return false
}

// preempt ends a branch early, since something else is wanted: what waits or
// fetches at once, else after the step that is under way. The caller holds the
// controller's mutex.
func (b *branch) preempt() {
	b.abandoned = true
	if !b.acting {
		b.cancel()
	}
}
