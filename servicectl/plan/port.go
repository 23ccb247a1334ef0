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
