package servicectl_test

import (
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

func TestTheUserStopsStartsAndRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, svc("ntp", "ntp:1"), job("once", "x:1"))
		n := len(r.fake.Steps())
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		do(r.c.Stop("ntp"))
		r.wantState(t, servicectl.Converged)
		r.stop()
		r.start(t) // the intent outlives the controller
		after(time.Hour)
		if s := r.service(t, "ntp"); s.State != plan.StateStopped {
			t.Errorf("ntp: %+v", s)
		}
		do(r.c.Start("ntp"))
		do(r.c.Start("ntp")) // runs already
		do(r.c.Restart("ntp"))
		do(r.c.Restart("once"))
		after(time.Hour)
		r.wantState(t, servicectl.Converged)
		wantVerbs(t, r.verbs(n), "stop ntp", "start ntp", "stop ntp", "start ntp", "start once")
		if err := r.c.Stop("nobody"); !errors.Is(err, servicectl.ErrUnknown) {
			t.Errorf("stopping nobody: %v", err)
		}
	})
}

func TestWhatCannotBeKeptIsShownAndKeptLater(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		folder := r.state
		if err := os.WriteFile(folder, nil, 0o600); err != nil { // where a folder has to be
			t.Fatal(err)
		}
		r.state += "/controller.json"
		r.start(t, svc("ntp", "ntp:1"))
		if err := r.c.Stop("ntp"); err != nil {
			t.Fatal(err)
		}
		after(time.Second)
		r.wantState(t, servicectl.Degraded)
		if s := r.service(t, "ntp"); s.State != plan.StateStopped {
			t.Errorf("ntp: %+v", s)
		}
		if err := os.Remove(folder); err != nil {
			t.Fatal(err)
		}
		after(10 * time.Second)
		r.wantState(t, servicectl.Converged)
		r.stop()
		r.start(t)
		if s := r.service(t, "ntp"); s.State != plan.StateStopped {
			t.Errorf("the next controller does not know it: %+v", s)
		}
	})
}

func TestAJobRunsOnceAndAgainAfterAReboot(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, machine()...)
		after(time.Hour)
		n := len(r.fake.Steps())
		r.stop()
		r.fake.Reboot()
		r.state += ".next-boot" // /run is empty
		r.start(t)
		after(time.Second)
		r.wantState(t, servicectl.Converged)
		if got := r.verbs(n); !slices.Contains(got, "start sysctl") || len(got) != 6 {
			t.Errorf("steps %q", got)
		}
		if s := r.service(t, "ntp"); s.Restarts != 0 {
			t.Errorf("ntp: %+v", s)
		}
	})
}

func TestShutdownStopsDependentsFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Behaves("ntp", enginetest.Behaviour{StopTakes: 3 * time.Second})
		r.start(t, append(machine(), svc("early", "x:1"))...)
		r.fake.Add(compose.System, plan.Container{Name: "by-hand", State: plan.Running}, compose.Service{})
		r.fake.Add(compose.User, plan.Container{Name: "users-own", State: plan.Running}, compose.Service{})
		n := len(r.fake.Steps())
		begin := time.Now()
		if err := r.c.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("shutdown took %s", took)
		}
		var order []string
		for _, s := range r.fake.Steps()[n:] {
			order = append(order, s.Service)
		}
		if slices.Index(order, "web") > slices.Index(order, "docker") ||
			slices.Index(order, "ntp") > slices.Index(order, "network") ||
			slices.Index(order, "syslog") > slices.Index(order, "network") {
			t.Errorf("order %v", order)
		}
		for _, scope := range []compose.Scope{compose.System, compose.User} {
			for _, c := range r.fake.Containers(scope) {
				if c.State == plan.Running {
					t.Errorf("%s still runs", c.Name)
				}
			}
		}
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, machine()...)
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			return enginetest.Fault{Hang: c.Step.Service == "ntp"}
		}
		ctx, cancel := contextFor(t, 5*time.Second)
		defer cancel()
		if err := r.c.Shutdown(ctx); err == nil {
			t.Error("a service that does not stop is not told of")
		}
	})
}

// TestARenamedServiceWaitsForItsPort renames a service whose container takes its time
// to end: the new one does not fail over the port that the old one still has.
func TestARenamedServiceWaitsForItsPort(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		named := func(name string) compose.Service {
			s := svc(name, "web:1")
			s.Spec.Ports = []types.ServicePortConfig{{Published: "8080", Target: 80, Protocol: "tcp"}}
			return s
		}
		r.fake.Behaves("old", enginetest.Behaviour{StopTakes: 5 * time.Second})
		r.start(t, named("old"))
		r.change(named("new"))
		after(3 * time.Second)
		if s := r.service(t, "new"); s.State != plan.StateWaiting || !slices.Equal(s.WaitingFor, []string{"old to give up port 8080/tcp"}) {
			t.Errorf("meanwhile %+v", s)
		}
		after(3 * time.Second)
		if s := r.service(t, "new"); !s.Ready || slices.Contains(r.told(t, "new"), "failed start") {
			t.Errorf("then %s, %q", s.State, r.told(t, "new"))
		}
	})
}

// TestPortsMoveBetweenServicesThatStay gives one service the port of another, and has
// two others swap theirs, of which one needs the other: no start is tried in vain.
func TestPortsMoveBetweenServicesThatStay(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		version := "1"
		with := func(name, port string, needs ...string) compose.Service {
			s := svc(name, "web:"+version, needs...)
			s.Spec.Ports = []types.ServicePortConfig{{Published: port, Target: 80, Protocol: "tcp"}}
			return s
		}
		for _, name := range []string{"giver", "left", "right"} {
			r.fake.Behaves(name, enginetest.Behaviour{StopTakes: 5 * time.Second})
		}
		r.start(t, with("giver", "8080"), with("taker", "8090"), with("left", "7000", "right"), with("right", "7001"))
		version = "2"
		r.change(with("giver", "8081"), with("taker", "8080"), with("left", "7001", "right"), with("right", "7000"))
		after(3 * time.Second)
		if s := r.service(t, "taker"); s.Ready || !slices.Equal(s.WaitingFor, []string{"giver to give up port 8080/tcp"}) {
			t.Errorf("meanwhile %+v", s)
		}
		after(10 * time.Second)
		for _, name := range []string{"giver", "taker", "left", "right"} {
			if s := r.service(t, name); !s.Ready || slices.Contains(r.told(t, name), "failed start") {
				t.Errorf("%s is %s, waits for %q, %q", name, s.State, s.WaitingFor, r.told(t, name))
			}
		}
	})
}
