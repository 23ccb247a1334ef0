package plan

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
)

// partner is a service whose container another one is joined to, and by which
// key.
type partner struct{ service, key string }

// partners are the services whose namespaces or volumes a service shares. Docker
// binds its container to theirs: once one of them is replaced, what it shares is
// gone.
func partners(svc *compose.Service) []partner {
	var out []partner
	for _, m := range []struct{ key, mode string }{
		{"network_mode", svc.Spec.NetworkMode}, {"ipc", svc.Spec.Ipc}, {"pid", svc.Spec.Pid},
	} {
		if name, ok := strings.CutPrefix(m.mode, types.ServicePrefix); ok {
			out = append(out, partner{name, m.key})
		}
	}
	for _, from := range svc.Spec.VolumesFrom {
		if name, _, _ := strings.Cut(from, ":"); name+":" != types.ContainerPrefix {
			out = append(out, partner{name, "volumes_from"})
		}
	}
	return out
}

// leftBy is the partner whose container is not the one that the service's was
// joined to any more; ok is false when there is none. A partner without a
// container, or with one that is about to go, is waited for instead.
func (p *planner) leftBy(v *view, c *Container) (left partner, ok bool) {
	if len(c.Joined) == 0 {
		return partner{}, false // not known
	}
	for _, to := range partners(&v.svc) {
		dep := p.views[to.service]
		if dep == nil || dep.main == nil || dep.svc.Scope != v.svc.Scope || dep.busy != "" ||
			dep.main.Hash != dep.svc.Hash || p.imageUpdated(dep, dep.main) {
			continue
		}
		if !slices.ContainsFunc(c.Joined, dep.main.called) {
			return to, true
		}
	}
	return partner{}, false
}

// networkAnew is the partner whose network a running container has lost: it was
// started again after the container was. Docker makes a network anew with every
// start.
func (p *planner) networkAnew(v *view) (partner string, ok bool) {
	name, joins := strings.CutPrefix(v.svc.Spec.NetworkMode, types.ServicePrefix)
	dep := p.views[name]
	if !joins || dep == nil || dep.main == nil || dep.busy != "" || dep.svc.Scope != v.svc.Scope {
		return "", false
	}
	began := dep.main.Started
	if began.After(p.now) { // by a clock that has been set back since
		return "", false
	}
	return name, dep.main.State == Running && slices.ContainsFunc(v.main.Joined, dep.main.called) && began.After(v.main.Started)
}

// called says whether a reference, an ID or a name, means the container.
func (c *Container) called(ref string) bool { return ref == c.ID || ref == c.Name }
