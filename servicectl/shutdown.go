package servicectl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// userGrace is how long a user's container may take to end.
const userGrace = 10 * time.Second

// Shutdown ends [Controller.Run], stops the user's containers, then the
// machine's services, each before what it depends on, and last whatever else
// runs in System Docker. It returns when all have stopped or ctx ends.
func (c *Controller) Shutdown(ctx context.Context) error {
	if err := c.endRun(ctx); err != nil {
		return err
	}
	c.log.WithField("phase", "shutdown").Info("stopping all containers")
	c.tell(journal.Event{Kind: journal.Controller, State: "stops everything: the machine goes down"})
	defer func() { c.flushed(c.opts.Journal.Close()) }()
	c.mu.Lock()
	want := c.desired.Project
	c.mu.Unlock()
	err := c.stopScope(ctx, compose.User, want, c.stopAll)
	return errors.Join(err, c.stopScope(ctx, compose.System, want, func(ctx context.Context, scope compose.Scope) error {
		return errors.Join(c.stopServices(ctx, want), c.stopAll(ctx, scope))
	}))
}

// endRun ends Run and waits for it.
func (c *Controller) endRun(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	cancel := c.cancel
	c.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	select {
	case <-ctx.Done():
		return fmt.Errorf("cannot end what is under way: %w", ctx.Err())
	case <-c.ended:
		return nil
	}
}

// stopScope stops one daemon's containers; a daemon that does not answer has
// none that could be stopped.
func (c *Controller) stopScope(
	ctx context.Context, scope compose.Scope, want compose.Project,
	stop func(context.Context, compose.Scope) error,
) error {
	if d := c.opts.Engine.Observe(ctx, scope, want, true); !d.Available {
		return nil
	}
	return stop(ctx, scope)
}

// stopAll stops what runs in a daemon, in any order.
func (c *Controller) stopAll(ctx context.Context, scope compose.Scope) error {
	s, can := c.opts.Engine.(Stopper)
	if !can {
		return nil
	}
	if err := s.StopAll(ctx, scope, userGrace); err != nil {
		return fmt.Errorf("cannot stop all %s containers: %w", scope, err)
	}
	return nil
}

// stopServices stops System Docker's services in reverse order of dependency.
// A service that does not stop holds up what it depends on, until ctx ends.
func (c *Controller) stopServices(ctx context.Context, want compose.Project) error {
	d := c.opts.Engine.Observe(ctx, compose.System, want, true)
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs error
	stopped := map[string]chan struct{}{}
	containers := map[string][]plan.Container{}
	for _, con := range d.Containers {
		if con.Managed {
			containers[con.Service] = append(containers[con.Service], con)
			stopped[con.Service] = make(chan struct{})
		}
	}
	for name, before := range dependents(want) {
		if stopped[name] == nil {
			continue
		}
		containersOf := containers[name]
		delete(containers, name)
		all.Go(func() {
			defer close(stopped[name])
			awaitAll(ctx, stopped, before)
			var err error
			for _, con := range containersOf {
				err = errors.Join(err, c.stopOne(ctx, con, want.Services[name]))
			}
			mu.Lock()
			defer mu.Unlock()
			errs = errors.Join(errs, err)
		})
	}
	for _, group := range containers { // nobody depends on what is not wanted
		for _, con := range group {
			all.Go(func() {
				err := c.stopOne(ctx, con, compose.Service{})
				mu.Lock()
				defer mu.Unlock()
				errs = errors.Join(errs, err)
			})
		}
	}
	all.Wait()
	return errs
}

// awaitAll waits until services have stopped, or ctx ends.
func awaitAll(ctx context.Context, stopped map[string]chan struct{}, names []string) {
	for _, n := range names {
		if stopped[n] == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-stopped[n]:
		}
	}
}

// stopOne stops one container within its grace.
func (c *Controller) stopOne(ctx context.Context, con plan.Container, svc compose.Service) error {
	switch con.State {
	case plan.Running, plan.Paused, plan.Restarting:
	case plan.Created, plan.Exited, plan.Dead, plan.Removing:
		return nil
	}
	grace := svc.StopGrace
	if grace <= 0 {
		grace = userGrace
	}
	step := plan.Step{
		Verb: plan.Stop, Service: con.Service, Scope: string(compose.System), Container: con.ID, Name: con.Name,
		Cause: "the machine goes down", Grace: plan.Seconds(grace),
	}
	log := c.log.WithFields(logrus.Fields{"service": con.Service, "step": string(step.Verb), "phase": "shutdown"})
	b := &branch{name: con.Service}
	begin := time.Now()
	if err := c.opts.Engine.Do(ctx, step, svc); err != nil {
		c.tellEnd(b, step, journal.Failed, time.Since(begin), err)
		log.WithField("err", err).Error("cannot stop the service")
		return fmt.Errorf("cannot stop service %s: %w", con.Service, err)
	}
	c.tellEnd(b, step, journal.Done, time.Since(begin), nil)
	log.Infof("stop (%s)", step.Cause)
	return nil
}

// dependents are, for every system service, those that have to stop before it.
// An edge that closes a cycle is left out.
func dependents(p compose.Project) map[string][]string {
	out := map[string][]string{}
	const open, closed = 1, 2
	mark := map[string]int{}
	var visit func(name string)
	visit = func(name string) {
		mark[name] = open
		if _, known := out[name]; !known {
			out[name] = nil
		}
		for _, d := range p.Services[name].Needs {
			if _, known := p.Services[d.Service]; !known || mark[d.Service] == open {
				continue
			}
			if mark[d.Service] != closed {
				visit(d.Service)
			}
			out[d.Service] = append(out[d.Service], name)
		}
		mark[name] = closed
	}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		if mark[name] == 0 {
			visit(name)
		}
	}
	return out
}
