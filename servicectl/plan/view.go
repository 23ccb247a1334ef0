package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/ros-os/ros/compose"
)

// view is one wanted service with everything observed about it.
type view struct {
	svc       compose.Service
	mem       Memory // failures of this very configuration only
	busy      string
	available bool // its daemon answers

	main     *Container // ours, under the service's name
	squatter *located   // has the service's name and is not ours
	spares   []located  // ours under other names, newest first
	moved    []located  // ours in the other daemon
	kept     []string   // what is not as it is written, and stays so
	standsIn bool       // main is outdated, but all there is to run
	standing Standing
}

// located is a container and the daemon that has it.
type located struct {
	Container
	scope compose.Scope
}

// look sorts every observed container to the service it matters to.
func (p *planner) look() {
	p.views = make(map[string]*view, len(p.want.Services))
	for name, svc := range p.want.Services {
		p.views[name] = &view{
			svc:       svc,
			mem:       p.have.Memory[name].about(svc.Hash),
			busy:      p.have.Busy[name],
			available: p.have.Daemons[svc.Scope].Available,
		}
	}
	for _, scope := range []compose.Scope{compose.System, compose.User} {
		d := p.have.Daemons[scope]
		if !d.Available {
			continue
		}
		for i := range d.Containers {
			p.sort(scope, &d.Containers[i])
		}
	}
	for _, v := range p.views {
		slices.SortFunc(v.spares, newestFirst)
		slices.SortFunc(v.moved, newestFirst)
	}
}

// sort files one container. A container that occupies the name of another
// service is that service's business.
func (p *planner) sort(scope compose.Scope, c *Container) {
	owner := p.views[c.Name]
	if owner != nil && owner.svc.Scope == scope {
		if c.Managed && c.Service == c.Name {
			owner.main = c
		} else {
			owner.squatter = &located{*c, scope}
		}
		return
	}
	if !c.Managed {
		if strings.HasSuffix(c.Name, nextSuffix) { // somebody else's: it is left alone
			p.nexts[nameKey{scope, c.Name}] = ""
		}
		return
	}
	if strings.HasSuffix(c.Name, nextSuffix) {
		p.nexts[nameKey{scope, c.Name}] = c.Service
	}
	switch v := p.views[c.Service]; {
	case v == nil:
		p.orphans = append(p.orphans, located{*c, scope})
	case v.svc.Scope != scope:
		v.moved = append(v.moved, located{*c, scope})
	default:
		v.spares = append(v.spares, located{*c, scope})
	}
}

func newestFirst(a, b located) int {
	if c := b.Created.Compare(a.Created); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// right says whether a container is what the service asks for.
func (p *planner) right(v *view, c *Container) bool {
	if c.Hash != v.svc.Hash || c.ID == v.mem.Replace || p.imageUpdated(v, c) || p.broken(v, c) != "" {
		return false
	}
	_, left := p.leftBy(v, c)
	return !left
}

// imageUpdated says whether the reference means another image by now.
func (p *planner) imageUpdated(v *view, c *Container) bool {
	id := p.have.Daemons[v.svc.Scope].Images[v.svc.Spec.Image]
	return id != "" && c.ImageID != "" && id != c.ImageID
}

// next is the replacement that an earlier pass left, and the other spares.
func (p *planner) next(v *view) (next *located, rest []located) {
	for i := range v.spares {
		s := &v.spares[i]
		usable := s.State == Created || s.State == Exited || s.State == Running
		if next == nil && usable && p.right(v, &s.Container) {
			next = s
			continue
		}
		rest = append(rest, *s)
	}
	return next, rest
}

// removing says whether Docker is busy removing a container that is in the way;
// its event wakes the controller.
func (p *planner) removing(v *view) bool {
	going := v.main != nil && v.main.State == Removing ||
		v.squatter != nil && v.squatter.State == Removing
	if going {
		v.standing.Waiting = append(v.standing.Waiting, "the old container to be removed")
	}
	return going
}

// thisBoot says whether a container has run since the machine booted. Memory
// counts beside the instants, since the clock may have been set after the boot.
func (p *planner) thisBoot(v *view, c *Container) bool {
	switch {
	case v.mem.Ran == c.ID:
		return true
	case p.have.Boot.IsZero():
		return false
	case c.Started.After(p.now.Add(time.Minute)):
		return false // by a clock that has been set back since
	}
	return !c.Started.Before(p.have.Boot)
}

// nextName is the temporary name of a service's replacement: one that nobody
// else has.
func (p *planner) nextName(v *view) string {
	name := v.svc.Name + nextSuffix
	for p.views[name] != nil || p.others(v, name) {
		name += nextSuffix
	}
	return name
}

// others says whether another service's container has a temporary name.
func (p *planner) others(v *view, name string) bool {
	owner, taken := p.nexts[nameKey{v.svc.Scope, name}]
	return taken && owner != v.svc.Name
}

const nextSuffix = ".next"

// WithoutNext is the name of the service whose replacement may bear a name.
func WithoutNext(name string) string {
	for {
		shorter, ok := strings.CutSuffix(name, nextSuffix)
		if !ok {
			return name
		}
		name = shorter
	}
}

// grace is how long the service may take to end: the user's word counts first.
func (v *view) grace() time.Duration {
	if v.mem.Grace > 0 {
		return v.mem.Grace
	}
	return grace(&v.svc)
}

func grace(svc *compose.Service) time.Duration {
	if svc.StopGrace <= 0 {
		return defaultGrace
	}
	return svc.StopGrace
}

// defaultGrace is Docker's.
const defaultGrace = 10 * time.Second
