package servicectl

import (
	"context"
	"errors"
	"fmt"
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
	errCannot       = errors.New("this engine cannot do that")
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
	svc, container, err := c.find(name)
	if err != nil {
		return err
	}
	if container != nil && runs(container.State) && !o.Force {
		return fmt.Errorf("cannot remove the container of %q: %w", svc.Name, ErrRuns)
	}
	return c.intend(name, func(m plan.Memory) plan.Memory {
		m.Intent, m.Start, m.Restart, m.Grace = plan.Removed, false, false, max(o.Grace, 0)
		return m
	})
}

// Replace makes a new container for a service, even if nothing has changed, and
// starts it.
func (c *Controller) Replace(name string) error {
	_, container, err := c.find(name)
	if err != nil {
		return err
	}
	return c.intend(name, func(m plan.Memory) plan.Memory {
		m.Intent, m.Start = plan.NoIntent, true
		if container != nil {
			m.Replace = container.ID
		}
		return m
	})
}

// Kill sends a signal to a service. What follows when it ends is up to its
// restart policy.
func (c *Controller) Kill(ctx context.Context, name, signal string) error {
	svc, container, err := c.running(name)
	if err != nil {
		return fmt.Errorf("cannot send %s to %q: %w", signal, name, err)
	}
	e, can := c.opts.Engine.(Signaller)
	if !can {
		return errCannot
	}
	c.log.WithField("service", name).Infof("the user sends %s", signal)
	err = e.Signal(ctx, svc.Scope, container.ID, signal)
	c.look(svc.Scope)
	return err
}

// Top lists the processes of a service.
func (c *Controller) Top(ctx context.Context, name string) (Processes, error) {
	svc, container, err := c.running(name)
	if err != nil {
		return Processes{}, fmt.Errorf("cannot list the processes of %q: %w", name, err)
	}
	e, can := c.opts.Engine.(Topper)
	if !can {
		return Processes{}, errCannot
	}
	return e.Top(ctx, svc.Scope, container.ID)
}

// Pull fetches a service's image from its registry, also when there is one, and
// tells how far it is. A service whose image is another one afterwards gets a new
// container.
func (c *Controller) Pull(ctx context.Context, name string, tell func(progress string)) error {
	svc, _, err := c.find(name)
	if err != nil {
		return err
	}
	step := plan.Step{
		Verb: plan.Pull, Service: name, Scope: string(svc.Scope), Image: svc.Spec.Image, Cause: "asked for by the user",
	}
	if plan.IsMachineImage(step.Image) {
		return fmt.Errorf("cannot pull image %s of %q: %w", step.Image, name, ErrMachineImage)
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
	err = c.follow(svc, ended, tell)
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

// find is a service, and the container that counts for it, nil when there is
// none.
func (c *Controller) find(name string) (compose.Service, *plan.Container, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	svc, known := c.desired.Project.Services[name]
	if !known {
		return svc, nil, c.notOne(name)
	}
	return svc, c.plan.Services[name].Container, nil
}

// running is a service that runs, and its container.
func (c *Controller) running(name string) (compose.Service, *plan.Container, error) {
	svc, container, err := c.find(name)
	if err == nil && (container == nil || !runs(container.State)) {
		err = ErrIdle
	}
	return svc, container, err
}

func runs(s plan.State) bool {
	return s == plan.Running || s == plan.Paused || s == plan.Restarting
}
