package servicectl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// Signaller is an [Engine] that can send signals to containers.
type Signaller interface {
	Signal(ctx context.Context, scope compose.Scope, container, signal string) error
}

// Topper is an [Engine] that can list the processes of a container.
type Topper interface {
	Top(ctx context.Context, scope compose.Scope, container string) (Processes, error)
}

// Processes are those of a container, as ps shows them.
type Processes struct {
	Titles []string   `json:"titles"`
	Rows   [][]string `json:"rows"`
}

var (
	// ErrRuns is returned for what cannot be done to a service that runs.
	ErrRuns = errors.New("it runs")
	// ErrIdle is returned for what cannot be done to a service that does not.
	ErrIdle = errors.New("it does not run")
	// ErrMachineImage is returned for an image that is in no registry.
	ErrMachineImage = errors.New("its image comes with the machine")
	// ErrBuilt is returned for an image that is in no registry, since it is built here.
	ErrBuilt  = errors.New("its image is built on this machine")
	errCannot = errors.New("this engine cannot do that")
)

// Grace says how long a service has to end the next time that the user has it
// stopped or restarted; 0 is the time of its configuration.
func (c *Controller) Grace(name string, grace time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	names, err := c.named(name)
	for _, name := range names {
		m := c.memory[name]
		m.Grace = max(grace, 0)
		c.memory[name] = m
	}
	return err
}

// RemoveOptions say how a service's container is removed.
type RemoveOptions struct {
	Force bool          // also when it runs: it is stopped first
	Grace time.Duration // to end; 0 is the one of its configuration
}

// Remove stops a service and removes its container, until it is started again,
// or the machine reboots. Its volumes stay.
func (c *Controller) Remove(name string, o RemoveOptions) error {
	targets, err := c.targets(name)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if t.runs() && !o.Force {
			err = errors.Join(err, fmt.Errorf("cannot remove the container of %q: %w", t.svc.Name, ErrRuns))
		}
	}
	if err != nil {
		return err
	}
	return c.intend(name, func(m plan.Memory) plan.Memory {
		m.Intent, m.Start, m.Restart, m.Grace = plan.Removed, false, false, max(o.Grace, 0)
		return m
	})
}

// Replace makes a new container for a service, even if nothing has changed, and
// starts it.
func (c *Controller) Replace(name string) error {
	return c.intendEach(name, func(name string, m plan.Memory) plan.Memory {
		m.Intent, m.Start = plan.NoIntent, true
		if container := c.plan.Services[name].Container; container != nil {
			m.Replace = container.ID
		}
		return m
	})
}

// Kill sends a signal to a service: to each of its containers that runs. What
// follows when it ends is up to its restart policy.
func (c *Controller) Kill(ctx context.Context, name, signal string) error {
	targets, err := c.targets(name)
	targets = slices.DeleteFunc(targets, func(t target) bool { return !t.runs() })
	if err == nil && len(targets) == 0 {
		err = ErrIdle
	}
	if err != nil {
		return fmt.Errorf("cannot send %s to %q: %w", signal, name, err)
	}
	e, can := c.opts.Engine.(Signaller)
	if !can {
		return errCannot
	}
	for _, t := range targets {
		c.log.WithField("service", t.svc.Name).Infof("the user sends %s", signal)
		failed := e.Signal(ctx, t.svc.Scope, t.container.ID, signal)
		c.tellKill(t.svc.Name, signal, failed)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", t.svc.Name, failed))
		}
		c.look(t.svc.Scope)
	}
	return err
}

// Top lists the processes of one container.
func (c *Controller) Top(ctx context.Context, name string) (Processes, error) {
	t, err := c.running(name)
	if err != nil {
		return Processes{}, fmt.Errorf("cannot list the processes of %q: %w", name, err)
	}
	e, can := c.opts.Engine.(Topper)
	if !can {
		return Processes{}, errCannot
	}
	return e.Top(ctx, t.svc.Scope, t.container.ID)
}

// Pull fetches a service's image from its registry, also when there is one, and
// tells how far it is. A service whose image is another one afterwards gets a new
// container.
func (c *Controller) Pull(ctx context.Context, name string, tell func(progress string)) error {
	targets, err := c.targets(name)
	if err != nil {
		return err
	}
	pulled := map[imageKey]bool{}
	for _, t := range targets {
		key := imageKey{string(t.svc.Scope), t.svc.Spec.Image}
		if !pulled[key] && ctx.Err() == nil {
			pulled[key] = true
			err = errors.Join(err, c.pull(ctx, t.svc, tell))
		}
	}
	return err
}

func (c *Controller) pull(ctx context.Context, svc compose.Service, tell func(progress string)) error {
	name := svc.Name
	step := plan.Step{
		Verb: plan.Pull, Service: name, Scope: string(svc.Scope), Image: svc.Spec.Image, Cause: "asked for by the user",
	}
	if plan.IsMachineImage(step.Image) {
		return fmt.Errorf("cannot pull image %s of %q: %w", step.Image, name, ErrMachineImage)
	}
	if svc.Builds() {
		return fmt.Errorf("cannot pull image %s of %q: %w ('ros service build' builds it)", step.Image, name, ErrBuilt)
	}
	lock := c.imageLock(imageKey{step.Scope, step.Image})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case lock <- struct{}{}:
		defer func() { <-lock }()
	}
	ended := make(chan error, 1)
	go func() { ended <- c.opts.Engine.Do(ctx, step, svc) }()
	err := c.follow(svc, ended, tell)
	c.look(svc.Scope)
	return err
}

// follow tells how far an image is until its pull has ended.
func (c *Controller) follow(svc compose.Service, ended <-chan error, tell func(progress string)) error {
	ticker := time.NewTicker(progressFresh / 2)
	defer ticker.Stop()
	p, tells := c.opts.Engine.(Progresser)
	last := ""
	for {
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
		}
		if !tells {
			continue
		}
		if text := p.Progress(svc.Scope)[svc.Spec.Image]; text != last && text != "" {
			last = text
			tell(text)
		}
	}
}

// target is a service, and the container that counts for it, nil when there is
// none.
type target struct {
	svc       compose.Service
	container *plan.Container
}

func (t target) runs() bool {
	return t.container != nil &&
		(t.container.State == plan.Running || t.container.State == plan.Paused || t.container.State == plan.Restarting)
}

// targets are all that a person means by a name.
func (c *Controller) targets(name string) ([]target, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names, err := c.named(name)
	var out []target
	for _, name := range names {
		out = append(out, target{c.desired.Project.Services[name], c.plan.Services[name].Container})
	}
	return out, err
}

// running is the one container of a name, which runs.
func (c *Controller) running(name string) (target, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	svc, known := c.desired.Project.Services[name]
	if !known {
		return target{}, c.notOne(name)
	}
	t := target{svc, c.plan.Services[name].Container}
	if !t.runs() {
		return t, ErrIdle
	}
	return t, nil
}
