package enginetest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

var (
	_ servicectl.Engine  = (*enginetest.Fake)(nil)
	_ servicectl.Stopper = (*enginetest.Fake)(nil)
)

func TestTheFakeConforms(t *testing.T) {
	for _, scope := range []compose.Scope{compose.System, compose.User} {
		t.Run(string(scope), func(t *testing.T) {
			enginetest.Conformance(t, func(*testing.T) servicectl.Engine { return enginetest.New() }, enginetest.Options{
				Image: "ros/base:1", Bring: plan.Load, Command: []string{"sleep", "1000"}, Scope: scope,
			})
		})
	}
}

func svc() compose.Service {
	return compose.Service{Name: "a", Scope: compose.System, Hash: "v1:a", Spec: types.ServiceConfig{Image: "x:1"}}
}

func step(v plan.Verb, id string) plan.Step {
	return plan.Step{Verb: v, Service: "a", Scope: "system", Name: "a", Image: "x:1", Container: id}
}

func TestTheFakeRefusesWhatDockerRefuses(t *testing.T) {
	f := enginetest.New()
	f.AddImage(compose.System, "x:1", "")
	dead := f.Add(compose.System, plan.Container{Name: "dead", State: plan.Dead}, compose.Service{})
	paused := f.Add(compose.System, plan.Container{Name: "paused", State: plan.Paused}, compose.Service{})
	running := f.Add(compose.System, plan.Container{Name: "running", State: plan.Running}, compose.Service{})
	created := f.Add(compose.System, plan.Container{Name: "created", State: plan.Created}, compose.Service{})
	for name, s := range map[string]plan.Step{
		"starting a dead container":      step(plan.Start, dead),
		"starting a paused container":    step(plan.Start, paused),
		"removing a running container":   step(plan.Remove, running),
		"removing a paused container":    step(plan.Remove, paused),
		"unpausing what does not run":    step(plan.Unpause, created),
		"unpausing what is not there":    step(plan.Unpause, "nothing"),
		"renaming to a name in use":      {Verb: plan.Rename, Scope: "system", Container: created, Name: "running"},
		"renaming what is not there":     {Verb: plan.Rename, Scope: "system", From: "nothing", Name: "free"},
		"starting what is not there":     step(plan.Start, "nothing"),
		"creating under a name in use":   {Verb: plan.Create, Scope: "system", Name: "running"},
		"any step of a daemon not there": {Verb: plan.Kill, Scope: "user", Container: "x"},
	} {
		f.SetUp(compose.User, false)
		if err := f.Do(t.Context(), s, svc()); err == nil {
			t.Errorf("%s succeeds", name)
		}
	}
}

func TestTheFakeFailsOnDemand(t *testing.T) {
	f := enginetest.New()
	f.AddImage(compose.System, "x:1", "")
	boom := errors.New("boom")
	var fault enginetest.Fault
	f.Fault = func(enginetest.Call) enginetest.Fault { return fault }
	for _, c := range []struct {
		name  string
		fault enginetest.Fault
		there bool
	}{
		{"before the effect", enginetest.Fault{Err: boom}, false},
		{"instead of the effect", enginetest.Fault{Ignore: true}, false},
		{"after the effect", enginetest.Fault{Err: boom, After: true}, true},
	} {
		fault = c.fault
		if err := f.Do(t.Context(), step(plan.Create, ""), svc()); !errors.Is(err, c.fault.Err) {
			t.Errorf("%s: %v", c.name, err)
		}
		if there := len(f.Containers(compose.System)) == 1; there != c.there {
			t.Errorf("%s: created %v", c.name, there)
		}
	}
	fault = enginetest.Fault{Err: boom}
	if d := f.Observe(t.Context(), compose.System, compose.Project{}, true); d.Available || d.Err != "boom" {
		t.Errorf("observed %+v", d)
	}
}

func TestTheFakesContainersBehave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.New()
		f.AddImage(compose.System, "x:1", "")
		f.Behaves("a", enginetest.Behaviour{RunsFor: time.Minute, ExitCode: 3, ReadyAfter: time.Second, StopTakes: time.Second})
		s := svc()
		s.Ready.Kind = compose.ReadyHealth
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		look := func() plan.Container { return f.Containers(compose.System)[0] }
		must(f.Do(t.Context(), step(plan.Create, ""), s))
		must(f.Do(t.Context(), step(plan.Start, ""), s))
		if c := look(); c.Health != plan.Starting || c.Ready {
			t.Errorf("at first: %+v", c)
		}
		time.Sleep(time.Second)
		if c := look(); c.Health != plan.Healthy || !c.Ready {
			t.Errorf("after a second: %+v", c)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if c := look(); c.State != plan.Exited || c.ExitCode != 3 || c.Finished.Sub(c.Started) != time.Minute {
			t.Errorf("after a minute: %+v", c)
		}
		must(f.Do(t.Context(), step(plan.Start, ""), s))
		begin := time.Now()
		stop := step(plan.Stop, look().ID)
		stop.Grace = plan.Seconds(5 * time.Second)
		must(f.Do(t.Context(), stop, s))
		if took := time.Since(begin); took != time.Second || look().State != plan.Exited {
			t.Errorf("stopped after %s: %+v", took, look())
		}
		f.Behaves("a", enginetest.Behaviour{StartFails: "exec format error"})
		if err := f.Do(t.Context(), step(plan.Start, ""), s); err == nil || !strings.Contains(err.Error(), "exec format") {
			t.Errorf("start: %v", err)
		}
	})
}
