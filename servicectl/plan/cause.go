package plan

import (
	"fmt"

	"github.com/ros-os/ros/compose"
)

// missing is why a container has to be made.
func (p *planner) missing(v *view) string {
	switch {
	case v.squatter != nil:
		return "its name was taken by another container"
	case len(v.moved) > 0:
		return "moved to " + daemonName(v.svc.Scope)
	case v.mem.Ran != "":
		return "its container was removed behind the controller's back"
	}
	return "new"
}

// outdated is why the container is no longer right.
func (p *planner) outdated(v *view) string {
	c := v.main
	if c.Hash == v.svc.Hash {
		return "image " + v.svc.Spec.Image + " was updated"
	}
	if len(c.Fields) > 0 {
		if diff := compose.ExplainDiff(c.Fields, v.svc.Fields); diff != "" {
			return diff
		}
	}
	return "the configuration changed"
}

// exitCause is how a container ended.
func exitCause(c *Container) string {
	switch {
	case c.OOM:
		return "out of memory"
	case c.Error != "":
		return c.Error
	}
	return fmt.Sprintf("exited with status %d", c.ExitCode)
}

// cmpCause goes on with the cause of a change that an earlier pass began.
func cmpCause(m Memory, c *Container, otherwise string) string {
	if m.LastCause != "" && m.Ran != c.ID {
		return m.LastCause
	}
	return otherwise
}
