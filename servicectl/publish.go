package servicectl

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// Status is how everything stands.
func (c *Controller) Status() Status {
	st, _ := c.snapshot()
	return st
}

// snapshot is the status and a channel that is closed when it changes.
func (c *Controller) snapshot() (Status, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status, c.changed
}

// publish makes the present state the status. A status that was published is
// never changed afterwards. The caller holds the mutex.
func (c *Controller) publish() {
	st := Status{Services: c.awaited(c.serviceStatuses())}
	st.Problems = c.problems(st.Services)
	st.State = c.state(st)
	st.current = c.currentLocked()
	st.settled = c.settledLocked() && len(c.desired.Waiting) == 0 && !slices.ContainsFunc(st.Services, ServiceStatus.hopeful)
	c.noteConverged(st)
	if reflect.DeepEqual(st, c.status) {
		return
	}
	c.logChanges(c.status, st)
	c.status = st
	close(c.changed)
	c.changed = make(chan struct{})
}

// logChanges tells of every service whose state is another one now.
func (c *Controller) logChanges(before, now Status) {
	was := map[string]string{}
	for _, s := range before.Services {
		was[s.Name] = s.State
	}
	for _, s := range now.Services {
		if was[s.Name] == s.State {
			continue
		}
		c.tellState(was[s.Name], s)
		log := c.log.WithField("service", s.Name)
		if s.Problem != "" {
			log.Warnf("is %s: %s", s.State, s.Problem)
		} else {
			log.Infof("is %s", s.State)
		}
	}
	if before.State != now.State {
		c.tell(journal.Event{Kind: journal.State, Was: before.State, State: now.State})
		c.log.Infof("the machine is %s", now.State)
	}
}

func (c *Controller) serviceStatuses() []ServiceStatus {
	services := c.desired.Project.Services
	out := make([]ServiceStatus, 0, len(services))
	progress := c.progress()
	for _, name := range slices.Sorted(maps.Keys(services)) {
		svc, m := services[name], c.memory[name]
		st, planned := c.plan.Services[name]
		if !planned {
			st.State = plan.StateWaiting
		}
		s := ServiceStatus{
			Name: name, Scope: string(svc.Scope), State: st.State, Ready: st.Ready,
			Restarts: m.Restarts, WaitingFor: slices.Clone(st.Waiting), Image: svc.Spec.Image, Builds: svc.Builds(),
			Cause: m.LastCause, Problem: st.Problem, stuck: st.Stuck, accepted: st.Accepted,
			ReadyAfter: m.ReadyAfter.Seconds(), Note: st.Note, LastLog: c.lastLogs[name].lines,
		}
		if c.persisted[name] {
			s.Note = persistNote(s.State)
		}
		if s.WaitingFor == nil {
			s.WaitingFor = []string{}
		}
		c.showProgress(&s, progress)
		if s.Problem == "" && st.Stuck && st.State == plan.StateWaiting {
			s.Problem = "waits for " + strings.Join(st.Waiting, ", ")
		}
		if st.Container != nil {
			s.Container = st.Container.ID
		}
		if !m.Changed.IsZero() {
			s.Changed = m.Changed.UTC().Format(time.RFC3339Nano)
		}
		if s.Project = svc.Project; svc.Key() != name {
			s.Of = svc.Key()
		}
		s.tellSchedule(svc, m, st.Container)
		out = append(out, s)
	}
	return out
}

// awaited adds to services what is not there yet, as services that wait.
func (c *Controller) awaited(services []ServiceStatus) []ServiceStatus {
	for _, w := range c.desired.Waiting {
		at, found := slices.BinarySearchFunc(services, w.Name, func(s ServiceStatus, name string) int {
			return strings.Compare(s.Name, name)
		})
		if found {
			continue // it is also defined elsewhere
		}
		services = slices.Insert(services, at, ServiceStatus{
			Name: w.Name, State: plan.StateWaiting, WaitingFor: []string{w.For}, Note: w.Why,
		})
	}
	return services
}

// problems are all that is known, configuration first.
func (c *Controller) problems(services []ServiceStatus) cloudconfig.Report {
	out := slices.Clone(c.desired.Report)
	if out == nil {
		out = cloudconfig.Report{}
	}
	if c.loadErr != nil {
		out = append(out, cloudconfig.Problem{Msg: c.loadErr.Error()})
	}
	if c.saveErr != nil {
		out = append(out, cloudconfig.Problem{Msg: c.saveErr.Error()})
	}
	out = append(out, c.journalReport()...)
	out = append(out, c.bootReport...)
	out = append(out, c.hostReport...)
	for _, from := range slices.Sorted(maps.Keys(c.notes)) {
		out = append(out, c.notes[from]...)
	}
	for _, s := range services {
		if s.Problem == "" || s.accepted {
			continue
		}
		p := cloudconfig.Problem{Msg: "service " + s.Name + ": " + s.Problem, Severity: cloudconfig.Warning}
		if s.stuck || bad(s.State) {
			p.Severity = cloudconfig.Error
			p.Pos = c.desired.Project.Services[s.Name].Origin
		}
		out = append(out, p)
	}
	return out
}

func bad(state string) bool {
	return state == plan.StateFailed || state == plan.StateCrashLoop || state == plan.StateUnhealthy
}

func (c *Controller) state(st Status) string {
	switch {
	case st.Problems.Err() != nil:
		return Degraded
	case !c.settledLocked() || len(c.plan.Steps)+len(c.desired.Waiting) > 0:
		return Converging
	}
	for _, s := range st.Services {
		if !s.asWanted() {
			return Converging
		}
	}
	return Converged
}

// asWanted says whether the service is as it should be.
func (s ServiceStatus) asWanted() bool {
	return s.State == plan.StateStopped || (s.Ready || s.accepted) && len(s.WaitingFor) == 0
}

// hopeful says whether waiting for the service makes sense.
func (s ServiceStatus) hopeful() bool { return !s.asWanted() && !s.stuck }

// settledLocked says whether the last plan is about the present configuration
// and nothing is under way. The caller holds the mutex.
func (c *Controller) settledLocked() bool {
	return c.currentLocked() && len(c.branches) == 0
}

// currentLocked says whether the last plan is about the present configuration.
func (c *Controller) currentLocked() bool {
	if !c.loaded || c.dirty || c.reading || !c.applied || c.plan.Services == nil {
		return false
	}
	for _, scope := range scopes {
		if !c.observers[scope].current() {
			return false
		}
	}
	return true
}
