package servicectl

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// pass decides once from the whole state, starts the branches of the plan, and
// returns when the next pass is due. It waits for no step.
func (c *Controller) pass(ctx context.Context, all *sync.WaitGroup) time.Time {
	c.reload(ctx)
	c.readBoot()
	c.saveAgain()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.loaded {
		c.readingEnds()
		c.publish()
		return c.loadAt
	}
	c.retire()
	c.setClocks(now)
	c.plan = c.make(now)
	c.readingEnds()
	c.noteReady(now)
	todo := c.runnable()
	if !c.closing {
		c.launch(ctx, all, todo, now)
		c.punch(todo, now)
	}
	c.forgetGone()
	c.publish()
	c.wantTails()
	c.pollReadiness()
	next := earlier(earlier(c.lookWhenDue(now), c.plan.Wake), c.progressDue(now))
	if len(c.bootReport) > 0 { // what was wrong may be mended meanwhile
		next = earlier(next, c.bootRead.Add(bootFresh))
	}
	c.counts.passEnds(c.status)
	return earlier(earlier(next, c.saveAt), c.loadAt)
}

// make makes a plan of the present state. The caller holds the mutex.
func (c *Controller) make(now time.Time) plan.Plan {
	have := plan.Observed{
		Daemons:      map[compose.Scope]plan.Daemon{},
		Memory:       c.memory,
		Busy:         map[string]string{},
		Boot:         c.opts.Boot,
		KeepUnwanted: c.desired.unsure(),
		Incomplete:   len(c.desired.Waiting) > 0,
	}
	for scope, o := range c.observers {
		have.Daemons[scope] = o.daemon
		c.noteRunning(o.daemon)
	}
	for name, b := range c.branches {
		have.Busy[name] = string(b.verb)
	}
	return plan.Make(c.desired.Project, have, now)
}

// retire forgets branches that have ended and whose effects were observed. The
// caller holds the mutex.
func (c *Controller) retire() {
	for name, b := range c.branches {
		if !b.ended {
			continue
		}
		seen := true
		for scope, asked := range b.after {
			seen = seen && c.observers[scope].seen >= asked
		}
		if seen {
			delete(c.branches, name)
		}
	}
}

// bootFresh is how old the boot's problems may be.
const bootFresh = 10 * time.Second

// readBoot reads what went wrong before the controller. The boot may still be
// writing it down.
func (c *Controller) readBoot() {
	c.mu.Lock()
	wanted := c.opts.BootProblems != nil && (c.bootRead.IsZero() || time.Since(c.bootRead) >= bootFresh)
	c.mu.Unlock()
	if !wanted {
		return
	}
	report := c.opts.BootProblems()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bootReport, c.bootRead = report, time.Now()
}

// adopt makes a reading the desired one. The caller holds the mutex.
func (c *Controller) adopt(d Desired) {
	first := !c.loaded
	same := !first && reflect.DeepEqual(c.desired.Config, d.Config)
	for _, p := range d.Report {
		c.log.WithField("config", p.Pos.String()).Warn(p.String())
	}
	c.tellConfig(d)
	c.stopPersisted(d)
	c.desired, c.loaded, c.kept = d, true, false
	for _, scope := range scopes {
		c.observers[scope].needed = c.hurryLocked(scope)
	}
	for name, b := range c.branches {
		svc := d.Project.Services[name]
		if svc.Hash != b.svc.Hash || svc.Scope != b.svc.Scope {
			b.preempt()
		}
	}
	if !same {
		poke(c.listen)
		c.applyLocked()
	}
}

// applyLocked has the host made to match. The caller holds the mutex.
func (c *Controller) applyLocked() {
	c.applied = c.opts.Machine == nil
	c.applyCount++
	poke(c.apply)
}

// applyHost makes the host match, one reading at a time, until ctx ends.
func (c *Controller) applyHost(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.apply:
		}
		c.mu.Lock()
		count, cfg := c.applyCount, c.desired.Config
		c.mu.Unlock()
		if c.opts.Machine == nil {
			continue
		}
		report := c.opts.Machine.Apply(ctx, cfg)
		for _, p := range report {
			c.log.WithField("phase", "apply").Warn(p.String())
		}
		c.mu.Lock()
		c.hostReport = report
		c.applied = count == c.applyCount
		c.mu.Unlock()
		c.nudge()
	}
}
