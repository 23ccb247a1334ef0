package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ros-os/ros/compose"
)

// stand is how a service stands by what is observed, before any step.
func (p *planner) stand(v *view) Standing {
	s := Standing{State: StateAbsent, Container: v.main}
	if !v.available {
		s.State, s.Waiting = StateWaiting, []string{daemonName(v.svc.Scope) + " to answer"}
		s.Problem, s.Stuck = p.have.Daemons[v.svc.Scope].Err, p.blocked(v)
		return s
	}
	if v.main != nil {
		p.standMain(v, &s)
	}
	if v.mem.Intent != NoIntent {
		p.standStopped(v, &s)
	}
	if v.mem.Intent != Stopped {
		s.Note = cmp.Or(p.without(v), s.Note)
	}
	if v.busy != "" {
		s.Waiting = append(s.Waiting, v.busy+" to finish")
		s.Ready = s.Ready && keepsRunning(Verb(v.busy))
		p.standRetried(v, &s)
	}
	return s
}

// standRetried is a service without a container that is tried once more after
// failures: until it has one nothing is better.
func (p *planner) standRetried(v *view, s *Standing) {
	if n := len(p.failures(v)); v.main == nil && v.mem.Intent == NoIntent && n > 0 {
		s.State, s.Problem, s.Stuck = StateBackoff, v.mem.LastError, n >= crashes
	}
}

// standStopped is a service that the user does not want.
func (p *planner) standStopped(v *view, s *Standing) {
	s.Ready, s.Accepted, s.Problem, s.Note = false, false, "", ""
	if v.main != nil && (v.main.State == Running || v.main.State == Paused || v.main.State == Restarting) {
		s.Waiting = append(s.Waiting, "its container to stop")
		return
	}
	if v.main != nil && v.mem.Intent == Removed {
		s.Waiting = append(s.Waiting, "its container to be removed")
		return
	}
	s.State, s.Stuck = StateStopped, true
}

// keepsRunning says whether the old container runs while a step is made.
func keepsRunning(v Verb) bool {
	return slices.Contains([]Verb{Load, Pull, Tag, NetworkCreate, VolumeCreate, CreateNext}, v)
}

func (p *planner) standMain(v *view, s *Standing) {
	c := v.main
	switch c.State {
	case Created:
		s.State, s.Ready = StateCreated, v.svc.CreateOnly
		s.Problem = c.Error
	case Running:
		p.standRunning(v, s)
	case Paused:
		s.State, s.Problem = StateStarting, "paused"
	case Restarting:
		s.State = StateStarting
	case Exited:
		p.standExited(v, s)
	case Dead, Removing:
	}
}

func (p *planner) standRunning(v *view, s *Standing) {
	c := v.main
	s.State, s.Ready = StateRunning, ready(&v.svc, c)
	switch {
	case v.svc.OneShot:
		s.State, s.Ready = StateStarting, false
	case v.svc.Ready.Kind == compose.ReadyHealth && c.Health == Unhealthy:
		s.State, s.Problem = StateUnhealthy, "its health check fails"
		s.Stuck = v.svc.OnUnhealthy() != compose.RestartUnhealthy
		s.Accepted = v.svc.OnUnhealthy() == compose.AcceptUnhealthy
	case !s.Ready:
		s.State = StateStarting
	}
	if s.State == StateStarting {
		s.Note = untilReady(&v.svc)
	}
	// A service in a crash loop has to prove itself, lest the state flip at
	// every attempt.
	n := len(p.failures(v))
	until := c.Started.Add(proof)
	if n >= crashes && p.sane(until).After(p.now) {
		s.Ready = false
		p.wakeAt(until)
		p.crashLoop(v, s, n)
	}
}

// untilReady is what a service that runs still lacks.
func untilReady(svc *compose.Service) string {
	switch {
	case svc.OneShot:
		return "is done when it ends with status 0"
	case svc.Ready.Kind == compose.ReadyHealth:
		return "is ready when its health check passes"
	}
	return fmt.Sprintf("is ready when its check passes: %s:%s", svc.Ready.Kind, svc.Ready.Target)
}

