package plan

import (
	"slices"
	"time"

	"github.com/ros-os/ros/compose"
)

// failures are those that count: recent, and not outlived by a sustained run.
func (p *planner) failures(v *view) []time.Time {
	if c := v.main; c != nil {
		switch c.State {
		case Running:
			healthy := v.svc.Ready.Kind != compose.ReadyHealth || c.Health == Healthy
			if healthy && p.now.Sub(c.Started) >= sustained {
				return nil
			}
		case Exited:
			if c.Finished.Sub(c.Started) >= sustained {
				return after(v.mem.Failures, c.Started)
			}
		case Created, Paused, Restarting, Removing, Dead:
		}
	}
	return recent(v.mem.Failures, p.now)
}

// after are the failures later than an instant.
func after(failures []time.Time, t time.Time) []time.Time {
	i := slices.IndexFunc(failures, t.Before)
	if i < 0 {
		return nil
	}
	return failures[i:]
}

// withExit are the failures with the container's last exit.
func (p *planner) withExit(v *view, c *Container) []time.Time {
	f := p.failures(v)
	if slices.ContainsFunc(f, c.Finished.Equal) {
		return f
	}
	return appendFailure(f, c.Finished)
}

// due is when the branch may begin: now, or the end of a backoff.
func (p *planner) due(v *view, b *branch) time.Time {
	due := p.sane(v.mem.NotBefore)
	if v.standsIn {
		due = time.Time{} // that is about the image
	}
	if v.main == nil || v.mem.Intent != NoIntent {
		return due
	}
	f, counts := p.answered(v, b)
	if !counts || len(f) == 0 {
		return due
	}
	// The failure that is answered counts from when it happened; ill health
	// has no such instant, so the failure before it does.
	last, n := f[len(f)-1], len(f)
	if v.main.State == Running {
		if n--; n == 0 {
			return due
		}
		last = f[n-1]
	}
	delay := Backoff(v.svc.Name, n, last)
	if n >= crashes {
		delay = probe
	}
	if t := p.sane(last.Add(delay)); t.After(due) {
		due = t
	}
	return due
}

// answered are the failures that the branch answers; counts is false when it
// answers none, as when the configuration changed or the user wants a restart.
func (p *planner) answered(v *view, b *branch) (failures []time.Time, counts bool) {
	for _, s := range b.steps {
		if s.Failures != nil {
			return s.Failures, true
		}
	}
	if v.main.State == Created { // its start failed
		f := p.failures(v)
		return f, len(f) >= crashes
	}
	return nil, false
}

// sane ignores an instant farther away than any backoff: the clock was set.
func (p *planner) sane(t time.Time) time.Time {
	if t.Sub(p.now) > 2*backoffCap {
		return time.Time{}
	}
	return t
}

// postpone makes a branch wait until an instant, and returns how that is told.
func (p *planner) postpone(b *branch, due time.Time) string {
	p.wakeAt(due)
	why := "the retry in " + rough(due.Sub(p.now))
	b.hold(why)
	return why
}

// backOff says that the service waits until an instant.
func (p *planner) backOff(v *view, b *branch, due time.Time) {
	v.standing.Waiting = append(v.standing.Waiting, p.postpone(b, due))
	if v.standing.Problem == "" {
		v.standing.Problem = v.mem.LastError
	}
	n, ill := len(recent(v.mem.Failures, p.now)), false
	if v.main != nil {
		if f, counts := p.answered(v, b); counts {
			n, ill = len(f), v.main.State == Running
		}
	}
	v.standing.Stuck = n >= crashes
	switch {
	case ill && n > crashes: // it was restarted so often, and is ill again
		p.crashLoop(v, &v.standing, n)
	case v.main != nil && v.main.State == Running:
		// what is old, or ill, goes on
	case v.main != nil && n >= crashes:
		p.crashLoop(v, &v.standing, n)
	default:
		v.standing.State = StateBackoff
	}
}

// rough is a duration as a person wants it.
func rough(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
