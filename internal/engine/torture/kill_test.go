//go:build dockerd

package torture_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
)

// TestAControllerKilledAfterAnyOperation kills a controller right after each
// operation of a convergence, before it hears of the success, and lets another
// one go on.
func TestAControllerKilledAfterAnyOperation(t *testing.T) {
	size, every := 5, 6
	if *long {
		size, every = 20, 1
	}
	r := newRig(t, 0)
	begun, kills, worst := time.Now(), 0, time.Duration(0)
	for _, from := range []string{fromNothing, changed} {
		r.empty(t)
		r.arrive(t, size, 0)
		for k, g := 1, generation(0); ; k += every {
			if from == fromNothing {
				r.empty(t)
			} else {
				g = g.other()
			}
			killed, took := r.killAfter(t, size, g, k)
			if t.Failed() {
				t.Fatalf("%s, killed after operation %d", from, k)
			}
			if worst = max(worst, took); !killed {
				break
			}
			kills++
		}
	}
	t.Logf("%d services: controller killed %d times, all converged, the worst in %.1f s; in %s",
		size, kills, worst.Seconds(), time.Since(begun).Round(time.Second))
}

// arrive makes a project what is there, without faults.
func (r *rig) arrive(t *testing.T, size int, g generation) {
	t.Helper()
	want := project(t, size, g)
	s := r.start(t, want)
	defer s.stop()
	if err := r.settle(s, want, bound(size)); err != nil {
		t.Fatal(err)
	}
}

// killAfter starts a controller that is to make a generation what is there, and
// kills it after so many operations. It says whether there were that many, and
// how long the next controller took.
func (r *rig) killAfter(t *testing.T, size int, g generation, operations int) (killed bool, took time.Duration) {
	t.Helper()
	var made atomic.Int64
	dead := make(chan struct{})
	p := r.spawn(t, serviceFile(size, g))
	r.tap.begin(nil, func(c call) {
		if c.changes() && made.Add(1) == int64(operations) {
			_ = p.cmd.Process.Kill()
			close(dead)
		}
	})
	defer r.tap.begin(nil, nil)
	want := project(t, size, g)
	if err := r.killedOrDone(t, p, want, dead); err != nil {
		t.Error(err)
		return true, 0
	}
	p.kill()
	r.tap.begin(nil, nil)
	select {
	case <-dead:
	default:
		return false, 0
	}
	begun := time.Now()
	s := r.start(t, want)
	defer s.stop()
	if err := r.settle(s, want, bound(size)); err != nil {
		s.stop()
		t.Errorf("%v\n%s", err, s.log)
	}
	if err := r.restarts(s, 1); err != nil {
		t.Error(err)
	}
	return true, time.Since(begun)
}

// killedOrDone waits until a process is dead, or its work is done.
func (r *rig) killedOrDone(t *testing.T, p *process, want compose.Project, dead <-chan struct{}) error {
	t.Helper()
	deadline := time.After(bound(len(want.Services)))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-dead:
			return nil
		case <-deadline:
			return fmt.Errorf("the controller is neither killed nor done: %w", r.wrong(t.Context(), want))
		case <-tick.C:
		}
		if st, err := p.Status(t.Context()); err == nil && st.State == servicectl.Converged && r.wrong(t.Context(), want) == nil {
			return nil
		}
	}
}

// TestADaemonKilledAtAnyPoint kills a daemon at points of a convergence. What is
// not to be changed has to run on.
func TestADaemonKilledAtAnyPoint(t *testing.T) {
	size, points := 5, 2
	if *long {
		size, points = 20, 20
	}
	r := newRig(t, 0)
	r.arrive(t, size, 0)
	g := generation(0)
	operations := map[generation]int{}
	for range 2 {
		g = g.other()
		r.tap.begin(nil, nil)
		r.arrive(t, size, g)
		for _, c := range r.tap.calls() {
			if c.changes() {
				operations[g]++
			}
		}
	}
	for _, scope := range scopes {
		worst := time.Duration(0)
		for i := range points {
			g = g.other()
			took := r.killDaemon(t, scope, size, g, 1+i*operations[g]/points)
			if t.Failed() {
				t.Fatalf("%s daemon killed at point %d of %d", scope, i, points)
			}
			worst = max(worst, took)
		}
		t.Logf("%d services: %s daemon killed %d times, all converged, the worst in %.1f s", size, scope, points, worst.Seconds())
	}
}

// killDaemon makes a generation what is there, while a daemon is killed after so
// many operations, and started again.
func (r *rig) killDaemon(t *testing.T, scope compose.Scope, size int, g generation, operations int) time.Duration {
	t.Helper()
	before := r.running(t, project(t, size, g.other()))
	var made atomic.Int64
	reached := make(chan struct{})
	r.tap.begin(nil, func(c call) {
		if c.changes() && made.Add(1) == int64(operations) {
			close(reached)
		}
	})
	want := project(t, size, g)
	begun := time.Now()
	s := r.start(t, want)
	defer s.stop()
	select {
	case <-reached:
	case <-time.After(bound(size)):
		t.Errorf("there are no %d operations\n%s", operations, r.scene(s))
		return 0
	}
	r.daemons[scope].Signal(t, syscall.SIGKILL)
	r.daemons[scope].Launch(t)
	r.tap.begin(nil, nil)
	if err := r.settle(s, want, bound(size)); err != nil {
		s.stop()
		t.Errorf("killed after operation %d: %v\n%s", operations, err, s.log)
	}
	after := r.running(t, want)
	for name, was := range before {
		if want.Services[name].Hash == was.hash && want.Services[name].Scope == was.scope && after[name] != was {
			t.Errorf("%s should have run on: before %+v, now %+v", name, was, after[name])
		}
	}
	return time.Since(begun)
}

// life is a container and its last start.
type life struct {
	scope             compose.Scope
	id, started, hash string
}

// running are the containers of a project's services.
func (r *rig) running(t *testing.T, p compose.Project) map[string]life {
	t.Helper()
	out := map[string]life{}
	for name, svc := range p.Services {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		c, err := r.docker[svc.Scope].ContainerInspect(ctx, name)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		out[name] = life{svc.Scope, c.ID, c.State.StartedAt, svc.Hash}
	}
	return out
}

// TestEventsMayBeLostDoubledAndDelayed converges in bad weather.
func TestEventsMayBeLostDoubledAndDelayed(t *testing.T) {
	size, runs := 5, 3
	if *long {
		size, runs = 20, 60
	}
	r := newRig(t, 0)
	r.arrive(t, size, 0)
	worst, tally := time.Duration(0), map[string]int{}
	for i := range runs {
		w := newWeather(seed(t)+uint64(i), 0.4, 0.15, 0.25)
		r.tap.set(w)
		begun := time.Now()
		r.arrive(t, size, generation((i+1)%2))
		worst = max(worst, time.Since(begun))
		r.tap.set(nil)
		for what, n := range w.tally {
			tally[what] += n
		}
	}
	t.Logf("%d services: %d convergences, %d events, %d lost, %d doubled, %d delayed, all converged, the worst in %.1f s",
		size, runs, tally["events"], tally["lost"], tally["doubled"], tally["delayed"], worst.Seconds())
}
