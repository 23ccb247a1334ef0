package servicectl_test

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// another is the configuration that machine is changed to: one service less, one
// more, one changed, one moved, and a job that has to run anew.
func another() []compose.Service {
	web := svc("web", "nginx:1", "docker")
	return []compose.Service{
		job("sysctl", "ros/base:2"), svc("network", "ros/base:1", "sysctl"), svc("extra", "extra:1", "network"),
		svc("ntp", "ntp:2", "network"), svc("docker", "ros/base:1"), web,
	}
}

// exact says what differs between both daemons and a configuration.
func exact(f *enginetest.Fake, want []compose.Service) error {
	wanted := map[string]compose.Service{}
	for _, s := range want {
		wanted[string(s.Scope)+" "+s.Name] = s
	}
	var err error
	for _, scope := range []compose.Scope{compose.System, compose.User} {
		for _, c := range f.Containers(scope) {
			key := string(scope) + " " + c.Name
			s, known := wanted[key]
			delete(wanted, key)
			state := plan.Running
			if s.OneShot {
				state = plan.Exited
			}
			if !known || !c.Managed || c.Service != s.Name || c.Hash != s.Hash || c.State != state || c.ExitCode != 0 {
				err = errors.Join(err, fmt.Errorf("container %+v", c))
			}
		}
	}
	for key := range wanted {
		err = errors.Join(err, fmt.Errorf("no container for %s", key))
	}
	return err
}

func TestAControllerKilledAfterAnyStepLosesNothing(t *testing.T) {
	for name, begin := range map[string][]compose.Service{"from nothing": nil, "from another configuration": machine()} {
		t.Run(name, func(t *testing.T) {
			killed := true
			for k := int64(1); killed; k++ {
				inBubble(t, func(t *testing.T, r *rig) {
					t.Helper()
					killed = killAfter(t, r, k, begin)
				})
			}
		})
	}
}

// killAfter kills the controller right after the kth step took effect, and says
// whether there was one.
func killAfter(t *testing.T, r *rig, k int64, begin []compose.Service) bool {
	t.Helper()
	if begin != nil {
		r.start(t, begin...)
		r.stop()
	}
	var steps atomic.Int64
	dead := make(chan struct{})
	r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
		if c.Method != "do" {
			return enginetest.Fault{}
		}
		switch n := steps.Add(1); {
		case n < k:
			return enginetest.Fault{}
		case n == k:
			close(dead)
			return enginetest.Fault{Hang: true, After: true}
		}
		return enginetest.Fault{Hang: true}
	}
	r.start(t, another()...)
	select {
	case <-dead:
	default:
		return false
	}
	remembered, err := os.ReadFile(r.state) // a killed controller writes nothing more
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	r.stop()
	if err := os.WriteFile(r.state, remembered, 0o600); err != nil {
		t.Fatal(err)
	}
	r.fake.Fault = nil
	r.start(t)
	after(time.Minute)
	r.wantState(t, servicectl.Converged)
	if err := exact(r.fake, another()); err != nil {
		t.Errorf("killed after step %d: %v", k, err)
	}
	return true
}

func TestAFaultInAnyCallIsSurvived(t *testing.T) {
	cut := errors.New("unexpected EOF")
	for name, fault := range map[string]enginetest.Fault{
		"cut before the effect": {Err: cut},
		"cut after the effect":  {Err: cut, After: true},
		"no answer":             {Hang: true},
		"no answer, but effect": {Hang: true, After: true},
	} {
		t.Run(name, func(t *testing.T) {
			hit := true
			for n := 1; hit; n++ {
				inBubble(t, func(t *testing.T, r *rig) {
					t.Helper()
					r.start(t, machine()...)
					var calls atomic.Int64
					r.fake.Fault = func(enginetest.Call) enginetest.Fault {
						if calls.Add(1) == int64(n) {
							return fault
						}
						return enginetest.Fault{}
					}
					r.change(another()...)
					if after(12 * time.Minute); fault.Hang {
						after(time.Hour) // a pull may take long
					}
					r.wantState(t, servicectl.Converged)
					if err := exact(r.fake, another()); err != nil {
						t.Errorf("fault in call %d: %v", n, err)
					}
					hit = calls.Load() >= int64(n) && n < 80
				})
			}
		})
	}
}

// TestAfterAnyMeddlingTheMachineConverges does random things to a machine, in
// random order and with random pauses, lets it rest, and looks at what is there.
func TestAfterAnyMeddlingTheMachineConverges(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		acts := rapid.SliceOfN(rapid.Custom(drawAct), 0, 25).Draw(rt, "acts")
		var err error
		synctest.Test(t, func(t *testing.T) {
			r := &rig{fake: enginetest.New(), loader: &loader{}, state: dir + "/" + t.Name() + ".json"}
			_ = os.RemoveAll(r.state)
			r.fake.Latency = 20 * time.Millisecond
			r.start(t, machine()...)
			for _, a := range acts {
				a.do(t, r)
				after(a.pause)
			}
			r.fake.SetUp(compose.System, true)
			r.fake.SetUp(compose.User, true)
			r.change(another()...)
			after(10 * time.Minute)
			err = exact(r.fake, another())
			if st := r.c.Status(); st.State != servicectl.Converged {
				err = errors.Join(err, fmt.Errorf("%+v", st))
			}
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// act is one thing that happens to a machine.
type act struct {
	what, service string
	pause         time.Duration
}

func drawAct(rt *rapid.T) act {
	return act{
		what: rapid.SampledFrom([]string{
			"delete", "exit", "pause", "die", "prune", "other configuration", "first configuration",
			"restart the controller", "system down", "system up", "user down", "user up", "rename", "restart", "reload",
		}).Draw(rt, "what"),
		service: rapid.SampledFrom([]string{"sysctl", "network", "ntp", "docker", "web", "extra"}).Draw(rt, "service"),
		pause:   time.Duration(rapid.SampledFrom([]int{0, 1, 10, 25, 60, 1000, 20000}).Draw(rt, "pause")) * time.Millisecond,
	}
}

func (a act) do(t *testing.T, r *rig) {
	t.Helper()
	set := func(change func(c *plan.Container)) {
		r.fake.Set(compose.System, a.service, change)
		r.fake.Set(compose.User, a.service, change)
	}
	switch a.what {
	case "delete":
		r.fake.Delete(compose.System, a.service)
		r.fake.Delete(compose.User, a.service)
	case "exit":
		r.fake.Exit(compose.System, a.service, 1)
	case "pause":
		set(func(c *plan.Container) {
			if c.State == plan.Running {
				c.State = plan.Paused
			}
		})
	case "die":
		set(func(c *plan.Container) { c.State = plan.Dead })
	case "rename":
		set(func(c *plan.Container) { c.Name += "-x" })
	case "prune":
		r.fake.Prune(compose.System)
	case "other configuration":
		r.change(another()...)
	case "first configuration":
		r.change(machine()...)
	case "restart the controller":
		r.stop()
		r.start(t)
	case "system down", "system up":
		r.fake.SetUp(compose.System, a.what == "system up")
	case "user down", "user up":
		r.fake.SetUp(compose.User, a.what == "user up")
	case "restart":
		_ = r.c.Restart(a.service) // unknown in one of the configurations
	case "reload":
		r.c.Reload()
	}
}
