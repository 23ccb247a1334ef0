package servicectl_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// scheduled is a service with a schedule; the bubble's time begins at midnight
// of 2000-01-01, UTC.
func scheduled(name, when string, action compose.ScheduleAction) compose.Service {
	s := svc(name, "job:1")
	s.Schedule = &compose.Schedule{When: when, Action: action}
	if action == compose.ScheduleStart {
		s.CreateOnly, s.Restart.Mode = true, compose.RestartNo
	}
	return s
}

func TestAServiceIsStartedWhenItsScheduleSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Behave = map[string]enginetest.Behaviour{"backup": {RunsFor: 10 * time.Minute}}
		r.start(t, scheduled("backup", "0 30 * * * *", compose.ScheduleStart))
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
		s := r.service(t, "backup")
		if s.State != plan.StateCreated || s.NextRun != "2000-01-01T00:30:00Z" || s.LastRun != "" {
			t.Errorf("before: %+v", s)
		}
		after(30 * time.Minute)
		if s = r.service(t, "backup"); s.LastRun != "2000-01-01T00:30:00Z" || s.LastResult != "running" || s.Cause != "scheduled 0 30 * * * *" {
			t.Errorf("during: %+v", s)
		}
		after(10 * time.Minute)
		r.wantState(t, servicectl.Converged)
		if s = r.service(t, "backup"); s.LastResult != "succeeded" || s.NextRun != "2000-01-01T01:30:00Z" || s.Restarts != 0 {
			t.Errorf("after: %+v", s)
		}
		r.fake.Behaves("backup", enginetest.Behaviour{RunsFor: time.Minute, ExitCode: 3})
		after(time.Hour)
		if s = r.service(t, "backup"); s.LastResult != "failed" || s.Problem == "" || s.LastRun != "2000-01-01T01:30:00Z" {
			t.Errorf("after a failure: %+v", s)
		}
		wantVerbs(t, r.verbs(0), "pull backup", "create backup", "start backup", "start backup")
	})
}

func TestAScheduleRestartsAndStops(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, scheduled("web", "@every 6h", compose.ScheduleRestart), scheduled("day", "0 0 20 * * *", compose.ScheduleStop))
		after(time.Minute)
		n := len(r.fake.Steps())
		after(23 * time.Hour)
		wantVerbs(t, r.verbs(n), "stop web", "start web", "stop web", "start web", "stop web", "start web", "stop day")
		if s := r.service(t, "day"); s.State != plan.StateStopped || s.LastRun != "2000-01-01T20:00:00Z" {
			t.Errorf("day: %+v", s)
		}
		if err := r.c.Start("day"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.wantState(t, servicectl.Converged)
	})
}

func TestARunThatIsDueWhileTheServiceRunsIsLeftOut(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Behave = map[string]enginetest.Behaviour{"long": {RunsFor: 90 * time.Minute}}
		r.start(t, scheduled("long", "@hourly", compose.ScheduleStart))
		after(2*time.Hour + time.Minute)
		if s := r.service(t, "long"); s.LastRun != "2000-01-01T01:00:00Z" || s.NextRun != "2000-01-01T03:00:00Z" {
			t.Errorf("while it runs: %+v", s)
		}
		after(time.Hour)
		if s := r.service(t, "long"); s.LastRun != "2000-01-01T03:00:00Z" {
			t.Errorf("later: %+v", s)
		}
		r.change(svc("long", "job:1"))
		after(time.Minute)
		if s := r.service(t, "long"); s.Schedule != "" || s.NextRun != "" {
			t.Errorf("without a schedule: %+v", s)
		}
	})
}

