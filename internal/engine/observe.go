package engine

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

const (
	// listTimeout is how long a daemon may take to list before it counts as not
	// available.
	listTimeout = 30 * time.Second
	// inspectTimeout is how long one container may take; what the list said
	// about it has to do then.
	inspectTimeout = 10 * time.Second
	// inspectLimit is how many inspections are made at once.
	inspectLimit = 8
	// fresh is how long an image, a network or a volume is believed to be there, of
	// which no event has told otherwise; shorter than a resync, which asks.
	fresh = 4 * time.Minute
)

// wanted is what the project wants of one daemon.
type wanted struct {
	services map[string]compose.Service // by name, which is the container's name too
	images   map[string]bool            // references
	networks map[string]bool            // by name
	volumes  map[string]bool            // by name
}

func wantedOf(want compose.Project, scope compose.Scope) wanted {
	w := wanted{
		services: map[string]compose.Service{}, images: map[string]bool{},
		networks: map[string]bool{}, volumes: map[string]bool{},
	}
	for name, svc := range want.Services {
		if svc.Scope != scope {
			continue
		}
		w.services[name] = svc
		if svc.Spec.Image != "" {
			w.images[svc.Spec.Image] = true
		}
		for network := range svc.Networks {
			w.networks[network] = true
		}
		for volume := range svc.Volumes {
			w.volumes[volume] = true
		}
	}
	return w
}

// names says whether a container's name is one that a service wants, or wants
// while it is replaced.
func (w wanted) names(name string) bool {
	_, exact := w.services[name]
	_, next := w.services[plan.WithoutNext(name)]
	return exact || next
}

// Observe inspects what may have changed since the last observation. Without whole
// it makes no list where the events, which are followed, tell what that is; with it,
// nothing that no event told of stays unseen. It runs the readiness checks that have
// not passed yet.
func (e *Engine) Observe(ctx context.Context, scope compose.Scope, want compose.Project, whole bool) plan.Daemon {
	d, err := e.daemon(scope)
	if err != nil {
		return plan.Daemon{Err: err.Error()}
	}
	w := wantedOf(want, scope)
	var found []plan.Container
	remembered := false
	if whole {
		d.seen.renewAfter(fresh)
	} else {
		found, remembered = d.recall(ctx, w)
	}
	if !remembered {
		if found, err = d.observe(ctx, w); err != nil {
			return plan.Daemon{Err: daemonError{err}.Error()}
		}
	}
	images, tagged, err := e.observeImages(ctx, d, w)
	if err != nil {
		return plan.Daemon{Err: daemonError{err}.Error()}
	}
	networks, volumes, err := d.observeResources(ctx, w)
	if err != nil {
		return plan.Daemon{Err: daemonError{err}.Error()}
	}
	d.checkReady(ctx, found, w)
	d.wakeFollower()
	return plan.Daemon{
		Available: true, Containers: found, Images: images, Tagged: tagged, Untagged: e.untagged(ctx, d, w, images),
		Networks: networks, Volumes: volumes, Whole: !remembered,
	}
}

// observe returns the containers that matter, as they are listed.
func (d *daemon) observe(ctx context.Context, w wanted) ([]plan.Container, error) {
	asked, before := d.seen.ask(), time.Now()
	listCtx, cancel := context.WithTimeout(ctx, cmp.Or(d.answer, listTimeout))
	defer cancel()
	all, err := d.api().ContainerList(listCtx, container.ListOptions{All: true})
	if err != nil {
		return nil, fmt.Errorf("cannot list containers: %w", err)
	}
	after := time.Now()
	listed := relevant(all, w)
	d.seen.forget(asked, listed, w)
	d.seen.keepUsers(all)

	found := make([]plan.Container, len(listed))
	gone, missed := make([]bool, len(listed)), make([]bool, len(listed))
	var group errgroup.Group
	group.SetLimit(inspectLimit)
	for i, s := range listed {
		known, ok := d.seen.container(s, before, after)
		if !ok {
			known, ok = d.seen.underStep(s)
		}
		if ok {
			found[i] = known
			continue
		}
		group.Go(func() error {
			found[i], gone[i], missed[i] = d.inspect(ctx, s)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := make([]plan.Container, 0, len(found))
	var again []string
	for i := range found {
		if !gone[i] {
			out = append(out, found[i])
		}
		if missed[i] {
			again = append(again, found[i].ID)
		}
	}
	d.seen.enroll(asked, out, again)
	return out, ctx.Err()
}

// relevant are the containers that are managed, and those that have a name that
// a service wants.
func relevant(all []container.Summary, w wanted) []container.Summary {
	var out []container.Summary
	for _, s := range all {
		if s.Labels[compose.LabelManaged] == "true" || w.names(name(s.Names)) {
			out = append(out, s)
		}
	}
	return out
}

// inspect asks for one listed container. When the daemon cannot tell, what the
// list said has to do.
func (d *daemon) inspect(ctx context.Context, s container.Summary) (found plan.Container, gone, missed bool) {
	asked := d.seen.ask()
	r, err := d.inspectRaw(ctx, s.ID)
	switch {
	case errdefs.IsNotFound(err):
		return plan.Container{}, true, false
	case err != nil:
		found = fromSummary(s)
		found.Error = fmt.Sprintf("cannot inspect the container: %v", daemonError{err})
		return found, false, true
	}
	found = fromInspect(r)
	d.seen.keepContainer(asked, found)
	return found, false, false
}

// observeImages returns what the wanted references mean to the daemon, and since
// when. A system image other than the one that came with the machine counts as
// absent.
func (e *Engine) observeImages(ctx context.Context, d *daemon, w wanted) (ids map[string]string, tagged map[string]time.Time, err error) {
	ids, tagged = make(map[string]string, len(w.images)), map[string]time.Time{}
	var mu sync.Mutex // guards both
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inspectLimit)
	for ref := range w.images {
		group.Go(func() error {
			facts, err := d.resolve(ctx, ref)
			if err != nil || facts.id == "" || !e.images.current(ref, facts) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			ids[ref] = facts.id
			if !facts.tagged.IsZero() {
				tagged[ref] = facts.tagged
			}
			return nil
		})
	}
	return ids, tagged, group.Wait()
}

// imageFacts is what a daemon says about an image. It has no ID when there is
// none.
type imageFacts struct {
	id      string
	digests []string // of its manifest, with the repository before
	tagged  time.Time
}

// resolve returns what a reference means to the daemon, as it was or is asked.
func (d *daemon) resolve(ctx context.Context, ref string) (imageFacts, error) {
	if facts, ok := d.seen.image(ref); ok {
		return facts, nil
	}
	return d.look(ctx, ref)
}

// look asks the daemon what a reference means.
func (d *daemon) look(ctx context.Context, ref string) (imageFacts, error) {
	asked := d.seen.ask()
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.answer, inspectTimeout))
	defer cancel()
	r, err := d.api().ImageInspect(ctx, ref)
	// A reference that is no reference names no image: pulling it tells why.
	absent := errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err)
	if err != nil && !absent {
		return imageFacts{}, fmt.Errorf("cannot inspect image %s: %w", ref, err)
	}
	facts := imageFacts{id: r.ID, digests: r.RepoDigests, tagged: r.Metadata.LastTagTime}
	d.seen.keepImage(asked, ref, facts)
	return facts, nil
}
