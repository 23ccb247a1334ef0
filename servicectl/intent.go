package servicectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// ErrUnknown is returned for a service that the configuration does not have.
var ErrUnknown = errors.New("no such service")

// Stop stops a service until it is started again, or the machine reboots.
func (c *Controller) Stop(name string) error {
	return c.intend(name, func(m plan.Memory) plan.Memory {
		m.Intent, m.Start, m.Restart = plan.Stopped, false, false
		return m
	})
}

// Start starts a service that was stopped, failed, or backs off.
func (c *Controller) Start(name string) error {
	return c.intend(name, func(m plan.Memory) plan.Memory {
		m.Intent, m.Start = plan.NoIntent, true
		return m
	})
}

// Restart stops a service and starts it again, once.
func (c *Controller) Restart(name string) error {
	return c.intend(name, func(m plan.Memory) plan.Memory {
		m.Intent, m.Restart = plan.NoIntent, true
		return m
	})
}

// intend remembers what the user wants, and forgives failures. It returns when
// that is kept, not when it is done; the status tells when it cannot be kept.
func (c *Controller) intend(name string, change func(plan.Memory) plan.Memory) error {
	return c.intendEach(name, func(_ string, m plan.Memory) plan.Memory { return change(m) })
}

// intendEach is intend for what is another change for each container. change is
// called with the mutex held.
func (c *Controller) intendEach(name string, change func(name string, m plan.Memory) plan.Memory) error {
	c.mu.Lock()
	names, err := c.named(name)
	if err != nil {
		c.mu.Unlock()
		return err
	}
	for _, name := range names {
		m := change(name, c.memory[name].Forgiven())
		c.tell(journal.Event{Kind: journal.Intent, Service: name, State: asked(m)})
		c.memory[name] = m
		if b := c.branches[name]; b != nil && m.Intent != plan.NoIntent {
			b.preempt()
		}
	}
	c.plan = c.make(time.Now()) // so that the status is about the intent at once
	c.publish()
	c.mu.Unlock()
	c.save()
	c.nudge()
	return nil
}

// asked is what a user asked for.
func asked(m plan.Memory) string {
	switch {
	case m.Intent == plan.Stopped:
		return "stop"
	case m.Intent == plan.Removed:
		return "remove"
	case m.Restart:
		return "restart"
	case m.Replace != "":
		return "replace"
	}
	return "start"
}

// tellKill tells that a user sent a signal to a service, or why that failed.
func (c *Controller) tellKill(name, signal string, failed error) {
	e := journal.Event{Kind: journal.Intent, Service: name, State: journal.AskedKill + signal}
	if failed != nil {
		e.Problem = failed.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell(e)
}

// Plan is what is being done, and what would be done now.
func (c *Controller) Plan() plan.Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded {
		return plan.Plan{Steps: []plan.Step{}}
	}
	p := c.make(time.Now())
	for _, name := range slices.Sorted(maps.Keys(c.branches)) {
		if b := c.branches[name]; !b.ended {
			p.UnderWay = append(p.UnderWay, plan.UnderWay{Step: b.steps[b.at], Next: b.steps[b.at+1:]})
		}
	}
	return p
}

// Wait waits until the machine has converged or, when services are named, until
// they are ready; it gives up on what cannot get ready without a change from
// outside. It returns the status at the end, also when ctx ends first.
func (c *Controller) Wait(ctx context.Context, services []string) (Status, error) {
	for {
		st, changed := c.snapshot()
		settled, err := st.settledFor(services)
		if err != nil || settled {
			return st, err
		}
		select {
		case <-ctx.Done():
			return st, nil
		case <-changed:
		}
	}
}

// settledFor says whether waiting for the services, or all of them, is over.
func (st Status) settledFor(names []string) (bool, error) {
	if len(names) == 0 || !st.current {
		return st.settled, nil
	}
	settled := true
	for _, n := range names {
		known := false
		for _, s := range st.Services {
			if s.Called(n) {
				known, settled = true, settled && !s.hopeful()
			}
		}
		if !known {
			return false, fmt.Errorf("%w: %q", ErrUnknown, n)
		}
	}
	return settled, nil
}

// Logs copies the log of one container.
func (c *Controller) Logs(ctx context.Context, name string, opts LogOptions, w io.Writer) error {
	c.mu.Lock()
	svc, known := c.desired.Project.Services[name]
	err := c.notOne(name)
	c.mu.Unlock()
	if !known {
		return err
	}
	return c.opts.Engine.Logs(ctx, svc.Scope, name, opts, w)
}

// Stopper is an engine that can stop every container of a daemon, also those
// that no service owns.
type Stopper interface {
	StopAll(ctx context.Context, scope compose.Scope, grace time.Duration) error
}
