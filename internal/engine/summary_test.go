package engine

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"pgregory.net/rapid"

	"github.com/ros-os/ros/servicectl/plan"
)

func TestTheListShowsWhatChanged(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	running := plan.Container{Name: "ntp", State: plan.Running, Started: now.Add(-5 * time.Minute)}
	healthy := running
	healthy.Health = plan.Healthy
	exited := plan.Container{Name: "ntp", State: plan.Exited, ExitCode: 1, Finished: now.Add(-10 * time.Second)}
	paused := running
	paused.State = plan.Paused

	cases := map[string]struct {
		known plan.Container
		state string
		text  string
		names []string
		want  bool
	}{
		"nothing":                           {running, "running", "Up 5 minutes", []string{"/ntp"}, true},
		"nothing, with health":              {healthy, "running", "Up 5 minutes (healthy)", []string{"/ntp"}, true},
		"nothing, paused":                   {paused, "paused", "Up 5 minutes (Paused)", []string{"/ntp"}, true},
		"nothing, exited":                   {exited, "exited", "Exited (1) 10 seconds ago", []string{"/ntp"}, true},
		"nothing, a second later":           {exited, "exited", "Exited (1) 11 seconds ago", []string{"/ntp"}, true},
		"nothing, with a link's name first": {running, "running", "Up 5 minutes", []string{"/web/ntp", "/ntp"}, true},
		"its state":                         {running, "exited", "Exited (0) 1 second ago", []string{"/ntp"}, false},
		"its health":                        {healthy, "running", "Up 5 minutes (unhealthy)", []string{"/ntp"}, false},
		"its health is new":                 {running, "running", "Up 5 minutes (health: starting)", []string{"/ntp"}, false},
		"it was started anew":               {running, "running", "Up 2 seconds", []string{"/ntp"}, false},
		"it ran and failed again":           {exited, "exited", "Exited (2) 10 seconds ago", []string{"/ntp"}, false},
		"it ran and ended again":            {exited, "exited", "Exited (1) 2 seconds ago", []string{"/ntp"}, false},
		"its name":                          {running, "running", "Up 5 minutes", []string{"/old"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := container.Summary{State: c.state, Status: c.text, Names: c.names}
			if got := agrees(s, c.known, now, now.Add(10*time.Millisecond)); got != c.want {
				t.Errorf("agrees: %t, want %t", got, c.want)
			}
		})
	}
}

// A container that did not change is never inspected again, whenever it is
// listed.
func TestAnUnchangedContainerAlwaysAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "start"), 0)
		up := time.Duration(rapid.Int64Range(0, int64(1000*24*time.Hour)).Draw(t, "up"))
		took := time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "took"))
		c := plan.Container{
			State: rapid.SampledFrom([]plan.State{
				plan.Created, plan.Running, plan.Paused, plan.Restarting, plan.Removing, plan.Exited, plan.Dead,
			}).Draw(t, "state"),
			Health:  rapid.SampledFrom([]plan.Health{plan.NoHealth, plan.Starting, plan.Healthy, plan.Unhealthy}).Draw(t, "health"),
			Started: start, Finished: start,
		}
		before := start.Add(up)
		daemon := before.Add(time.Duration(rapid.Int64Range(0, int64(took)).Draw(t, "daemon")))
		s := container.Summary{State: string(c.State), Status: status(c, daemon)}
		if !agrees(s, c, before, before.Add(took)) {
			t.Fatalf("%q disagrees with what was inspected", s.Status)
		}
	})
}
