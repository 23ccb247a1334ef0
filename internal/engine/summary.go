package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"

	"github.com/ros-os/ros/servicectl/plan"
)

// clockSlack is how far the daemon's reading of the clock may lie outside the
// time in which its list was made.
const clockSlack = time.Second

// agrees says whether a container, as it was inspected, would be listed as it
// is listed now. It finds what an event that was lost would have told: the list
// shows state, exit code and health, and the time since the last start or end.
func agrees(s container.Summary, known plan.Container, before, after time.Time) bool {
	if s.State != string(known.State) || name(s.Names) != known.Name {
		return false
	}
	// The daemon took the time somewhere between.
	for _, now := range []time.Time{before.Add(-clockSlack), before, after, after.Add(clockSlack)} {
		if s.Status == status(known, now) {
			return true
		}
	}
	return false
}

// status is Docker's one-line description of a container.
func status(c plan.Container, now time.Time) string {
	switch c.State {
	case plan.Created:
		return "Created"
	case plan.Dead:
		return "Dead"
	case plan.Removing:
		return "Removal In Progress"
	case plan.Exited:
		return fmt.Sprintf("Exited (%d) %s ago", c.ExitCode, units.HumanDuration(now.Sub(c.Finished)))
	case plan.Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", c.ExitCode, units.HumanDuration(now.Sub(c.Finished)))
	case plan.Paused:
		return "Up " + units.HumanDuration(now.Sub(c.Started)) + " (Paused)"
	case plan.Running:
	}
	up := "Up " + units.HumanDuration(now.Sub(c.Started))
	switch c.Health {
	case plan.Starting:
		return up + " (health: starting)"
	case plan.Healthy, plan.Unhealthy:
		return up + " (" + string(c.Health) + ")"
	case plan.NoHealth:
	}
	return up
}

// name is a container's own name among those it is listed with, which may
// include its names in links.
func name(listed []string) string {
	for _, n := range listed {
		if n = strings.TrimPrefix(n, "/"); !strings.Contains(n, "/") {
			return n
		}
	}
	return ""
}
