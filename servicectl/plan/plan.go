package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ros-os/ros/compose"
)

// Make returns the steps that make what is observed match what is wanted, and
// how every service stands. It depends on nothing but its arguments and changes
// none of them. Steps of one service follow each other; services are in order
// of dependency.
func Make(want compose.Project, have Observed, now time.Time) Plan {
	p := &planner{want: want, have: have, now: now, nexts: map[nameKey]string{}, images: map[imageKey]int{}, resources: map[resourceKey]int{}}
	p.plan.Steps = []Step{} // an empty list, also as JSON
	p.plan.Services = make(map[string]Standing, len(want.Services))
	p.look()
	p.lookAtPorts()
	p.findStale()
	for _, v := range p.order() {
		p.service(v)
		p.plan.Services[v.svc.Name] = v.standing
	}
	p.unwanted()
	p.clearNetworks()
	return p.plan
}

// planner is one making of a plan.
type planner struct {
	want  compose.Project
	have  Observed
	now   time.Time
	views map[string]*view
	// orphans are containers of services that nobody wants.
	orphans []located
	// nexts are the temporary names that are taken, and by which service.
	nexts map[nameKey]string
	// images are the steps of this plan that bring an image.
	images map[imageKey]int
	// stale are networks that are to be made anew, and why.
	stale map[compose.Scope]map[string]string
	// resources are the steps of this plan that make a network or volume.
	resources map[resourceKey]int
	// leavers are the containers that are about to give up a port of the machine, and
	// publishers the services that want one.
	leavers    map[string][]leaver
	publishers map[string][]*view
	plan       Plan
}

type nameKey struct {
	scope compose.Scope
	name  string
}

type imageKey struct {
	scope compose.Scope
	ref   string
}

// service decides about one service; the services it needs are decided.
func (p *planner) service(v *view) {
	v.standing = p.stand(v)
	if !v.available || v.busy != "" || p.removing(v) {
		return
	}
	b := &branch{service: v.svc.Name, scope: v.svc.Scope}
	if kept := append(v.kept, p.oldVolumes(v)...); len(kept) > 0 && v.standing.Problem == "" {
		v.standing.Problem = strings.Join(kept, ", ")
	}
	switch {
	case p.moveOut(v, b):
	case v.mem.Intent != NoIntent:
		p.halt(v, b)
	case v.main == nil:
		p.create(v, b)
	case p.right(v, v.main):
		p.keep(v, b)
	case p.stranded(v):
		p.standIn(v, b)
	default:
		p.replace(v, b)
	}
	p.provide(v, b)
	p.commit(v, b)
}

// commit adds a branch to the plan, unless the service is backing off.
func (p *planner) commit(v *view, b *branch) {
	if len(b.steps) == 0 && b.image == nil {
		return
	}
	if b.image != nil && b.image.Verb == Pull && p.lacksImage(v) && p.networkAway(v) {
		p.awaitNetwork(v, b)
		p.append(b)
		return
	}
	if due := p.due(v, b); due.After(p.now) {
		p.backOff(v, b, due)
		p.append(b)
		return
	}
	if len(b.waits) > 0 {
		v.standing.Waiting = append(v.standing.Waiting, b.waits...)
		v.standing.Stuck = v.standing.Stuck || p.blocked(v)
		if v.main == nil || v.main.State != Running {
			v.standing.State = StateWaiting
		}
	}
	if b.tearsDown && b.image == nil && !b.spares() {
		v.standing.Ready = false // a dependent waits for the new container
	}
	p.append(b)
}

// awaitNetwork makes a branch wait for the network, which brings its image.
func (p *planner) awaitNetwork(v *view, b *branch) {
	b.hold(networkWait)
	v.standing.Waiting = append(v.standing.Waiting, networkWait)
	if v.main == nil || v.main.State != Running {
		v.standing.State = StateWaiting
	}
}

