//go:build dockerd

package engine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// TestRealPartnersAreFollowed replaces a container whose namespaces and volumes
// others share: a plan has to see whom they are joined to, and only then replace
// them.
func TestRealPartnersAreFollowed(t *testing.T) {
	r := newLive(t)
	sleep := types.ShellCommand{"sleep", "1000"}
	names := []string{"network", "joined", "volumes"}
	r.wants("network", types.ServiceConfig{Command: sleep, NetworkMode: "none", Ipc: "shareable"})
	joined := r.wants("joined", types.ServiceConfig{
		Command: sleep, NetworkMode: "service:network", Ipc: "service:network", Pid: "service:network",
	})
	volumes := r.wants("volumes", types.ServiceConfig{Command: sleep, VolumesFrom: []string{"network:ro"}})
	for _, svc := range []compose.Service{joined, volumes} {
		svc.Needs = []compose.Dependency{{Service: "network", Condition: compose.Started, Required: true}}
		r.want.Services[svc.Name] = svc
	}
	for _, name := range names {
		r.up(r.want.Services[name])
	}
	r.settles(names, "")

	svc := r.want.Services["network"]
	svc.Hash = "v1:another"
	r.want.Services["network"] = svc
	r.settles(names, "joined network volumes")
}

// settles makes the steps of plans until there are none, and checks whose
// containers they made, and that they share things with the one that is there.
func (r *live) settles(names []string, replaced string) {
	r.Helper()
	var got []string
	for range 20 {
		d := r.engine.Observe(r.Context(), compose.System, r.want, true)
		p := plan.Make(r.want, plan.Observed{Daemons: map[compose.Scope]plan.Daemon{compose.System: d}, Boot: time.Now().Add(-time.Hour)}, time.Now())
		if len(p.Steps) == 0 {
			slices.Sort(got)
			if text := strings.Join(got, " "); text != replaced {
				r.Errorf("replaced %q, want %q", text, replaced)
			}
			r.shared(d, names)
			return
		}
		for _, s := range p.Steps {
			if len(s.Waits) > 0 {
				continue
			}
			if s.Verb == plan.CreateNext {
				got = append(got, s.Service)
			}
			r.do(r.want.Services[s.Service], s)
		}
	}
	r.Fatal("there is always something to do")
}

// shared checks that containers are joined to that of service network.
func (r *live) shared(d plan.Daemon, names []string) {
	r.Helper()
	byName := map[string]plan.Container{}
	for _, c := range d.Containers {
		byName[c.Name] = c
	}
	for _, name := range names[1:] {
		c := byName[name]
		if c.State != plan.Running || len(c.Joined) == 0 {
			r.Errorf("%s: %+v", name, c)
		}
		for _, to := range c.Joined {
			if to != byName["network"].ID {
				r.Errorf("%s is joined to %s, want %s", name, to, byName["network"].ID)
			}
		}
	}
}
