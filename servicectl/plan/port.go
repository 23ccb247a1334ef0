package plan

import (
	"cmp"
	"slices"
	"strings"
)

// occupied are the ports of the machine that the service publishes and that
// containers which are about to go still have. Docker would refuse to start it, over
// and over, until they have ended.
func (p *planner) occupied(v *view) []string {
	var out []string
	for _, c := range p.orphans {
		if !c.runs() || p.spares(&c.Container) != "" {
			continue
		}
		for _, port := range v.ports() {
			if slices.Contains(c.Ports, port) {
				out = append(out, c.Name+" to give up port "+port)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// leaver is a container that has a port of the machine until its service is replaced or
// stopped, and which will not have it again.
type leaver struct {
	service *view
	name    string
}

// lookAtPorts finds out which ports are about to be free, and who wants which.
func (p *planner) lookAtPorts() {
	p.leavers, p.publishers = map[string][]leaver{}, map[string][]*view{}
	for _, v := range p.views {
		wanted := v.ports()
		for _, port := range wanted {
			p.publishers[port] = append(p.publishers[port], v)
		}
		for _, c := range v.all() {
			if len(c.Ports) > 0 && c.runs() && !p.stays(v, c) {
				p.leaves(v, c, wanted)
			}
		}
	}
}

// stays says whether a container of the service is the one that it is to have.
func (p *planner) stays(v *view, c located) bool {
	return v.mem.Intent == NoIntent && c.scope == v.svc.Scope && p.right(v, &c.Container)
}

// leaves remembers the ports of a container that its service will not have again.
func (p *planner) leaves(v *view, c located, wanted []string) {
	for _, port := range c.Ports {
		if v.mem.Intent != NoIntent || !slices.Contains(wanted, port) {
			p.leavers[port] = append(p.leavers[port], leaver{v, c.Name})
		}
	}
}

// promised are the ports that the service publishes and that containers of others have
// which are about to be replaced or stopped. Only a start waits for them, and never the
// end of a container: two services may want each other's port.
func (p *planner) promised(v *view) []string {
	var out []string
	for _, port := range v.ports() {
		for _, l := range p.leavers[port] {
			if l.service != v {
				out = append(out, l.name+" to give up port "+port)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// yields says whether the service's old container has a port that another service's is
// to have. Then it ends at once, whatever the new one waits for: that may be the other.
func (p *planner) yields(v *view) bool {
	for port, leavers := range p.leavers {
		if !slices.ContainsFunc(leavers, func(l leaver) bool { return l.service == v }) {
			continue
		}
		if slices.ContainsFunc(p.publishers[port], func(o *view) bool { return o != v && o.mem.Intent == NoIntent }) {
			return true
		}
	}
	return false
}

// ports are those of the machine that the service publishes, as [Container.Ports];
// of a range Docker takes one that is free.
func (v *view) ports() []string {
	var out []string
	for _, port := range v.svc.Spec.Ports {
		if port.Published != "" && port.Published != "0" && !strings.Contains(port.Published, "-") {
			out = append(out, port.Published+"/"+cmp.Or(port.Protocol, "tcp"))
		}
	}
	return out
}

// runs says whether Docker has given the container what is its own while it runs.
func (c *Container) runs() bool {
	return c.State == Running || c.State == Paused || c.State == Restarting
}
