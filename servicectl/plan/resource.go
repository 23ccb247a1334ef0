package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
)

// Network is a network of a daemon.
type Network struct {
	ID      string
	Name    string
	Managed bool              // by [compose.LabelManaged]
	Hash    string            // from the label
	Fields  map[string]string // from the label
	File    string            // from the label: the compose file that wants it
	Users   []string          // IDs of the containers that are joined to it, also of those that do not run
}

// Volume is a named volume of a daemon. Volumes are never removed.
type Volume struct {
	Name   string
	Hash   string            // from the label; empty when somebody else made it
	Fields map[string]string // from the label
}

// NetworkService is under what name the steps that remove a network stand: they
// belong to no service.
func NetworkService(name string) string { return "network " + name }

// provide adds the networks and volumes that a new container needs and the daemon
// lacks. Those that somebody else is to make are waited for.
func (p *planner) provide(v *view, b *branch) {
	creates := slices.ContainsFunc(b.steps, func(s Step) bool { return s.Verb == Create || s.Verb == CreateNext })
	d := p.have.Daemons[v.svc.Scope]
	if !creates {
		return
	}
	var outside []string
	for _, name := range slices.Sorted(maps.Keys(v.svc.Networks)) {
		_, there := d.Networks[name]
		switch {
		case there || d.Networks == nil:
		case bool(v.svc.Networks[name].External):
			outside = append(outside, "network "+name+", which is external, to be there")
		default:
			b.needs(NetworkCreate, name, "network "+name+" is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.svc.Volumes)) {
		_, there := d.Volumes[name]
		switch {
		case there || d.Volumes == nil:
		case bool(v.svc.Volumes[name].External):
			outside = append(outside, "volume "+name+", which is external, to be there")
		default:
			b.needs(VolumeCreate, name, "volume "+name+" is missing")
		}
	}
	if len(outside) == 0 {
		return
	}
	for _, why := range outside {
		b.hold(why)
	}
	v.standing.Waiting = append(v.standing.Waiting, outside...)
	v.standing.Stuck = true
	if v.main == nil || v.main.State != Running {
		v.standing.State = StateWaiting
	}
}

// needs adds the making of a network or volume.
func (b *branch) needs(verb Verb, name, cause string) {
	b.resources = append(b.resources, Step{Verb: verb, Resource: name, Cause: cause})
}

// bringResource adds the step that makes a network or volume, unless the plan has
// one already, and returns its number. What backs off has a step of its own.
func (p *planner) bringResource(b *branch, s Step) int {
	key := resourceKey{b.scope, s.Verb, s.Resource}
	if id, known := p.resources[key]; known && len(s.Waits) == 0 {
		return id
	}
	s.ID, s.Service, s.Scope = len(p.plan.Steps)+1, b.service, string(b.scope)
	s.Deadline = deadline(s)
	p.plan.Steps = append(p.plan.Steps, s)
	if len(s.Waits) == 0 {
		p.resources[key] = s.ID
	}
	return s.ID
}

type resourceKey struct {
	scope compose.Scope
	verb  Verb
	name  string
}

// lostNetwork is why a container cannot be in the networks that its service asks
// for; empty when it can.
func (p *planner) lostNetwork(v *view, c *Container) string {
	d := p.have.Daemons[v.svc.Scope]
	if c.Networks == nil || d.Networks == nil {
		return "" // not known
	}
	for _, name := range slices.Sorted(maps.Keys(v.svc.Networks)) {
		id, joined := c.Networks[name]
		network, there := d.Networks[name]
		switch {
		case !joined && c.State != Running && c.Error != "":
			return "its failed start took it out of network " + name
		case !joined:
			return "it was disconnected from network " + name
		case id == "" || there && id == network.ID:
		case there:
			return "network " + name + " was made anew"
		default:
			return "network " + name + " is gone"
		}
	}
	return ""
}

// findStale finds the networks that have to be made anew, and how they differ
// from what is written: a network cannot be changed, and two cannot have one
// name. Networks that somebody else uses stay, and their services tell that.
func (p *planner) findStale() {
	p.stale = map[compose.Scope]map[string]string{compose.System: {}, compose.User: {}}
	for _, serviceName := range slices.Sorted(maps.Keys(p.views)) {
		v := p.views[serviceName]
		for _, name := range slices.Sorted(maps.Keys(v.svc.Networks)) {
			have, there := p.have.Daemons[v.svc.Scope].Networks[name]
			labels := v.svc.Networks[name].CustomLabels
			hash := labels[compose.LabelHash]
			if !there || !have.Managed || hash == "" || have.Hash == hash {
				continue
			}
			why := "network " + name + ": " + differs(have.Fields, labels)
			if by := p.heldBy(v.svc.Scope, name); by != "" {
				v.kept = append(v.kept, why+"; it stays as it is while "+by+" uses it")
				continue
			}
			p.stale[v.svc.Scope][name] = why
		}
	}
}

// differs is how what is there differs from what is written, by the labels that
// it is to have.
func differs(have map[string]string, labels types.Labels) string {
	var want map[string]string
	if err := json.Unmarshal([]byte(labels[compose.LabelFields]), &want); err != nil {
		want = nil // they only explain
	}
	if diff := compose.ExplainDiff(have, want); diff != "" {
		return diff
	}
	return "its settings changed"
}

// moveOut ends the service's containers on networks that have to be made anew.
// It says whether the service's own steps have to wait until that is done.
func (p *planner) moveOut(v *view, b *branch) bool {
	names := slices.Sorted(maps.Keys(p.stale[v.svc.Scope]))
	wanted := slices.IndexFunc(names, func(n string) bool { _, wants := v.svc.Networks[n]; return wants })
	var out []located
	var causes []string
	for _, c := range v.all() {
		for _, name := range slices.Sorted(maps.Keys(p.stale[c.scope])) {
			if c.isIn(name) {
				out, causes = append(out, c), append(causes, p.stale[c.scope][name])
				break
			}
		}
	}
	if len(out) == 0 {
		if wanted < 0 || v.mem.Intent != NoIntent {
			return false
		}
		if p.lacksImage(v) {
			p.needImage(v, b)
		}
		v.standing.Ready = false
		v.standing.Waiting = append(v.standing.Waiting, "network "+names[wanted]+" to be made anew")
		if v.main == nil {
			v.standing.State = StateWaiting
		}
		return true
	}
	if v.mem.Intent == NoIntent && p.lacksImage(v) && !p.needImage(v, b) {
		return true
	}
	b.waits = p.imagesFor(v, names)
	b.tearsDown = true
	for i, c := range out {
		b.discard(c, v.grace(), causes[i])
	}
	return true
}

// all are the service's containers, and one that has its name.
func (v *view) all() []located {
	all := slices.Concat(v.spares, v.moved)
	if v.main != nil {
		all = append(all, located{*v.main, v.svc.Scope})
	}
	if v.squatter != nil && (v.squatter.Managed || v.mem.Intent == NoIntent) {
		all = append(all, *v.squatter)
	}
	return all
}

// isIn says whether a container is joined to a network, as far as is known.
func (c *Container) isIn(network string) bool {
	_, joined := c.Networks[network]
	return joined || c.Networks == nil
}

// heldBy is who uses a network and will not let go of it; empty when nobody is.
func (p *planner) heldBy(scope compose.Scope, network string) string {
	d := p.have.Daemons[scope]
	for _, id := range d.Networks[network].Users {
		i := slices.IndexFunc(d.Containers, func(c Container) bool { return c.ID == id })
		if i < 0 {
			return "a container of somebody else"
		}
		c := &d.Containers[i]
		owner := p.views[c.Name]
		taken := owner != nil && owner.svc.Scope == scope && owner.mem.Intent == NoIntent // its name is wanted
		if !c.Managed && !taken || p.views[c.Service] == nil && p.spares(c) != "" {
			return "container " + c.Name
		}
	}
	return ""
}

// imagesFor are the images that other services with containers in these networks
// lack: until they are there nobody is stopped.
func (p *planner) imagesFor(v *view, networks []string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.views)) {
		o := p.views[name]
		uses := slices.ContainsFunc(o.all(), func(c located) bool {
			return c.scope == v.svc.Scope && slices.ContainsFunc(networks, c.isIn)
		})
		if o != v && uses && o.mem.Intent == NoIntent && p.lacksImage(o) {
			out = append(out, "image "+o.svc.Spec.Image+" of "+name)
		}
	}
	return out
}