// ready says whether a running container has passed the service's check.
func ready(svc *compose.Service, c *Container) bool {
	switch svc.Ready.Kind {
	case compose.ReadyHealth:
		return c.Health == Healthy
	case compose.ReadyTCP, compose.ReadyUnix, compose.ReadyFile, compose.ReadyExec:
		return c.Ready
	case compose.ReadyRunning:
	}
	return true
}

func (p *planner) standExited(v *view, s *Standing) {
	c := v.main
	verdict := p.verdict(v, c)
	switch verdict {
	case done:
		s.State, s.Ready = StateDone, true
		if v.svc.CreateOnly {
			s.State, s.Problem = StateCreated, v.lastRunFailed(c)
		}
	case failed:
		s.State, s.Problem, s.Stuck = StateFailed, exitCause(&v.svc, c), true
	case retry:
		s.State, s.Problem = StateBackoff, exitCause(&v.svc, c)
	case again, firstThisBoot:
		s.State = StateCreated
	}
	// While it is started once more nobody has seen it run: it has proved nothing.
	n := len(p.failures(v))
	if v.busy == string(Start) && n >= crashes && verdict != done && verdict != failed {
		p.crashLoop(v, s, n)
	}
}

func (p *planner) crashLoop(v *view, s *Standing, n int) {
	last := s.Problem
	if last == "" {
		last = v.mem.LastError
	}
	s.State, s.Stuck, s.Accepted = StateCrashLoop, true, false
	s.Problem = fmt.Sprintf("crash loop: %d failures within %s", n, "10 minutes")
	if last != "" {
		s.Problem += ", the last: " + last
	}
}

// unmet is what the service still waits for.
func (p *planner) unmet(v *view) []string {
	var out []string
	for _, d := range v.svc.Needs {
		if w := p.unmetBy(d); w != "" {
			out = append(out, w)
		}
	}
	return append(out, p.occupied(v)...)
}

// beforeStart is what a start waits for, which is more than the end of an old container.
func (p *planner) beforeStart(v *view) []string { return append(p.unmet(v), p.promised(v)...) }

func (p *planner) unmetBy(d compose.Dependency) string {
	dep := p.views[d.Service]
	switch {
	case dep == nil && d.Required && p.have.Incomplete:
		return d.Service + ", which is still to come"
	case dep == nil && d.Required:
		return d.Service + ", which is not in the configuration"
	case dep == nil:
		return ""
	case !d.Required && dep.standing.Stuck:
		return ""
	case met(d.Condition, dep):
		return ""
	}
	switch d.Condition {
	case compose.Started:
		return d.Service + " to start"
	case compose.Completed:
		return d.Service + " to complete"
	case compose.IsReady:
	}
	return d.Service + " to be ready"
}

// without is what a service goes on without: what it would rather have, and
// what failed.
func (p *planner) without(v *view) string {
	var out []string
	for _, d := range v.svc.Needs {
		dep := p.views[d.Service]
		if d.Required || dep == nil || !dep.standing.Stuck || met(d.Condition, dep) {
			continue
		}
		text := d.Service + ", which " + fate(&dep.standing)
		if dep.standing.Problem != "" {
			text += ": " + dep.standing.Problem
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return ""
	}
	return "runs without " + strings.Join(out, ", and ")
}

// fate is what became of a service that does not get ready.
func fate(s *Standing) string {
	switch s.State {
	case StateFailed, StateCrashLoop:
		return "failed"
	case StateUnhealthy:
		return "is unhealthy"
	case StateStopped:
		return "is stopped"
	}
	return "is " + s.State
}

// blocked says whether the service waits for what will not come by itself.
func (p *planner) blocked(v *view) bool {
	return slices.ContainsFunc(v.svc.Needs, func(d compose.Dependency) bool {
		if p.unmetBy(d) == "" {
			return false
		}
		dep := p.views[d.Service]
		return dep == nil && !p.have.Incomplete || dep != nil && dep.standing.Stuck
	})
}

// met says whether a service fulfils a condition.
func met(c compose.Condition, dep *view) bool {
	s := &dep.standing
	switch c {
	case compose.Started:
		switch s.State {
		case StateStarting, StateRunning, StateUnhealthy, StateDone:
			return true
		}
		return s.Ready
	case compose.Completed:
		return s.State == StateDone
	case compose.IsReady:
	}
	return s.Ready
}
