package plan

import (
	"slices"
	"time"

	"github.com/ros-os/ros/compose"
)

// halt stops a service that the user wants stopped, and removes its containers
// where that is wanted too. What else is wrong with it waits until it is started
// again.
func (p *planner) halt(v *view, b *branch) {
	if s := v.squatter; s != nil && s.Managed {
		b.discard(*s, defaultGrace, "its name belongs to service "+v.svc.Name)
	}
	all := slices.Clone(v.spares)
	if v.main != nil {
		all = append(all, located{*v.main, v.svc.Scope})
	}
	for _, c := range append(all, v.moved...) {
		if v.mem.Intent == Removed {
			b.discard(c, v.grace(), "removed by the user")
			continue
		}
		switch c.State {
		case Running, Paused, Restarting:
			b.add(Step{
				Verb: Stop, Scope: string(c.scope), Container: c.ID, Name: c.Name,
				Cause: "stopped by the user", Grace: Seconds(v.grace()),
			})
		case Created, Exited, Dead, Removing:
		}
	}
}

// keep makes the right container run as it should.
func (p *planner) keep(v *view, b *branch) {
	p.clear(v, b, v.spares)
	c := v.main
	if p.runIsDue(v) && p.runScheduled(v, b) {
		return
	}
	switch c.State {
	case Created:
		if !v.svc.CreateOnly {
			p.start(v, b, cmpCause(v.mem, c, "not started"), nil)
		}
	case Running:
		p.running(v, b)
	case Paused:
		b.add(Step{Verb: Unpause, Container: c.ID, Name: c.Name, Cause: "paused behind the controller's back"})
	case Exited:
		p.exited(v, b)
	case Dead:
		if !p.needImage(v, b) {
			return
		}
		b.discard(located{*c, v.svc.Scope}, 0, "dead")
		b.add(Step{Verb: Create, Name: v.svc.Name, Image: v.svc.Spec.Image, Cause: "the old container is dead"})
	case Restarting, Removing: // Docker is at it
	}
	switch {
	case len(b.steps) > 0:
	case IsMachineImage(v.svc.Spec.Image):
		p.needImage(v, b) // someone removed it; the next container wants it
	case c.State == Running:
		p.renew(v, b)
	}
}

// running restarts a container on the user's word or for its health.
func (p *planner) running(v *view, b *branch) {
	c := v.main
	anew, lost := p.networkAnew(v)
	switch {
	case v.mem.Restart:
		b.waits = p.unmet(v)
		p.bounce(v, b, "restarted by the user", nil)
	case lost:
		b.waits = p.unmet(v)
		p.bounce(v, b, "network_mode: "+anew+" was started anew", nil)
	case c.Health == Unhealthy && v.svc.Ready.Kind == compose.ReadyHealth && v.svc.OnUnhealthy() == compose.RestartUnhealthy:
		b.waits = p.unmet(v)
		p.bounce(v, b, "its health check fails", appendFailure(p.failures(v), p.now))
	}
}

// bounce stops and starts the container.
func (p *planner) bounce(v *view, b *branch, cause string, failures []time.Time) {
	b.tearsDown = true
	b.add(Step{
		Verb: Stop, Container: v.main.ID, Name: v.main.Name, Cause: cause,
		Grace: Seconds(v.grace()), Failures: failures,
	})
	b.add(Step{Verb: Start, Container: v.main.ID, Name: v.main.Name, Cause: cause})
}

// exited starts a container that ended, where the restart policy says so, where
// the user does, or where it has not run since the machine booted.
func (p *planner) exited(v *view, b *branch) {
	c := v.main
	switch p.verdict(v, c) {
	case again:
		p.start(v, b, "restarted by the user", nil)
	case firstThisBoot:
		p.start(v, b, "not started since the machine booted", nil)
	case retry:
		p.start(v, b, exitCause(&v.svc, c), p.withExit(v, c))
	case done, failed:
	}
}

// start starts the container once what it needs is there.
func (p *planner) start(v *view, b *branch, cause string, failures []time.Time) {
	b.waits = p.beforeStart(v)
	b.add(Step{Verb: Start, Container: v.main.ID, Name: v.main.Name, Cause: cause, Failures: failures})
}

// verdict is what follows from a container's end.
type verdict int

const (
	done          verdict = iota
	failed                // and stays so
	retry                 // after a backoff
	again                 // on the user's word
	firstThisBoot         // it ran before the machine booted
)

func (p *planner) verdict(v *view, c *Container) verdict {
	policy := v.svc.Restart
	switch {
	case v.svc.CreateOnly:
		return done
	case v.mem.Start || v.mem.Restart:
		return again
	case !p.thisBoot(v, c):
		return firstThisBoot
	case v.svc.OneShot && c.ExitCode == 0:
		return done
	}
	switch policy.Mode {
	case compose.RestartAlways, compose.RestartUnlessStopped:
		return retry
	case compose.RestartOnFailure:
		switch {
		case c.ExitCode == 0:
			return done
		case policy.Max > 0 && v.mem.Restarts >= policy.Max:
			return failed
		}
		return retry
	case compose.RestartNo:
	}
	if c.ExitCode == 0 {
		return done
	}
	return failed
}
