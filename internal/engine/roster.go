package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"github.com/ros-os/ros/servicectl/plan"
)

// roster is which containers of a daemon matter: those of its last list, and those
// that events and steps have told of since. With it an observation asks for what
// changed only; listing costs a daemon as much as inspecting a dozen.
type roster struct {
	asked uint64   // number of the list; 0: there was none that can be believed
	ids   []string // in the list's order
	// summaries is what was listed of containers that have not been inspected.
	summaries map[string]plan.Container
}

// enroll remembers who was listed, by the list that was asked for as number asked.
// missed are the IDs of those that could not be inspected. They are asked for again:
// by the next list.
func (c *cache) enroll(asked uint64, listed []plan.Container, missed []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked < c.roster.asked {
		return // a later one was made meanwhile
	}
	c.roster = roster{asked: asked, summaries: map[string]plan.Container{}}
	for i := range listed {
		found := listed[i]
		c.roster.ids = append(c.roster.ids, found.ID)
		if _, inspected := c.containers[found.ID]; inspected && !slices.Contains(missed, found.ID) {
			continue
		}
		if c.steps[found.ID] == 0 && c.steps[found.Name] == 0 {
			c.roster = roster{}
			return
		}
		c.roster.summaries[found.ID] = found
	}
}

// distrust makes the next observation list, also when a list is being made.
func (c *cache) distrust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	c.doubted = c.last
}

// believed says whether the last list still counts. The caller holds the mutex.
func (c *cache) believed() bool {
	return c.live && c.roster.asked > max(c.expired, c.doubted)
}

// change is a container that something has happened to since it was inspected: the
// ID or name that it was told by, and the ID of the one that had that name.
type change struct{ ref, known string }

// changed is what has to be asked for; not containers that a step is made about,
// whose end is a change. It is false when the daemon has to be listed.
func (c *cache) changed(w wanted) ([]change, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.believed() || !sameKeys(c.wanted.services, w.services) {
		return nil, false
	}
	c.wanted = w
	named := make(map[string]string, len(c.containers))
	for id := range c.roster.summaries {
		named[c.roster.summaries[id].Name] = id
	}
	for id, k := range c.containers {
		named[k.container.Name] = id
	}
	var out []change
	byName := map[string]bool{} // IDs of those that are asked for by name
	for ref, t := range c.touched {
		k := c.containers[ref]
		if k.asked < t.when && c.steps[ref] == 0 && c.steps[cmp.Or(k.container.Name, t.name)] == 0 {
			out = append(out, change{ref, named[ref]})
			byName[named[ref]] = true
		}
	}
	return slices.DeleteFunc(out, func(x change) bool { return byName[x.ref] }), true
}

func sameKeys[V any](a, b map[string]V) bool {
	return maps.EqualFunc(a, b, func(V, V) bool { return true })
}

// recall returns the containers that matter by what is remembered, and by asking
// for those that changed. It is false when that cannot be.
func (d *daemon) recall(ctx context.Context, w wanted) ([]plan.Container, bool) {
	changes, can := d.seen.changed(w)
	if !can {
		return nil, false
	}
	group, asking := errgroup.WithContext(ctx) // one that is not told makes the others useless
	group.SetLimit(inspectLimit)
	for _, x := range changes {
		group.Go(func() error { return d.refresh(asking, x, w) })
	}
	if group.Wait() != nil || ctx.Err() != nil {
		d.seen.distrust()
		return nil, false
	}
	return d.seen.rollCall()
}

// refresh asks for what changed, which may be gone, or nobody's; and for what had
// its name before, if that is another one.
func (d *daemon) refresh(ctx context.Context, x change, w wanted) error {
	asked := d.seen.ask()
	r, err := d.inspectRaw(ctx, x.ref)
	found := plan.Container{}
	switch {
	case errdefs.IsNotFound(err):
		d.seen.strike(asked, x.ref)
	case err != nil:
		return err
	default:
		if found = fromInspect(r); found.Managed || w.names(found.Name) {
			d.seen.keepContainer(asked, found)
			d.seen.enter(asked, x.ref, found)
			break
		}
		d.seen.strike(asked, x.ref)
		d.seen.strike(asked, found.ID)
	}
	if x.known == "" || x.known == found.ID {
		return nil
	}
	return d.refresh(ctx, change{ref: x.known}, w)
}

// enter notes that a container was asked for as number asked, by some reference,
// and is there.
func (c *cache) enter(asked uint64, ref string, found plan.Container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered(asked, ref)
	c.answered(asked, found.ID)
	if !slices.Contains(c.roster.ids, found.ID) {
		c.roster.ids = append(c.roster.ids, found.ID)
	}
	c.join(found.ID, found.Networks)
}

// strike notes that there is no such container that matters.
func (c *cache) strike(asked uint64, ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered(asked, ref)
	c.roster.ids = slices.DeleteFunc(c.roster.ids, func(id string) bool { return id == ref })
	delete(c.roster.summaries, ref)
	if c.containers[ref].asked < asked {
		delete(c.containers, ref)
		delete(c.passed, ref)
		delete(c.execs, ref)
	}
	c.join(ref, nil)
}

// answered notes that a change need not be asked for again.
func (c *cache) answered(asked uint64, ref string) {
	if c.touched[ref].when < asked {
		delete(c.touched, ref)
	}
}

// join notes which networks a container uses: IDs by name.
func (c *cache) join(id string, networks map[string]string) {
	for network, users := range c.users {
		c.users[network] = slices.DeleteFunc(users, func(user string) bool { return user == id })
	}
	for _, network := range networks {
		if network != "" {
			c.users[network] = append(c.users[network], id)
		}
	}
}

// rollCall returns all that matter, as they were inspected last. It is false when
// one of them is not known.
func (c *cache) rollCall() ([]plan.Container, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.believed() {
		return nil, false
	}
	out := make([]plan.Container, 0, len(c.roster.ids))
	for _, id := range c.roster.ids {
		k, inspected := c.containers[id]
		summary, listed := c.roster.summaries[id]
		switch {
		case inspected:
			out = append(out, k.container)
		case listed:
			out = append(out, summary)
		default:
			return nil, false
		}
	}
	return out, true
}

// inspectRaw asks for one container, by ID or name.
func (d *daemon) inspectRaw(ctx context.Context, ref string) (container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.answer, inspectTimeout))
	defer cancel()
	return d.api().ContainerInspect(ctx, ref)
}