// spares is why a container that nobody wants is left as it is; empty when it is
// not.
func (p *planner) spares(c *Container) string {
	switch keeps := p.have.keeps(); {
	case keeps != "":
		return keeps
	case c.File != "" && slices.Contains(p.want.BrokenFiles, c.File):
		return c.File + " to be free of errors"
	}
	return ""
}

// clearNetworks removes networks of ours that nobody wants, or that are to be
// made anew, after the last of their containers.
func (p *planner) clearNetworks() {
	for _, scope := range []compose.Scope{compose.System, compose.User} {
		wanted := map[string]string{} // the hash that it should have
		for _, v := range p.views {
			for name, n := range v.svc.Networks {
				if v.svc.Scope == scope {
					wanted[name] = n.CustomLabels[compose.LabelHash]
				}
			}
		}
		d := p.have.Daemons[scope]
		for _, name := range slices.Sorted(maps.Keys(d.Networks)) {
			n := d.Networks[name]
			hash, isWanted := wanted[name]
			switch {
			case !d.Available || !n.Managed || p.have.Busy[NetworkService(name)] != "":
			case !isWanted && slices.Contains(p.want.BrokenFiles, n.File):
			case !isWanted:
				p.removeNetwork(scope, n, "not in the configuration")
			case hash != "" && hash != n.Hash && p.stale[scope][name] != "":
				p.removeNetwork(scope, n, "its settings changed")
			}
		}
	}
}