// append numbers a branch's steps, each after the one before.
func (p *planner) append(b *branch) {
	var after []int
	for _, s := range b.resources {
		after = append(after, p.bringResource(b, s))
	}
	if b.image != nil {
		after = append(after, p.bring(b)...)
	}
	for _, s := range b.steps {
		s.ID = len(p.plan.Steps) + 1
		s.Service, s.Scope = b.service, cmp.Or(s.Scope, string(b.scope))
		s.Deadline = deadline(s)
		s.After = after
		after = []int{s.ID}
		p.plan.Steps = append(p.plan.Steps, s)
	}
}

// bring adds the step that brings the branch's image, unless the plan has one
// already, and returns what the branch's first step comes after. What backs off
// has a step of its own, since others do not wait with it.
func (p *planner) bring(b *branch) []int {
	if len(b.image.Waits) > 0 {
		s := *b.image
		s.ID, s.Service, s.Scope = len(p.plan.Steps)+1, b.service, string(b.scope)
		s.Deadline = deadline(s)
		p.plan.Steps = append(p.plan.Steps, s)
		return []int{s.ID}
	}
	key := imageKey{b.scope, b.image.Image}
	if id, known := p.images[key]; known {
		return []int{id}
	}
	id := p.addImage(b)
	p.images[key] = id
	return []int{id}
}

func (p *planner) addImage(b *branch) int {
	s := *b.image
	s.ID, s.Service, s.Scope = len(p.plan.Steps)+1, b.service, string(b.scope)
	s.Deadline = deadline(s)
	p.plan.Steps = append(p.plan.Steps, s)
	return s.ID
}

// wakeAt makes the plan be made again at an instant.
func (p *planner) wakeAt(t time.Time) {
	if p.plan.Wake.IsZero() || t.Before(p.plan.Wake) {
		p.plan.Wake = t
	}
}

// order is every service after the services it needs, else by name.
func (p *planner) order() []*view {
	out := make([]*view, 0, len(p.views))
	seen := make(map[string]bool, len(p.views))
	var visit func(v *view)
	visit = func(v *view) {
		if seen[v.svc.Name] {
			return // also ends a cycle, which validation has reported
		}
		seen[v.svc.Name] = true
		for _, d := range v.svc.Needs {
			if dep := p.views[d.Service]; dep != nil {
				visit(dep)
			}
		}
		out = append(out, v)
	}
	for _, name := range slices.Sorted(maps.Keys(p.views)) {
		visit(p.views[name])
	}
	return out
}

// branch is the steps of one service, in the making.
type branch struct {
	service   string
	scope     compose.Scope
	image     *Step  // brings the image, before all others
	resources []Step // make networks and volumes, before all others
	steps     []Step
	waits     []string // of the steps added from now on
	tearsDown bool     // ends a container that is ready
}

func (b *branch) add(s Step) {
	s.Waits = b.waits
	b.steps = append(b.steps, s)
}

// hold makes every step wait, so that the plan shows what is to come.
func (b *branch) hold(why string) {
	if b.image != nil {
		b.image.Waits = []string{why}
	}
	for i := range b.resources {
		b.resources[i].Waits = []string{why}
	}
	for i := range b.steps {
		others := slices.DeleteFunc(slices.Clone(b.steps[i].Waits), func(w string) bool { return w == why })
		b.steps[i].Waits = append([]string{why}, others...)
	}
}

// spares says whether no container is ended yet.
func (b *branch) spares() bool {
	return slices.ContainsFunc(b.steps, func(s Step) bool { return (s.Verb == Stop || s.Verb == Remove) && len(s.Waits) > 0 })
}

// discard adds the removal of a container.
func (b *branch) discard(c located, grace time.Duration, cause string) {
	switch c.State {
	case Running, Paused, Restarting:
		b.add(Step{Verb: Stop, Scope: string(c.scope), Container: c.ID, Name: c.Name, Cause: cause, Grace: Seconds(grace)})
	case Created, Exited, Dead:
	case Removing:
		return
	}
	b.add(Step{Verb: Remove, Scope: string(c.scope), Container: c.ID, Name: c.Name, Cause: cause})
}
