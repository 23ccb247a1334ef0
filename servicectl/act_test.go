package servicectl_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestARemovedServiceStaysWithoutAContainerUntilItIsStarted(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, svc("ntp", "ntp:1"))
		if err := r.c.Remove("ntp", servicectl.RemoveOptions{}); !errors.Is(err, servicectl.ErrRuns) {
			t.Errorf("without force, of one that runs: %v", err)
		}
		n := len(r.fake.Steps())
		must(t, r.c.Remove("ntp", servicectl.RemoveOptions{Force: true, Grace: 3 * time.Second}))
		wantVerbs(t, r.verbs(n), "stop ntp", "remove ntp")
		if grace := time.Duration(r.fake.Steps()[n].Grace); grace != 3*time.Second {
			t.Errorf("it has %s to end", grace)
		}
		r.wantState(t, servicectl.Converged)
		if s := r.service(t, "ntp"); s.State != plan.StateStopped || s.Container != "" {
			t.Errorf("ntp: %+v", s)
		}
		r.stop()
		r.start(t) // the word outlives the controller
		after(time.Hour)
		if len(r.fake.Containers(compose.System)) != 0 {
			t.Error("the container was made again")
		}
		n = len(r.fake.Steps())
		must(t, r.c.Start("ntp"))
		wantVerbs(t, r.verbs(n), "create ntp", "start ntp")
		if cause := r.service(t, "ntp").Cause; cause != "new" {
			t.Errorf("cause %q", cause)
		}
		must(t, r.c.Stop("ntp"))
		must(t, r.c.Remove("ntp", servicectl.RemoveOptions{})) // it does not run
		if len(r.fake.Containers(compose.System)) != 0 {
			t.Error("the container of a stopped service is still there")
		}
		if err := r.c.Remove("nobody", servicectl.RemoveOptions{}); !errors.Is(err, servicectl.ErrUnknown) {
			t.Errorf("nobody: %v", err)
		}
	})
}

func TestAReplacedServiceGetsANewContainerOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, svc("ntp", "ntp:1"), svc("web", "web:1"))
		before, n := r.container(t, "ntp").ID, len(r.fake.Steps())
		must(t, r.c.Replace("ntp"))
		wantVerbs(t, r.verbs(n), "create-next ntp", "stop ntp", "remove ntp", "rename ntp", "start ntp")
		if r.container(t, "ntp").ID == before {
			t.Error("it is the same container")
		}
		if s := r.service(t, "ntp"); s.Cause != "replaced by the user" || !s.Ready {
			t.Errorf("ntp: %+v", s)
		}
		n = len(r.fake.Steps())
		after(time.Hour)
		r.stop()
		r.start(t)
		wantVerbs(t, r.verbs(n))
		must(t, r.c.Stop("web"))
		must(t, r.c.Replace("web")) // starts it too
		if s := r.service(t, "web"); !s.Ready {
			t.Errorf("web: %+v", s)
		}
	})
}

func TestTheUsersGraceCountsOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, svc("ntp", "ntp:1"))
		graces := func() []time.Duration {
			var out []time.Duration
			for _, s := range r.fake.Steps() {
				if s.Verb == plan.Stop {
					out = append(out, time.Duration(s.Grace))
				}
			}
			return out
		}
		must(t, r.c.Grace("ntp", time.Minute))
		must(t, r.c.Stop("ntp"))
		must(t, r.c.Start("ntp"))
		must(t, r.c.Restart("ntp"))
		must(t, r.c.Grace("ntp", time.Second))
		must(t, r.c.Restart("ntp"))
		if got := graces(); !slices.Equal(got, []time.Duration{time.Minute, 5 * time.Second, time.Second}) {
			t.Errorf("graces %v", got)
		}
		if err := r.c.Grace("nobody", 0); !errors.Is(err, servicectl.ErrUnknown) {
			t.Errorf("nobody: %v", err)
		}
	})
}

