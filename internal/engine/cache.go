package engine

import (
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/ros-os/ros/servicectl/plan"
)

// cache is what is remembered about a daemon between observations, so that only
// what changed is inspected.
//
// Everything is numbered in one order: questions to the daemon when they are
// asked, and changes when they are heard of. An answer counts when its question
// came after the last change; while no events are followed none counts.
type cache struct {
	mu sync.Mutex
	// All below is guarded by mu.
	live       bool // events are followed
	last       uint64
	expired    uint64           // everything changed
	touched    map[string]touch // container's ID or name → it changed
	retagged   uint64           // images changed
	containers map[string]inspected
	images     map[string]resolved  // by reference
	passed     map[string]time.Time // container ID → start for which its readiness check passed
	execs      map[string]string    // container ID → readiness check that has not ended
	steps      map[string]int       // container's ID or name → steps about it that are being made
	wanted     wanted
	roster     roster
	doubted    uint64              // the roster may be wrong
	remade     uint64              // networks or volumes changed
	renewed    time.Time           // when images, networks and volumes were asked for in any case
	listed     resources           // of the last list
	users      map[string][]string // network ID → containers that are joined to it
}

// inspected is a container as the daemon described it.
type inspected struct {
	asked     uint64
	container plan.Container
}

// touch is that something happened to a container.
type touch struct {
	when uint64
	name string // that an event told; "" when none did
}

// resolved is what an image reference meant to the daemon.
type resolved struct {
	asked uint64
	image imageFacts
}

func newCache() *cache {
	return &cache{
		touched:    map[string]touch{},
		containers: map[string]inspected{},
		images:     map[string]resolved{},
		passed:     map[string]time.Time{},
		execs:      map[string]string{},
		steps:      map[string]int{},
	}
}

// follow notes whether events are followed from now on. Some may have been
// missed before.
func (c *cache) follow(live bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = live
	c.last++
	c.expired = c.last
}

// isLive says whether events are followed.
func (c *cache) isLive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live
}

// ask numbers a question to the daemon.
func (c *cache) ask() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	return c.last
}

// touch notes that something happened to a container, given by ID or by name.
func (c *cache) touch(ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.touchLocked(ref, "")
}

func (c *cache) touchLocked(ref, name string) {
	c.last++
	c.touched[ref] = touch{c.last, name}
	for id, k := range c.containers {
		if k.container.Name == ref {
			c.touched[id] = touch{c.last, ref}
		}
	}
}

// heard notes that an event told of a container. Of one that a step has just made
// the step's end tells, by its name: asking before would wait for that end.
func (c *cache) heard(id, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.containers[id]; !known && c.steps[name] > 0 {
		return
	}
	c.touchLocked(id, name)
}

// stepBegins notes that a step is made about a container, given by ID or by name;
// none is given of a step about something else.
func (c *cache) stepBegins(ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ref != "" { // which a container has, too, that is half removed
		c.steps[ref]++
	}
}

// stepEnds notes that it has been made, or has failed: something happened.
func (c *cache) stepEnds(ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ref == "" {
		return
	}
	if c.steps[ref]--; c.steps[ref] <= 0 {
		delete(c.steps, ref)
	}
	c.touchLocked(ref, "")
}

// underStep returns a listed container about which a step is being made, as it
// was known before. The daemon would answer no question about a container that it
// is starting before that has ended, and whoever makes the step looks then.
func (c *cache) underStep(s container.Summary) (plan.Container, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.steps[s.ID] == 0 && c.steps[name(s.Names)] == 0 {
		return plan.Container{}, false
	}
	if k, known := c.containers[s.ID]; known {
		return k.container, true
	}
	return fromSummary(s), true
}

// hasStep says whether a step is being made about a container.
func (c *cache) hasStep(found plan.Container) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steps[found.ID] > 0 || c.steps[found.Name] > 0
}

// touchImages notes that images changed.
func (c *cache) touchImages() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	c.retagged = c.last
}

// renewAfter has images, networks and volumes asked for once more, whatever events
// told, unless that was done lately.
func (c *cache) renewAfter(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.renewed) < d {
		return
	}
	c.last++
	c.retagged, c.remade, c.renewed = c.last, c.last, time.Now()
}

// container returns a listed container as it was inspected, if that still holds.
func (c *cache) container(s container.Summary, before, after time.Time) (plan.Container, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, known := c.containers[s.ID]
	if !known || !c.live || k.asked < max(c.expired, c.touched[s.ID].when) {
		return plan.Container{}, false
	}
	return k.container, agrees(s, k.container, before, after)
}

// keepContainer remembers an answer, unless a later question was answered first.
func (c *cache) keepContainer(asked uint64, found plan.Container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked > c.containers[found.ID].asked {
		c.containers[found.ID] = inspected{asked, found}
	}
}

// image returns what a reference means, if that still holds. An image that was not
// there is asked for again: somebody may have built it, and be waiting, before its
// event was read.
func (c *cache) image(ref string) (imageFacts, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, known := c.images[ref]
	return k.image, known && k.image.id != "" && c.live && k.asked > max(c.expired, c.retagged)
}

// keepImage remembers an answer, unless a later question was answered first.
func (c *cache) keepImage(asked uint64, ref string, found imageFacts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked > c.images[ref].asked {
		c.images[ref] = resolved{asked, found}
	}
}

// forget drops what is known about containers that are no longer listed and
// images that are no longer wanted. The list was asked for as number asked.
func (c *cache) forget(asked uint64, listed []container.Summary, w wanted) {
	ids := make(map[string]bool, len(listed))
	for i := range listed {
		ids[listed[i].ID] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = w
	for id, k := range c.containers {
		if !ids[id] && k.asked < asked {
			delete(c.containers, id)
			delete(c.passed, id)
			delete(c.execs, id)
		}
	}
	for id, t := range c.touched {
		if _, known := c.containers[id]; !known && t.when < asked {
			delete(c.touched, id)
		}
	}
	for ref := range c.images {
		if !w.images[ref] {
			delete(c.images, ref)
		}
	}
}

// hasPassed says whether a container's readiness check has passed since its
// last start.
func (c *cache) hasPassed(found plan.Container) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	started, ok := c.passed[found.ID]
	return ok && started.Equal(found.Started)
}

// pass notes that a container's readiness check passed.
func (c *cache) pass(found plan.Container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed[found.ID] = found.Started
}

// unfinished is the readiness check that runs in a container.
func (c *cache) unfinished(id string) (exec string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	exec, ok = c.execs[id]
	return exec, ok
}

// begin notes that a readiness check runs in a container.
func (c *cache) begin(id, exec string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.execs[id] = exec
}

// finish notes that none does any more.
func (c *cache) finish(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.execs, id)
}
