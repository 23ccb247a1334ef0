package plan

import (
	"strings"
	"time"

	"github.com/ros-os/ros/compose"
)

// create makes the service's container: there is none of its name that is ours.
func (p *planner) create(v *view, b *branch) {
	cause := p.missing(v)
	next, rest := p.next(v)
	if next == nil && !p.needImage(v, b) {
		return
	}
	p.clear(v, b, rest)
	if next == nil {
		b.add(Step{Verb: Create, Name: v.svc.Name, Image: v.svc.Spec.Image, Cause: cause})
	} else {
		cause = "left by an interrupted replacement"
		if !strings.HasSuffix(next.Name, nextSuffix) {
			cause = "renamed behind the controller's back"
		}
		b.add(Step{Verb: Rename, Container: next.ID, Name: v.svc.Name, From: next.Name, Cause: cause})
		if next.State != Created {
			return // the next pass knows it as the service's own
		}
	}
	if !v.svc.CreateOnly {
		b.waits = p.beforeStart(v)
		s := Step{Verb: Start, Name: v.svc.Name, Cause: cause}
		if next != nil {
			s.Container = next.ID
		}
		b.add(s)
	}
}

// replace makes a new container beside the one that is no longer right, and only
// then ends the old one: not before its image is there and what it needs is
// ready, unless another service is to have its port.
func (p *planner) replace(v *view, b *branch) {
	cause := p.outdated(v)
	old := v.main
	next, rest := p.next(v)
	if next == nil && !p.needImage(v, b) {
		return
	}
	p.clear(v, b, rest)
	from, id := p.nextName(v), ""
	if next == nil {
		b.add(Step{Verb: CreateNext, Name: from, Image: v.svc.Spec.Image, Cause: cause, Failures: p.brokenBy(v, old)})
	} else {
		from, id = next.Name, next.ID
	}
	if !v.svc.CreateOnly && !p.yields(v) {
		b.waits = p.unmet(v)
	}
	b.tearsDown = true
	b.discard(located{*old, v.svc.Scope}, grace(&v.svc), cause)
	b.add(Step{Verb: Rename, Container: id, Name: v.svc.Name, From: from, Cause: cause})
	if !v.svc.CreateOnly {
		b.waits = p.beforeStart(v)
		b.add(Step{Verb: Start, Container: id, Name: v.svc.Name, Cause: cause})
	}
}

// broken is why a container cannot run as its service asks, though it was made as the
// service asks; empty when it can, as far as is known.
func (p *planner) broken(v *view, c *Container) string {
	if lost := p.lostNetwork(v, c); lost != "" {
		return lost
	}
	// Docker may be what is broken: it was killed while it made the container, or lost a
	// part of it. What never ran has nothing to lose.
	if c.State == Created && c.Error != "" && !v.svc.CreateOnly && len(p.failures(v)) >= doubts {
		return "it never started"
	}
	return ""
}

// doubts is after how many failures a container that never ran is made anew for each
// further attempt.
const doubts = 3

// brokenBy are the failures that made a container useless, or showed that it is: Docker
// takes one whose start fails, since its port is taken, out of its networks. The new one
// is an attempt like any other.
func (p *planner) brokenBy(v *view, c *Container) []time.Time {
	if c.State == Running || c.Hash != v.svc.Hash || p.broken(v, c) == "" {
		return nil
	}
	return p.failures(v)
}

// clear removes what is in the way of the service's container.
func (p *planner) clear(v *view, b *branch, spares []located) {
	for _, c := range v.moved {
		b.discard(c, grace(&v.svc), v.svc.Name+" belongs to "+daemonName(v.svc.Scope))
	}
	if s := v.squatter; s != nil {
		b.discard(*s, defaultGrace, "its name belongs to service "+v.svc.Name)
	}
	for _, c := range spares {
		b.discard(c, grace(&v.svc), "left over")
	}
}

func daemonName(scope compose.Scope) string {
	if scope == compose.User {
		return "User Docker"
	}
	return "System Docker"
}
