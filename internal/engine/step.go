package engine

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// removeTimeout is how long to wait for a removal that somebody else has begun.
const removeTimeout = 30 * time.Second

// Do makes one step. A step whose effect is already there succeeds.
func (e *Engine) Do(ctx context.Context, step plan.Step, svc compose.Service) error {
	d, err := e.daemon(compose.Scope(step.Scope))
	if err != nil {
		return err
	}
	d.seen.stepBegins(subject(step))
	err = e.do(ctx, d, step, svc)
	d.seen.stepEnds(subject(step))
	if step.Verb == plan.Rename && step.Container == "" {
		d.seen.touch(step.Name) // the subject is the name that it had
	}
	if err != nil {
		d.seen.distrust() // something is not as it was thought to be,
		if errdefs.IsNotFound(err) {
			d.seen.renewAfter(0) // an image or a network perhaps
		}
		err = d.inTheWay(ctx, err)
		return fmt.Errorf("cannot %s: %w", phrase(step), daemonError{err})
	}
	return nil
}

func (e *Engine) do(ctx context.Context, d *daemon, step plan.Step, svc compose.Service) error {
	switch step.Verb {
	case plan.Load:
		return e.load(ctx, d, step.Image)
	case plan.Pull:
		return e.pull(ctx, d, compose.Scope(step.Scope), step.Image, svc.Spec.Platform)
	case plan.Create, plan.CreateNext:
		return e.create(ctx, d, step, svc)
	case plan.Rename:
		return d.rename(ctx, step, svc)
	case plan.Start:
		return d.api().ContainerStart(ctx, subject(step), container.StartOptions{})
	case plan.Stop:
		return d.stop(ctx, subject(step), cmp.Or(time.Duration(step.Grace), svc.StopGrace))
	case plan.Kill:
		return d.kill(ctx, subject(step))
	case plan.Unpause:
		return d.unpause(ctx, subject(step))
	case plan.Remove:
		return d.remove(ctx, subject(step))
	case plan.Tag:
		return d.tag(ctx, step.From, step.Image)
	case plan.NetworkCreate:
		return d.createNetwork(ctx, step.Resource, svc)
	case plan.NetworkRemove:
		return d.removeNetwork(ctx, step.Resource)
	case plan.VolumeCreate:
		return d.createVolume(ctx, step.Resource, svc)
	}
	return fmt.Errorf("there is no step %q", step.Verb)
}

// subject is the container that a step is about: its ID, else its name.
func subject(step plan.Step) string {
	if step.Verb == plan.Rename {
		return cmp.Or(step.Container, step.From)
	}
	return cmp.Or(step.Container, step.Name)
}

// phrase is a step in words, after "cannot".
func phrase(step plan.Step) string {
	switch step.Verb {
	case plan.NetworkCreate, plan.VolumeCreate:
		return fmt.Sprintf("create %s for %s", strings.TrimSuffix(string(step.Verb), "-create")+" "+step.Resource, step.Service)
	case plan.NetworkRemove:
		return "remove network " + step.Resource
	case plan.Load, plan.Pull, plan.Tag:
		return fmt.Sprintf("%s image %s for %s", step.Verb, step.Image, step.Service)
	case plan.CreateNext:
		return "create the replacement of " + step.Service
	case plan.Rename:
		return fmt.Sprintf("rename the container of %s to %s", step.Service, step.Name)
	case plan.Create, plan.Start, plan.Stop, plan.Kill, plan.Unpause, plan.Remove:
	}
	return fmt.Sprintf("%s %s", step.Verb, step.Service)
}

// stop ends a container, by force after the grace time; Docker's own, when it is
// 0.
func (d *daemon) stop(ctx context.Context, id string, grace time.Duration) error {
	var o container.StopOptions
	if grace > 0 {
		seconds := wholeSeconds(grace)
		o.Timeout = &seconds
	}
	err := d.api().ContainerStop(ctx, id, o)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// wholeSeconds rounds up: half a second of grace must not become none.
func wholeSeconds(t time.Duration) int {
	return int((t + time.Second - 1) / time.Second)
}

func (d *daemon) kill(ctx context.Context, id string) error {
	err := d.api().ContainerKill(ctx, id, "SIGKILL")
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil // gone, or not running
	}
	return err
}

func (d *daemon) unpause(ctx context.Context, id string) error {
	err := d.api().ContainerUnpause(ctx, id)
	if err == nil || errdefs.IsNotFound(err) {
		return err
	}
	// Docker has no code for "is not paused".
	if r, look := d.api().ContainerInspect(ctx, id); look == nil && !r.State.Paused {
		return nil
	}
	return err
}

// remove removes a container whatever its state, and never its volumes.
func (d *daemon) remove(ctx context.Context, id string) error {
	err := d.api().ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
	switch {
	case errdefs.IsNotFound(err):
		return nil
	case errdefs.IsConflict(err):
		return d.awaitRemoval(ctx, id) // it is being removed
	}
	return err
}

// awaitRemoval waits until a container is gone.
func (d *daemon) awaitRemoval(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	done, failed := d.api().ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-done:
		return nil
	case err := <-failed:
		if errdefs.IsNotFound(err) {
			return nil
		}
		return err
	}
}

// rename gives a container its name.
func (d *daemon) rename(ctx context.Context, step plan.Step, svc compose.Service) error {
	from := subject(step)
	err := d.api().ContainerRename(ctx, from, step.Name)
	if err == nil {
		return nil
	}
	r, look := d.api().ContainerInspect(ctx, from)
	switch {
	case look == nil && fromInspect(r).Name == step.Name:
		return nil
	case errdefs.IsNotFound(look) && d.belongs(ctx, step.Name, step.Service, svc.Hash):
		return nil // an earlier try renamed it
	}
	return err
}
