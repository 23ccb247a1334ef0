package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// Do makes one step, or refuses it as Docker would.
func (f *Fake) Do(ctx context.Context, step plan.Step, svc compose.Service) error {
	fault := f.fault(Call{Method: "do", Scope: compose.Scope(step.Scope), Step: step})
	if fault.Hang && !fault.After {
		<-ctx.Done()
		return ctx.Err()
	}
	if fault.Ignore || fault.Err != nil && !fault.After {
		return fault.Err
	}
	if err := f.take(ctx, f.Latency); err != nil {
		return err
	}
	if err := f.do(ctx, step, svc); err != nil {
		return fmt.Errorf("cannot %s %s: %w", step.Verb, step.Service, err)
	}
	f.event(compose.Scope(step.Scope))
	if fault.Hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return fault.Err
}

// take lasts some time.
func (f *Fake) take(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (f *Fake) do(ctx context.Context, step plan.Step, svc compose.Service) error {
	if step.Verb == plan.Stop {
		if err := f.slowStop(ctx, step); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.daemons[compose.Scope(step.Scope)]
	if !d.up {
		return fmt.Errorf("connection refused")
	}
	f.steps = append(f.steps, step)
	switch step.Verb {
	case plan.Load:
		return d.bring(step.Image, d.machine, "no such file")
	case plan.Pull:
		err := d.bring(step.Image, d.registry, "not found: manifest unknown")
		if err == nil {
			d.pulled += ImageSize
		}
		return err
	case plan.Create, plan.CreateNext:
		return f.create(d, step, svc)
	case plan.Rename:
		return d.rename(step)
	case plan.Start:
		return f.start(d, step)
	case plan.Stop:
		f.end(d.find(step), 143)
	case plan.Kill:
		f.end(d.find(step), 137)
	case plan.Unpause:
		return d.unpause(step)
	case plan.Remove:
		return d.remove(step)
	case plan.Tag:
		d.images[step.Image] = step.From
	case plan.NetworkCreate:
		return f.createNetwork(d, step.Resource, svc)
	case plan.NetworkRemove:
		return d.removeNetwork(step.Resource)
	case plan.VolumeCreate:
		return d.createVolume(step.Resource, svc)
	}
	return nil
}

// slowStop waits as long as the container takes to stop, its grace at most.
func (f *Fake) slowStop(ctx context.Context, step plan.Step) error {
	f.mu.Lock()
	c := f.daemons[compose.Scope(step.Scope)].find(step)
	var takes time.Duration
	if c != nil && c.State == plan.Running {
		takes = min(f.Behave[c.Service].StopTakes, time.Duration(step.Grace))
	}
	f.mu.Unlock()
	return f.take(ctx, takes)
}

// bring makes an image present.
func (d *daemon) bring(ref string, from map[string]string, absent string) error {
	id, known := from[ref]
	switch {
	case d.images[ref] != "":
		return nil
	case !known:
		id = imageID(ref)
	case id == "":
		return fmt.Errorf("%s: %s", ref, absent)
	}
	d.images[ref] = id
	return nil
}

func (f *Fake) create(d *daemon, step plan.Step, svc compose.Service) error {
	if c := d.byName(step.Name); c != nil {
		if c.Managed && c.Service == svc.Name && c.Hash == svc.Hash && c.State == plan.Created {
			return nil
		}
		return fmt.Errorf("conflict: the container name %q is already in use by container %s", step.Name, c.ID)
	}
	image := d.images[svc.Spec.Image]
	if image == "" {
		return fmt.Errorf("no such image: %s", svc.Spec.Image)
	}
	networks, err := d.join(svc)
	if err != nil {
		return err
	}
	id := f.newID(step.Name)
	d.containers[id] = &container{svc: svc, Container: plan.Container{
		ID: id, Name: step.Name, Service: svc.Name, Managed: true,
		Hash: svc.Hash, Fields: maps.Clone(svc.Fields),
		Image: svc.Spec.Image, ImageID: image, File: svc.File, Networks: networks,
		State: plan.Created, Created: time.Now(), Joined: d.joined(svc), Ports: published(svc),
	}}
	return nil
}

// published are the ports of the machine that a service's container is to have.
func published(svc compose.Service) []string {
	var out []string
	for _, p := range svc.Spec.Ports {
		if p.Published != "" && !strings.Contains(p.Published, "-") {
			out = append(out, p.Published+"/"+cmp.Or(p.Protocol, "tcp"))
		}
	}
	slices.Sort(out)
	return out
}

// joined are the containers that a new one of a service shares things with.
func (d *daemon) joined(svc compose.Service) []string {
	var out []string
	names := []string{}
	for _, mode := range []string{svc.Spec.NetworkMode, svc.Spec.Ipc, svc.Spec.Pid} {
		if name, ok := strings.CutPrefix(mode, "service:"); ok {
			names = append(names, name)
		}
	}
	for _, name := range append(names, svc.Spec.VolumesFrom...) {
		if c := d.byName(name); c != nil {
			out = append(out, c.ID)
		}
	}
	return out
}

func (d *daemon) rename(step plan.Step) error {
	c := d.containers[step.Container]
	if step.Container == "" {
		c = d.byName(step.From)
	}
	taken := d.byName(step.Name)
	switch {
	case taken != nil && (taken == c || c == nil && taken.Service == step.Service):
		return nil // done before
	case c == nil:
		return fmt.Errorf("no such container: %s%s", step.Container, step.From)
	case taken != nil:
		return fmt.Errorf("conflict: the container name %q is already in use by container %s", step.Name, taken.ID)
	}
	c.Name = step.Name
	return nil
}

func (f *Fake) start(d *daemon, step plan.Step) error {
	c := d.find(step)
	if c == nil {
		return fmt.Errorf("no such container: %s%s", step.Container, step.Name)
	}
	switch c.State {
	case plan.Running, plan.Restarting:
		return nil
	case plan.Paused:
		return fmt.Errorf("cannot start a paused container, try unpause instead")
	case plan.Dead, plan.Removing:
		return fmt.Errorf("container is marked for removal and cannot be started")
	case plan.Created, plan.Exited:
	}
	b := f.Behave[c.Service]
	if err := d.connected(c); err != nil {
		return err
	}
	if why := cmp.Or(c.broken, b.StartFails); why != "" {
		c.Error, c.ExitCode = why, 127
		return errors.New(why)
	}
	if port := d.takenPort(c); port != "" { // Docker takes it out of its networks, too
		clear(c.Networks)
		c.Error, c.ExitCode = "Bind for :"+port+" failed: port is already allocated", 128
		return errors.New(c.Error)
	}
	c.State, c.Started, c.Finished = plan.Running, time.Now(), time.Time{}
	c.Error, c.ExitCode, c.OOM = "", 0, false
	c.output = append(c.output, "started")
	switch {
	case b.Exits || c.svc.OneShot && b.RunsFor == 0:
		f.end(c, b.ExitCode)
	case b.RunsFor > 0:
		scope := compose.Scope(step.Scope)
		c.timer = time.AfterFunc(b.RunsFor, func() { f.exit(scope, c.ID, b.ExitCode) })
	}
	return nil
}

// takenPort is a port that a container publishes and that one that runs has, "" when
// there is none.
func (d *daemon) takenPort(c *container) string {
	for _, other := range d.containers {
		for _, p := range other.svc.Spec.Ports {
			same := func(q types.ServicePortConfig) bool {
				return p.Published != "" && q.Published == p.Published && q.Protocol == p.Protocol
			}
			if other != c && other.State == plan.Running && slices.ContainsFunc(c.svc.Spec.Ports, same) {
				return p.Published
			}
		}
	}
	return ""
}

// end is a container's end, whatever the reason; the caller holds the lock.
func (f *Fake) end(c *container, code int) {
	if c == nil {
		return
	}
	switch c.State {
	case plan.Running, plan.Paused, plan.Restarting:
		if c.timer != nil {
			c.timer.Stop()
		}
		c.State, c.ExitCode, c.Finished = plan.Exited, code, time.Now()
		c.output = append(c.output, "ended")
	case plan.Created, plan.Exited, plan.Dead, plan.Removing:
	}
}

func (d *daemon) unpause(step plan.Step) error {
	c := d.find(step)
	switch {
	case c == nil:
		return fmt.Errorf("no such container: %s%s", step.Container, step.Name)
	case c.State == plan.Paused:
		c.State = plan.Running
	case c.State != plan.Running:
		return fmt.Errorf("container %s is not paused", c.ID)
	}
	return nil
}

func (d *daemon) remove(step plan.Step) error {
	c := d.containers[step.Container]
	if c == nil {
		return nil
	}
	switch c.State {
	case plan.Running, plan.Paused, plan.Restarting:
		return fmt.Errorf("cannot remove container %q: container is running", c.Name)
	case plan.Created, plan.Exited, plan.Dead, plan.Removing:
	}
	delete(d.containers, c.ID)
	return nil
}
