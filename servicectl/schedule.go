package servicectl

import (
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// setClocks decides when the next run of every scheduled service is, where that
// is not known, the schedule is another one, or the clock was set back. The
// caller holds the mutex.
func (c *Controller) setClocks(now time.Time) {
	for name, svc := range c.desired.Project.Services {
		m := c.memory[name]
		if svc.Schedule == nil {
			if m.Schedule != "" {
				m.Schedule, m.NextRun = "", time.Time{}
				c.memory[name] = m
			}
			continue
		}
		next := svc.Schedule.Next(now)
		if m.Schedule != svc.Schedule.When || m.NextRun.IsZero() || m.NextRun.After(next) {
			m.Schedule, m.NextRun = svc.Schedule.When, next
			c.memory[name] = m
		}
	}
}

// punch notes which scheduled runs have begun in this pass, or have nothing to
// do. One that waits for something stays due. The caller holds the mutex.
func (c *Controller) punch(todo [][]plan.Step, now time.Time) {
	begun := map[string]bool{}
	for _, steps := range todo {
		for _, s := range steps {
			begun[s.Service] = begun[s.Service] || s.Scheduled
		}
	}
	planned := map[string]bool{}
	for _, s := range c.plan.Steps {
		planned[s.Service] = true
	}
	for name, svc := range c.desired.Project.Services {
		m := c.memory[name]
		if svc.Schedule == nil || m.NextRun.IsZero() || m.NextRun.After(now) {
			continue
		}
		idle := !planned[name] && c.branches[name] == nil && c.seen(svc.Scope)
		if !begun[name] && !idle {
			continue
		}
		log := c.log.WithFields(logrus.Fields{"service": name, "phase": "schedule"})
		if begun[name] {
			m.LastRun = now
			log.Infof("%s (%s)", svc.Schedule.Action, svc.Schedule.When)
		} else {
			log.Infof("nothing to %s (%s)", svc.Schedule.Action, svc.Schedule.When)
		}
		m.NextRun = svc.Schedule.Next(now)
		c.memory[name] = m
		c.plan.Wake = earlier(c.plan.Wake, m.NextRun)
	}
}

// seen says whether a daemon answers and was looked at since the configuration
// changed. The caller holds the mutex.
func (c *Controller) seen(scope compose.Scope) bool {
	o := c.observers[scope]
	return o.current() && o.daemon.Available
}

// tellSchedule adds to a service's status when its next run is, and how the last
// one went.
func (s *ServiceStatus) tellSchedule(svc compose.Service, m plan.Memory, con *plan.Container) {
	if svc.Schedule == nil {
		return
	}
	s.Schedule = svc.Schedule.When
	s.NextRun = stamp(m.NextRun)
	s.LastRun = stamp(m.LastRun)
	if m.LastRun.IsZero() || con == nil {
		return
	}
	switch con.State {
	case plan.Running, plan.Paused, plan.Restarting:
		s.LastResult = "running"
	case plan.Exited, plan.Dead:
		s.LastResult = "succeeded"
		if con.ExitCode != 0 || con.OOM {
			s.LastResult = "failed"
		}
	case plan.Created, plan.Removing:
	}
}

// stamp is an instant as status shows it; empty when there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
