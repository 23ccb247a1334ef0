package engine

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/compose"
)

// The pauses between tries to follow a daemon's events.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Events nudges when something happened that matters to what was wanted at the
// last observation, and once after each (re)connection. It returns when ctx
// ends.
func (e *Engine) Events(ctx context.Context, scope compose.Scope, nudge func()) {
	d, err := e.daemon(scope)
	if err != nil {
		return
	}
	pause := firstPause
	for ctx.Err() == nil {
		if d.follow(ctx, nudge) {
			pause = firstPause
			nudge() // the daemon is gone
		}
		d.rest(ctx, pause)
		pause = min(2*pause, lastPause)
	}
}

// rest waits before the next try: shorter when the daemon has answered.
func (d *daemon) rest(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.answered:
	case <-ctx.Done():
	}
}

// wakeFollower tells Events, when it waits for a daemon, that it is there.
func (d *daemon) wakeFollower() {
	if d.seen.isLive() {
		return
	}
	select {
	case d.answered <- struct{}{}:
	default:
	}
}

// follow follows the daemon's events until they end, and says whether it ever
// was connected.
func (d *daemon) follow(ctx context.Context, nudge func()) bool {
	if err := d.renew(ctx); err != nil {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the client's goroutine
	patience := time.AfterFunc(cmp.Or(d.answer, listTimeout), cancel)
	defer patience.Stop()
	// The daemon answers before it subscribes: what happens in between is told
	// because of Since.
	messages, failed := d.api().Events(ctx, events.ListOptions{
		Since:   strconv.FormatInt(time.Now().Unix(), 10),
		Filters: eventFilter(),
	})
	patience.Stop() // what is answered may be long in coming to its end
	select {
	case err := <-failed:
		logrus.WithField("err", err).Debugf("cannot follow the events of %s", d.socket)
		return false
	default:
	}
	d.seen.follow(true)
	defer d.seen.follow(false)
	nudge()
	for {
		select {
		case m := <-messages:
			if d.seen.note(m) {
				nudge()
			}
		case err := <-failed:
			logrus.WithField("err", err).Debugf("the events of %s ended", d.socket)
			return true
		}
	}
}

// eventFilter asks for the events that can matter. Those of commands run in
// containers never do: health and readiness checks would cause themselves.
func eventFilter() filters.Args {
	f := filters.NewArgs()
	for _, t := range []events.Type{events.ContainerEventType, events.ImageEventType, events.DaemonEventType} {
		f.Add("type", string(t))
	}
	for _, a := range []events.Action{
		events.ActionCreate, events.ActionStart, events.ActionDie, events.ActionOOM, events.ActionPause,
		events.ActionUnPause, events.ActionRename, events.ActionDestroy, events.ActionUpdate, events.ActionHealthStatus,
		events.ActionPull, events.ActionLoad, events.ActionImport, events.ActionTag, events.ActionUnTag,
		events.ActionDelete, events.ActionPrune, events.ActionReload,
	} {
		f.Add("event", string(a))
	}
	resourceEvents(f)
	return f
}

// note marks what an event may have changed, and says whether that matters.
func (c *cache) note(m events.Message) bool {
	switch m.Type {
	case events.ContainerEventType:
		if !c.mattersContainer(m.Actor) {
			return false
		}
		c.heard(m.Actor.ID, m.Actor.Attributes["name"])
		return true
	case events.ImageEventType:
		if !c.mattersImage(m) {
			return false
		}
		c.touchImages()
		return true
	case events.NetworkEventType, events.VolumeEventType:
		return c.noteResource(m)
	default:
		return true
	}
}

// mattersContainer says whether a container is managed, or has or had the name
// of one that is wanted. Before anything is wanted, everything matters.
func (c *cache) mattersContainer(a events.Actor) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wanted.services == nil || a.Attributes[compose.LabelManaged] == "true" {
		return true
	}
	if _, known := c.containers[a.ID]; known {
		return true
	}
	for _, key := range []string{"name", "oldName"} {
		if c.wanted.names(strings.TrimPrefix(a.Attributes[key], "/")) {
			return true
		}
	}
	return false
}

// mattersImage says whether an event may have changed what a wanted reference
// means.
func (c *cache) mattersImage(m events.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wanted.images == nil {
		return true
	}
	names := []string{plainReference(m.Actor.ID), plainReference(m.Actor.Attributes["name"])}
	for ref := range c.wanted.images {
		if slices.Contains(names, plainReference(ref)) {
			return true
		}
	}
	for _, k := range c.images {
		if k.image.id == m.Actor.ID {
			return true
		}
	}
	// A load does not tell the names of what was loaded.
	return m.Action == events.ActionLoad || m.Action == events.ActionImport || m.Action == events.ActionPrune
}

// plainReference is an image reference in full, so that two can be compared.
func plainReference(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.TagNameOnly(named).String()
}
