package plan

import (
	"cmp"

	"github.com/ros-os/ros/compose"
)

// runIsDue says whether the service's schedule wants something now. What the user
// stopped stays so.
func (p *planner) runIsDue(v *view) bool {
	if v.svc.Schedule == nil || v.mem.Intent != NoIntent || v.mem.NextRun.IsZero() {
		return false
	}
	if v.mem.NextRun.After(p.now) {
		p.wakeAt(v.mem.NextRun)
		return false
	}
	return true
}

// runScheduled does what the service's schedule wants with the right container.
// It says whether there is something to do: what runs need not be started.
func (p *planner) runScheduled(v *view, b *branch) bool {
	s, c := v.svc.Schedule, v.main
	cause := "scheduled " + s.When
	rests := c.State == Created || c.State == Exited
	switch {
	case rests && s.Action != compose.ScheduleStop:
		p.start(v, b, cause, nil)
	case c.State != Running:
		return false
	case s.Action == compose.ScheduleStop:
		b.add(Step{Verb: Stop, Container: c.ID, Name: c.Name, Cause: cause, Grace: Seconds(v.grace())})
	case s.Action == compose.ScheduleRestart:
		b.waits = p.unmet(v)
		p.bounce(v, b, cause, nil)
		b.steps[len(b.steps)-2].Grace = Seconds(cmp.Or(s.Grace, v.grace()))
	default:
		return false
	}
	for i := range b.steps {
		b.steps[i].Scheduled = true
	}
	return true
}

// lastRunFailed is what to say of a container that is started by its schedule
// alone, and failed at that; empty when it did not.
func (v *view) lastRunFailed(c *Container) string {
	if v.svc.Schedule == nil || v.svc.Schedule.Action != compose.ScheduleStart || !v.svc.CreateOnly || c.ExitCode == 0 {
		return ""
	}
	return "its last run failed: " + exitCause(&v.svc, c)
}