func TestARunWaitsForWhatTheServiceNeeds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		backup := scheduled("backup", "@hourly", compose.ScheduleStart)
		backup.Needs = []compose.Dependency{{Service: "db", Condition: compose.IsReady, Required: true}}
		db := svc("db", "db:1")
		db.Ready.Kind = compose.ReadyTCP
		r.fake.Behave = map[string]enginetest.Behaviour{"db": {ReadyAfter: 90 * time.Minute}, "backup": {RunsFor: time.Second}}
		r.start(t, backup, db)
		after(65 * time.Minute)
		if s := r.service(t, "backup"); s.LastRun != "" || len(s.WaitingFor) == 0 {
			t.Errorf("db is not ready: %+v", s)
		}
		after(30 * time.Minute)
		if s := r.service(t, "backup"); s.LastRun == "" || s.LastResult != "succeeded" || s.NextRun != "2000-01-01T02:00:00Z" {
			t.Errorf("db is ready: %+v", s)
		}
	})
}

func TestANetworkIsMadeUsedChangedAndRemoved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, inNetwork(svc("a", "x:1"), "1"), inNetwork(svc("b", "x:1", "a"), "1"))
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
		first := r.fake.Networks(compose.System)
		n := len(r.fake.Steps())
		r.change(inNetwork(svc("a", "x:1"), "2"), inNetwork(svc("b", "x:1", "a"), "2"))
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
		if now := r.fake.Networks(compose.System); len(now) != 1 || now[0].ID == first[0].ID || now[0].Hash != "v1:2" {
			t.Errorf("networks %+v", now)
		}
		if made := len(r.verbs(n)); made != 10 { // stop, remove, create and start twice, and the network
			t.Errorf("steps %q", r.verbs(n))
		}
		if s := r.service(t, "b"); s.Cause != "network lan: driver 1 → 2" {
			t.Errorf("cause %q", s.Cause)
		}
		r.change(svc("c", "x:1"))
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
		if now := r.fake.Networks(compose.System); len(now) > 0 {
			t.Errorf("networks %+v", now)
		}
		if v := r.fake.Volumes(compose.System); len(v) != 1 {
			t.Errorf("volumes %v: they are never removed", v)
		}
	})
}

func TestANameMayMeanSeveralContainers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		var all []compose.Service
		for _, name := range []string{"shop-web-1", "shop-web-2", "shop-db-1"} {
			s := svc(name, "x:1")
			s.Project, s.Of = "shop", strings.Split(name, "-")[1]
			all = append(all, s)
		}
		r.start(t, all...)
		after(time.Minute)
		for _, test := range []struct {
			name    string
			stopped []string
		}{{"shop/web", []string{"shop-web-1", "shop-web-2"}}, {"shop-db-1", []string{"shop-db-1"}}, {"shop", []string{"shop-db-1", "shop-web-1", "shop-web-2"}}} {
			if err := r.c.Stop(test.name); err != nil {
				t.Fatal(err)
			}
			after(time.Minute)
			var stopped []string
			for _, s := range r.c.Status().Services {
				if s.State == plan.StateStopped {
					stopped = append(stopped, s.Name)
				}
			}
			if !slices.Equal(stopped, test.stopped) {
				t.Errorf("stop %s: %q", test.name, stopped)
			}
			if err := r.c.Start("shop"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.c.Wait(t.Context(), []string{test.name}); err != nil {
				t.Error(err)
			}
			after(time.Minute)
		}
		if _, err := r.c.Wait(t.Context(), []string{"web"}); err == nil {
			t.Error("web alone means nothing")
		}
		if _, err := r.c.Top(t.Context(), "shop/web"); err == nil || !strings.Contains(err.Error(), "shop-web-1, shop-web-2") {
			t.Errorf("the processes of several: %v", err)
		}
		if err := r.c.Logs(t.Context(), "shop/web", servicectl.LogOptions{}, io.Discard); err == nil || !strings.Contains(err.Error(), "shop-web-1, shop-web-2") {
			t.Errorf("the log of several: %v", err)
		}
		if err := r.c.Kill(t.Context(), "shop/web", "HUP"); err != nil {
			t.Errorf("a signal to several: %v", err)
		}
		for name, want := range map[string]int{"shop-web-1": 1, "shop-web-2": 1, "shop-db-1": 0} {
			var log strings.Builder
			if err := r.c.Logs(t.Context(), name, servicectl.LogOptions{}, &log); err != nil || strings.Count(log.String(), "got HUP") != want {
				t.Errorf("%s: %q, %v", name, log.String(), err)
			}
		}
	})
}