// removeNetwork adds the removal of a network, if all its containers go.
func (p *planner) removeNetwork(scope compose.Scope, n Network, cause string) {
	step := Step{Verb: NetworkRemove, Resource: n.Name, Cause: cause}
	var after []int
	for _, id := range n.Users {
		i := slices.IndexFunc(p.plan.Steps, func(s Step) bool { return s.Verb == Remove && s.Container == id })
		if i < 0 {
			return // its event makes another plan
		}
		after = append(after, p.plan.Steps[i].ID)
		if len(p.plan.Steps[i].Waits) > 0 {
			step.Waits = []string{"its containers to be removed"}
		}
	}
	if keeps := p.have.keeps(); keeps != "" && cause == "not in the configuration" && len(step.Waits) == 0 {
		step.Waits = []string{keeps}
	}
	mem := p.have.Memory[NetworkService(n.Name)].about("")
	b := &branch{service: NetworkService(n.Name), scope: scope, steps: []Step{step}}
	if due := p.sane(mem.NotBefore); due.After(p.now) {
		p.postpone(b, due)
	}
	p.append(b)
	slices.Sort(after)
	p.plan.Steps[len(p.plan.Steps)-1].After = after
}

// oldVolumes is which volumes of a service are not as they are written. They stay
// as they are: a volume holds what nobody else has.
func (p *planner) oldVolumes(v *view) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(v.svc.Volumes)) {
		have, want := p.have.Daemons[v.svc.Scope].Volumes[name], v.svc.Volumes[name].CustomLabels
		if have.Hash != "" && want[compose.LabelHash] != "" && have.Hash != want[compose.LabelHash] {
			out = append(out, fmt.Sprintf("volume %s is kept as it was made (%s); remove it by hand to have it made anew",
				name, differs(have.Fields, want)))
		}
	}
	return out
}
