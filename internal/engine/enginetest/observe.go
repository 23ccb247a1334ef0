package enginetest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// Observe lists one daemon, also when it need not.
func (f *Fake) Observe(ctx context.Context, scope compose.Scope, want compose.Project, whole bool) plan.Daemon {
	fault := f.fault(Call{Method: "observe", Scope: scope, Whole: whole})
	if fault.Hang {
		<-ctx.Done()
		return plan.Daemon{Err: ctx.Err().Error()}
	}
	if fault.Err != nil {
		return plan.Daemon{Err: fault.Err.Error()}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.daemons[scope]
	if !d.up {
		return plan.Daemon{Err: "connection refused"}
	}
	out := plan.Daemon{Available: true, Whole: whole || !f.Remembers, Images: map[string]string{}}
	out.Networks, out.Volumes = d.observeResources(scope, want)
	for _, svc := range want.Services {
		if id := d.images[svc.Spec.Image]; id != "" && svc.Scope == scope {
			out.Images[svc.Spec.Image] = id
		}
	}
	for _, c := range d.list() {
		_, wanted := want.Services[c.Name]
		_, next := want.Services[plan.WithoutNext(c.Name)]
		if c.Managed || wanted || next {
			out.Containers = append(out.Containers, f.inspect(c))
		}
	}
	return out
}

// inspect is a container as it is at this moment; the caller holds the lock.
func (f *Fake) inspect(c *container) plan.Container {
	out := c.Container
	out.Fields, out.Networks = maps.Clone(c.Fields), maps.Clone(c.Networks)
	if c.State != plan.Running {
		return out
	}
	b := f.Behave[c.Service]
	passed := time.Since(c.Started) >= b.ReadyAfter
	out.Ready = passed && !b.Unhealthy
	if c.svc.Ready.Kind == compose.ReadyHealth {
		switch {
		case !passed:
			out.Health = plan.Starting
		case b.Unhealthy:
			out.Health = plan.Unhealthy
		default:
			out.Health = plan.Healthy
		}
	}
	return out
}

// Events nudges once, and then on every event until ctx ends.
func (f *Fake) Events(ctx context.Context, scope compose.Scope, nudge func()) {
	f.mu.Lock()
	f.serial++
	id := f.serial
	f.daemons[scope].nudges[id] = nudge
	f.mu.Unlock()
	nudge()
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.daemons[scope].nudges, id)
}

// Logs copies what a container wrote: a line for each start and end.
func (f *Fake) Logs(ctx context.Context, scope compose.Scope, name string, opts servicectl.LogOptions, w io.Writer) error {
	if fault := f.fault(Call{Method: "logs", Scope: scope}); fault.Err != nil {
		return fault.Err
	}
	f.mu.Lock()
	d := f.daemons[scope]
	c := d.find(plan.Step{Container: name})
	if c == nil {
		c = d.byName(name)
	}
	var lines []string
	if c != nil {
		lines = append(lines, c.output...)
	}
	f.mu.Unlock()
	if c == nil {
		return fmt.Errorf("cannot read the log of %q: no such container", name)
	}
	tail := opts.Tail
	if tail == 0 {
		tail = 100
	}
	if opts.Timestamps {
		for i := range lines {
			lines[i] = "2000-01-01T00:00:00.000000000Z " + lines[i]
		}
	}
	if tail > 0 && len(lines) > tail {
		lines = lines[len(lines)-tail:]
	}
	for _, l := range lines {
		if _, err := io.WriteString(w, l+"\n"); err != nil {
			return fmt.Errorf("cannot copy the log of %q: %w", name, err)
		}
	}
	if opts.Follow {
		<-ctx.Done()
	}
	return nil
}

// fault counts a call and asks what goes wrong with it.
func (f *Fake) fault(c Call) Fault {
	f.mu.Lock()
	f.calls++
	c.N = f.calls
	f.mu.Unlock()
	if f.Fault == nil {
		return Fault{}
	}
	return f.Fault(c)
}
