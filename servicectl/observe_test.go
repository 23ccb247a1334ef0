package servicectl_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// lasts makes every observation of System Docker last, and counts them.
func (r *rig) lasts(d time.Duration) *atomic.Int64 {
	var n atomic.Int64
	r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
		if c.Method == "observe" && c.Scope == compose.System {
			n.Add(1)
			time.Sleep(d)
		}
		return enginetest.Fault{}
	}
	return &n
}

// What follows a step is looked at when the step has ended, not when the observer
// has rested: a service that waits for another one, and the user, wait for that.
func TestTheEndOfStepsIsLookedAtAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lasts(time.Second)
		r.fake.Latency = 100 * time.Millisecond
		r.start(t, svc("network", "ros/base:1"), svc("ntp", "ros/base:1", "network"))
		// One observation at first, one after each service: 3 s, and 5 steps.
		after(3600 * time.Millisecond)
		r.wantState(t, servicectl.Converged)

		r.change(svc("network", "ros/base:1"), svc("ntp", "ros/base:1", "network"), svc("syslog", "ros/base:1"))
		after(2300 * time.Millisecond) // two, and 2 steps
		r.wantState(t, servicectl.Converged)
	})
}

// Steps cause events. Looking at them while there are more to come takes the
// time that Docker needs for the steps.
func TestObservingTakesAFifthOfTheTimeOfSteps(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		n := r.lasts(10 * time.Millisecond)
		r.fake.Latency = time.Second
		r.start(t, svc("ntp", "ros/base:1"))
		after(100 * time.Millisecond)
		n.Store(0)
		for range 500 {
			after(time.Millisecond)
			r.fake.SetUp(compose.System, true) // is an event
		}
		if n := n.Load(); n < 5 || n > 11 {
			t.Errorf("%d observations of 10 ms in 500 ms of one step", n)
		}
	})
}

// A change that asks for nothing that was not looked for is acted on at once; a
// name, an image, or a readiness that is new is looked for first.
func TestAChangeIsActedOnAtOnceWhereAllIsKnown(t *testing.T) {
	changed := func(change func(s *compose.Service)) compose.Service {
		s := svc("ntp", "ros/base:1", "network")
		s.Hash = "v1:other"
		change(&s)
		return s
	}
	network := svc("network", "ros/base:1")
	rows := []struct {
		what  string
		now   []compose.Service
		waits bool
	}{
		{"other settings", []compose.Service{network, changed(func(*compose.Service) {})}, false},
		{"another image", []compose.Service{network, changed(func(s *compose.Service) { s.Spec.Image = "ros/base:2" })}, true},
		{"another readiness", []compose.Service{network, changed(func(s *compose.Service) {
			s.Ready = compose.Ready{Kind: compose.ReadyFile, Target: "/run/ntp"}
		})}, true},
		{"a network", []compose.Service{network, inNetwork(changed(func(*compose.Service) {}), "bridge")}, true},
		{"another service", []compose.Service{network, svc("ntp", "ros/base:1", "network"), svc("syslog", "ros/base:1")}, true},
		{"a need that is new", []compose.Service{
			network, svc("time", "ros/base:1"),
			changed(func(s *compose.Service) {
				s.Needs = append(s.Needs, compose.Dependency{Service: "time", Condition: compose.IsReady})
			}),
		}, true},
	}
	for _, row := range rows {
		t.Run(row.what, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.lasts(time.Second)
				r.start(t, network, svc("ntp", "ros/base:1", "network"))
				after(time.Minute)
				r.wantState(t, servicectl.Converged)
				n := len(r.fake.Steps())
				r.change(row.now...)
				after(500 * time.Millisecond)
				if waits := len(r.verbs(n)) == 0; waits != row.waits {
					t.Errorf("after half an observation: %q", r.verbs(n))
				}
				after(time.Minute)
				if len(r.verbs(n)) == 0 {
					t.Error("nothing was done")
				}
			})
		})
	}
}

// An event is looked at without a list. Some seconds later there is one, also while
// there are more events: what was thought to have changed may not be all.
func TestAListFollowsObservationsThatAreNotWhole(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var whole, partly atomic.Int64
		r.fake.Remembers = true
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			switch {
			case c.Method != "observe" || c.Scope != compose.System:
			case c.Whole:
				whole.Add(1)
			default:
				partly.Add(1)
			}
			return enginetest.Fault{}
		}
		r.start(t, svc("ntp", "ros/base:1"))
		after(time.Minute)
		want := func(what string, wholes, least int64) {
			t.Helper()
			if w, p := whole.Swap(0), partly.Swap(0); w != wholes || p < least {
				t.Errorf("%s: %d lists and %d other observations, want %d and at least %d", what, w, p, wholes, least)
			}
		}
		whole.Store(0)
		partly.Store(0)
		after(4 * time.Minute)
		want("at rest", 0, 0)
		r.fake.Delete(compose.System, "ntp")
		after(4 * time.Second)
		r.wantState(t, servicectl.Converged)
		want("after a removal", 0, 2)
		after(2 * time.Second)
		want("then", 1, 0)
		after(time.Minute)
		want("afterwards", 0, 0)
		for range 210 {
			r.fake.SetUp(compose.System, true) // is an event
			after(100 * time.Millisecond)
		}
		want("while there are events", 4, 100)
	})
}

// stormy is an engine of which System Docker tells of something during each
// observation, while there is a storm.
type stormy struct {
	*enginetest.Fake
	storm         atomic.Bool
	whole, partly atomic.Int64
}

func (s *stormy) Observe(ctx context.Context, scope compose.Scope, want compose.Project, whole bool) plan.Daemon {
	if s.storm.Load() && scope == compose.System {
		if whole {
			s.whole.Add(1)
		} else {
			s.partly.Add(1)
		}
		time.Sleep(20 * time.Millisecond)
		s.SetUp(compose.System, true) // is an event
	}
	return s.Fake.Observe(ctx, scope, want, whole)
}

// There are lists also where each observation is followed by the next at once.
func TestAStormOfEventsKeepsNothingFromBeingListed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.fake.Remembers = true
		e := &stormy{Fake: r.fake}
		r.loader.set(svc("ntp", "ros/base:1"))
		c := servicectl.New(servicectl.Options{Engine: e, Loader: r.loader, StatePath: r.state})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		after(time.Minute)
		e.storm.Store(true)
		r.fake.SetUp(compose.System, true)
		after(21 * time.Second)
		e.storm.Store(false)
		if w, p := e.whole.Load(), e.partly.Load(); w != 4 || p < 100 {
			t.Errorf("%d lists and %d other observations", w, p)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