func TestAKilledServiceFollowsItsRestartPolicy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		stays := svc("stays", "x:1")
		stays.Restart.Mode = compose.RestartNo
		r.start(t, svc("ntp", "ntp:1"), stays)
		must(t, r.c.Kill(t.Context(), "ntp", "SIGHUP"))
		if err := r.c.Kill(t.Context(), "ntp", "SIGFOO"); err == nil {
			t.Error("there is no such signal")
		}
		if s := r.service(t, "ntp"); !s.Ready || s.Restarts != 0 {
			t.Errorf("after SIGHUP: %+v", s)
		}
		var asked []string
		for _, e := range r.events(t, "ntp") {
			if e.Kind == journal.Intent {
				asked = append(asked, e.Text())
			}
		}
		if want := []string{"a user asks to send it SIGHUP", "a user asks to send it SIGFOO, which fails: invalid signal: SIGFOO"}; !slices.Equal(asked, want) {
			t.Errorf("told %q", asked)
		}
		must(t, r.c.Kill(t.Context(), "ntp", "SIGKILL"))
		must(t, r.c.Kill(t.Context(), "stays", "SIGTERM"))
		after(10 * time.Second)
		if s := r.service(t, "ntp"); !s.Ready || s.Restarts != 1 {
			t.Errorf("ntp: %+v", s)
		}
		if s := r.service(t, "stays"); s.State != plan.StateFailed {
			t.Errorf("stays: %+v", s)
		}
		if err := r.c.Kill(t.Context(), "stays", "SIGKILL"); !errors.Is(err, servicectl.ErrIdle) {
			t.Errorf("one that does not run: %v", err)
		}
		if _, err := r.c.Top(t.Context(), "stays"); !errors.Is(err, servicectl.ErrIdle) {
			t.Errorf("top of one that does not run: %v", err)
		}
	})
}

func TestAPulledImageThatIsAnotherOneReplacesTheContainer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, svc("ntp", "ntp:1"), svc("base", "ros/base:1"))
		n := len(r.fake.Steps())
		must(t, r.c.Pull(t.Context(), "ntp", func(string) {}))
		wantVerbs(t, r.verbs(n), "pull ntp")
		if err := r.c.Pull(t.Context(), "base", nil); !errors.Is(err, servicectl.ErrMachineImage) {
			t.Errorf("an image of the machine: %v", err)
		}
		if err := r.c.Pull(t.Context(), "nobody", nil); !errors.Is(err, servicectl.ErrUnknown) {
			t.Errorf("nobody: %v", err)
		}
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			if c.Method == "do" && c.Step.Verb == plan.Pull {
				return enginetest.Fault{Err: errors.New("no route to host")}
			}
			return enginetest.Fault{}
		}
		if err := r.c.Pull(t.Context(), "ntp", func(string) {}); err == nil || err.Error() != "no route to host" {
			t.Errorf("without a network: %v", err)
		}
		r.wantState(t, servicectl.Converged) // a failed pull of what is there breaks nothing
	})
}

func TestTheAPIActsOnServices(t *testing.T) {
	fake := enginetest.New()
	c, _ := served(t, fake, machine()...)
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Wait(ctx, 20*time.Second, nil)
	ok(err)
	list, err := c.Top(ctx, "ntp")
	ok(err)
	if len(list.Rows) != 1 || list.Rows[0][1] != "ntp" || list.Titles[0] != "PID" {
		t.Errorf("top %+v", list)
	}
	ok(c.Kill(ctx, "ntp", "SIGHUP"))
	ok(c.Pull(ctx, "ntp", func(string) {}))
	ok(c.Replace(ctx, "ntp"))
	ok(c.Grace(ctx, "ntp", time.Second))
	_, err = c.Wait(ctx, 20*time.Second, []string{"ntp"})
	ok(err)
	if err := c.Remove(ctx, "ntp", servicectl.RemoveOptions{}); err == nil || err.Error() != `cannot remove the container of "ntp": it runs` {
		t.Errorf("remove: %v", err)
	}
	ok(c.Remove(ctx, "ntp", servicectl.RemoveOptions{Force: true, Grace: time.Second}))
	waitFor(t, func() bool {
		return !slices.ContainsFunc(fake.Containers(compose.System), func(c plan.Container) bool { return c.Service == "ntp" })
	})
	for what, err := range map[string]error{
		"kill":    c.Kill(ctx, "ntp", "SIGHUP"),
		"pull":    c.Pull(ctx, "network", func(string) {}),
		"nobody":  c.Pull(ctx, "nobody", func(string) {}),
		"replace": c.Replace(ctx, "nobody"),
	} {
		if err == nil {
			t.Errorf("%s is no error", what)
		}
	}
}
