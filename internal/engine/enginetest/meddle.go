package enginetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// Containers are all containers of a daemon, by name: also those that nobody
// manages.
func (f *Fake) Containers(scope compose.Scope) []plan.Container {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []plan.Container
	for _, c := range f.daemons[scope].list() {
		out = append(out, f.inspect(c))
	}
	return out
}

// Steps are the steps that were made so far, those without effect too.
func (f *Fake) Steps() []plan.Step {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.steps)
}

// Add puts a container into a daemon, as somebody else would. An empty ID is
// replaced by a new one. The ID is returned.
func (f *Fake) Add(scope compose.Scope, c plan.Container, svc compose.Service) string {
	f.mu.Lock()
	if c.ID == "" {
		c.ID = f.newID(c.Name)
	}
	f.daemons[scope].containers[c.ID] = &container{Container: c, svc: svc}
	f.mu.Unlock()
	f.event(scope)
	return c.ID
}

// Break makes every start of a container fail, of this one alone. There is no event.
func (f *Fake) Break(scope compose.Scope, id, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.daemons[scope].containers[id].broken = why
}

// AddImage makes an image present, under an ID, or the first one when empty.
func (f *Fake) AddImage(scope compose.Scope, ref, id string) {
	if id == "" {
		id = imageID(ref)
	}
	f.mu.Lock()
	f.daemons[scope].images[ref] = id
	f.mu.Unlock()
	f.event(scope)
}

// Prune removes all images; containers live on.
func (f *Fake) Prune(scope compose.Scope) {
	f.mu.Lock()
	clear(f.daemons[scope].images)
	f.mu.Unlock()
	f.event(scope)
}

// Forget makes an image one that cannot be loaded or pulled, until [Fake.Offer].
func (f *Fake) Forget(ref string) { f.offer(ref, "") }

// Offer makes an image one that can be loaded and pulled.
func (f *Fake) Offer(ref string) { f.offer(ref, imageID(ref)) }

func (f *Fake) offer(ref, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.daemons {
		d.machine[ref], d.registry[ref] = id, id
	}
}

// SetUp lets a daemon answer or not. Its containers live on.
func (f *Fake) SetUp(scope compose.Scope, up bool) {
	f.mu.Lock()
	f.daemons[scope].up = up
	f.mu.Unlock()
	f.event(scope)
}

// Behaves changes how containers of a service behave when started next.
func (f *Fake) Behaves(service string, b Behaviour) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Behave == nil {
		f.Behave = map[string]Behaviour{}
	}
	f.Behave[service] = b
}

// Exit ends a container by its name, as if its process had ended.
func (f *Fake) Exit(scope compose.Scope, name string, code int) {
	f.meddle(scope, name, func(_ *daemon, c *container) { f.end(c, code) })
}

// Delete removes a container by its name and by force.
func (f *Fake) Delete(scope compose.Scope, name string) {
	f.meddle(scope, name, func(d *daemon, c *container) {
		f.end(c, 137)
		delete(d.containers, c.ID)
	})
}

// Set changes a container by its name in any way.
func (f *Fake) Set(scope compose.Scope, name string, change func(c *plan.Container)) {
	f.meddle(scope, name, func(_ *daemon, c *container) { change(&c.Container) })
}

// Reboot is a power cut: every container ends, none is removed.
func (f *Fake) Reboot() {
	for _, scope := range []compose.Scope{compose.System, compose.User} {
		f.mu.Lock()
		for _, c := range f.daemons[scope].containers {
			f.end(c, 137)
		}
		f.mu.Unlock()
		f.event(scope)
	}
}

// StopAll stops every container of a daemon, at once.
func (f *Fake) StopAll(ctx context.Context, scope compose.Scope, grace time.Duration) error {
	var err error
	for _, c := range f.Containers(scope) {
		err = errors.Join(err, f.Do(ctx, plan.Step{
			Verb: plan.Stop, Scope: string(scope), Container: c.ID, Service: c.Service, Grace: plan.Seconds(grace),
		}, compose.Service{}))
	}
	return err
}

func (f *Fake) meddle(scope compose.Scope, name string, change func(*daemon, *container)) {
	f.mu.Lock()
	d := f.daemons[scope]
	if c := d.byName(name); c != nil {
		change(d, c)
	}
	f.mu.Unlock()
	f.event(scope)
}

// exit is the end of a container by itself.
func (f *Fake) exit(scope compose.Scope, id string, code int) {
	f.mu.Lock()
	f.end(f.daemons[scope].containers[id], code)
	f.mu.Unlock()
	f.event(scope)
}
