package servicectl

import (
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// progressFresh is how old the progress of a fetch may be in the status.
const progressFresh = time.Second

// Note makes what somebody beside the controller has found wrong part of the
// status, in place of what was noted under that name before.
func (c *Controller) Note(from string, found cloudconfig.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.notes == nil {
		c.notes = map[string]cloudconfig.Report{}
	}
	c.notes[from] = found
	c.publish()
}

// fetching says whether a branch brings an image. The caller holds the mutex.
func (c *Controller) fetching() bool {
	for _, b := range c.branches {
		if !b.ended && fetches(b.verb) {
			return true
		}
	}
	return false
}

func fetches(v plan.Verb) bool { return v == plan.Load || v == plan.Pull }

// progressDue is when the status is to be made anew only to show how far images
// are; zero when none is under way. The caller holds the mutex.
func (c *Controller) progressDue(now time.Time) time.Time {
	if _, tells := c.opts.Engine.(Progresser); !tells || !c.fetching() {
		return time.Time{}
	}
	return now.Add(progressFresh)
}

// progress is what the engine tells of images on their way, by daemon and
// reference. The caller holds the mutex.
func (c *Controller) progress() map[compose.Scope]map[string]string {
	p, tells := c.opts.Engine.(Progresser)
	if !tells || !c.fetching() {
		return nil
	}
	out := map[compose.Scope]map[string]string{}
	for _, scope := range scopes {
		out[scope] = p.Progress(scope)
	}
	return out
}

// showProgress adds to what a service waits for how far its image is, be it that
// another's branch brings it; and that it comes. The caller holds the mutex.
func (c *Controller) showProgress(s *ServiceStatus, progress map[compose.Scope]map[string]string) {
	b := c.branches[s.Name]
	if b == nil || b.ended {
		return
	}
	text := progress[b.svc.Scope][b.svc.Spec.Image]
	if text != "" && s.State == plan.StateBackoff { // what failed before comes after all
		s.State, s.Problem, s.stuck = plan.StateAbsent, "", false
	}
	for i, w := range s.WaitingFor {
		if text != "" && w == string(b.verb)+" to finish" {
			s.WaitingFor[i] = w + " (" + text + ")"
		}
	}
}
