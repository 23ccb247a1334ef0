package torture_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"pgregory.net/rapid"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// patience is the longest that a service may be kept waiting, whatever the clock
// says: the longest backoff, and the moment until it is looked at.
const patience = 2*time.Minute + time.Second

// clockMachine is what runs while the clock is set: a job, a service after it,
// one that ends again and again, and one that must not be touched.
func clockMachine() compose.Project {
	p := compose.Project{Services: map[string]compose.Service{}}
	add := func(name string, oneShot bool, needs ...string) {
		s := compose.Service{
			Name: name, Scope: compose.System, OneShot: oneShot, Hash: "v1:" + name,
			Spec: types.ServiceConfig{Name: name, Image: "ros/base:1"}, StopGrace: time.Second,
			Restart: compose.Restart{Mode: compose.RestartAlways},
		}
		for _, n := range needs {
			s.Needs = append(s.Needs, compose.Dependency{Service: n, Condition: compose.IsReady, Required: true})
		}
		p.Services[name] = s
	}
	add("job", true)
	add("after", false, "job")
	add("ends", false)
	add("calm", false)
	return p
}

// fixed is a configuration that stays.
type fixed compose.Project

func (f fixed) Load(context.Context) (servicectl.Desired, error) {
	return servicectl.Desired{Project: compose.Project(f)}, nil
}

// setClock sets the wall clock: all instants that were written down before are
// that much earlier, or later, as seen from now. The clock of the bubble goes on.
func setClock(t *testing.T, f *enginetest.Fake, state string, forward time.Duration) {
	t.Helper()
	for _, c := range f.Containers(compose.System) {
		f.Set(compose.System, c.Name, func(c *plan.Container) {
			for _, at := range []*time.Time{&c.Created, &c.Started, &c.Finished} {
				if !at.IsZero() {
					*at = at.Add(-forward)
				}
			}
		})
	}
	text, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	memory := map[string]plan.Memory{}
	if err := json.Unmarshal(text, &memory); err != nil {
		t.Fatal(err)
	}
	for name, m := range memory {
		for i := range m.Failures {
			m.Failures[i] = m.Failures[i].Add(-forward)
		}
		for _, at := range []*time.Time{&m.NotBefore, &m.Began, &m.Changed} {
			if !at.IsZero() {
				*at = at.Add(-forward)
			}
		}
		memory[name] = m
	}
	if text, err = json.Marshal(memory); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(state, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTheClockMayBeSetWhileAServiceFails sets the clock while one service is in
// a crash loop, with and without a new controller: the one goes on being tried,
// the others run on, and it converges when the service is well.
func TestTheClockMayBeSetWhileAServiceFails(t *testing.T) {
	for _, forward := range []time.Duration{24 * time.Hour, -24 * time.Hour, time.Hour, -time.Hour, -time.Minute} {
		for _, anew := range []bool{false, true} {
			t.Run(fmt.Sprintf("by %s, new controller %t", forward, anew), func(t *testing.T) {
				state := t.TempDir() + "/controller.json"
				synctest.Test(t, func(t *testing.T) { setWhileFailing(t, state, forward, anew) })
			})
		}
	}
}

func setWhileFailing(t *testing.T, state string, forward time.Duration, anew bool) {
	t.Helper()
	f := enginetest.New()
	f.Behaves("ends", enginetest.Behaviour{RunsFor: 100 * time.Millisecond, ExitCode: 1})
	c, stop := startOver(t, f, state)
	rest(90 * time.Second)
	if st := c.Status(); st.State != servicectl.Degraded {
		t.Fatalf("a service that ends again and again leaves the machine %s", st.State)
	}
	steps := len(f.Steps())
	if anew {
		stop()
	}
	setClock(t, f, state, forward)
	if anew {
		c, stop = startOver(t, f, state)
	}
	defer stop()
	rest(patience)
	tried := 0
	for _, s := range f.Steps()[steps:] {
		if s.Service != "ends" {
			t.Errorf("the clock was set, and %s of %s was done: %s", s.Verb, s.Service, s.Cause)
		} else if s.Verb == plan.Start {
			tried++
		}
	}
	if tried == 0 || tried > 20 {
		t.Errorf("%d attempts within %s\n%+v", tried, patience, c.Status())
	}
	f.Behaves("ends", enginetest.Behaviour{})
	rest(patience)
	if st := c.Status(); st.State != servicectl.Converged {
		t.Errorf("the machine is %s: %+v", st.State, st)
	}
}

func rest(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// startOver starts a controller over a fake engine.
func startOver(t *testing.T, f *enginetest.Fake, state string) (c *servicectl.Controller, stop func()) {
	t.Helper()
	c = servicectl.New(servicectl.Options{Engine: f, Loader: fixed(clockMachine()), StatePath: state})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	return c, func() { cancel(); <-ended }
}

// TestNoInstantMakesAPlanWaitLong plans with instants that are up to two days off
// either way: in what Docker says, and in what is remembered. Nothing is waited
// for longer than a backoff may last, and nothing that runs well is touched.
func TestNoInstantMakesAPlanWaitLong(t *testing.T) {
	want := clockMachine()
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		have := plan.Observed{
			Daemons: map[compose.Scope]plan.Daemon{
				compose.System: {Available: true, Images: map[string]string{"ros/base:1": "sha256:1"}},
				compose.User:   {Available: true},
			},
			Memory: map[string]plan.Memory{},
		}
		d := have.Daemons[compose.System]
		for name := range want.Services {
			c, m := drawLife(rt, name, now)
			d.Containers, have.Memory[name] = append(d.Containers, c), m
		}
		have.Daemons[compose.System] = d
		p := plan.Make(want, have, now)
		if wait := p.Wake.Sub(now); !p.Wake.IsZero() && wait > patience {
			rt.Fatalf("it waits for %s\n%s", wait, p)
		}
		for _, c := range d.Containers {
			touched := slices.ContainsFunc(p.Steps, func(s plan.Step) bool { return s.Service == c.Name })
			switch {
			case touched && c.State == plan.Running:
				rt.Fatalf("it touches %s, which runs\n%s", c.Name, p)
			case !touched && p.Wake.IsZero() && c.State == plan.Exited && c.ExitCode != 0:
				rt.Fatalf("it never starts %s\n%s", c.Name, p)
			}
		}
	})
}

// drawLife is a container that was started at any instant, and what is
// remembered of its service.
func drawLife(rt *rapid.T, name string, now time.Time) (plan.Container, plan.Memory) {
	instant := func(what string) time.Time {
		days := rapid.IntRange(-2*24*3600, 2*24*3600)
		return now.Add(time.Duration(days.Draw(rt, what)) * time.Second)
	}
	c := plan.Container{
		ID: name, Name: name, Service: name, Managed: true, Hash: "v1:" + name,
		Image: "ros/base:1", ImageID: "sha256:1", State: plan.Running,
		Created: instant("created"), Started: instant("started"),
	}
	m := plan.Memory{Hash: c.Hash, Ran: c.ID}
	for range rapid.IntRange(0, 8).Draw(rt, "failures") {
		m.Failures = append(m.Failures, instant("failure"))
	}
	slices.SortFunc(m.Failures, time.Time.Compare)
	if rapid.Bool().Draw(rt, "backs off") {
		m.NotBefore = instant("not before")
	}
	if name == "job" || rapid.Bool().Draw(rt, "exited") {
		c.State, c.Finished = plan.Exited, instant("finished")
		c.ExitCode = rapid.IntRange(0, 1).Draw(rt, "exit code")
	}
	return c, m
}
