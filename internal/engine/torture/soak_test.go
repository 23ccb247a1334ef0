//go:build dockerd

package torture_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/dockerdtest"
	"github.com/ros-os/ros/servicectl"
)

// operations is how many the soak makes; 0: 60, or 10,000 in the long form.
var operations = flag.Int("operations", 0, "how many random operations the soak makes")

// restEvery is after how many operations the machine may rest, and is judged.
const restEvery = 20

// soak is a controller in a process of its own, and somebody who meddles.
type soak struct {
	*rig
	p    *process
	dice *rand.Rand
	size int

	gen     generation
	tally   map[string]int
	ended   map[string]int // by service: how often something ended its container
	history []string       // since the last rest
	first   figures
	worst   time.Duration // until all was well again
}

// act is one kind of meddling, with a service's container where it is about one.
type act struct {
	name   string
	weight int // how often it happens, as against the others
	do     func(s *soak, ctx context.Context, t *testing.T, service string, scope compose.Scope) error
}

func acts() []act {
	return []act{
		{"remove", 5, (*soak).remove},
		{"kill", 5, (*soak).kill},
		{"stop", 4, (*soak).halt},
		{"rename", 3, (*soak).rename},
		{"pause", 3, (*soak).pause},
		{"image", 2, (*soak).untag},
		{"change", 4, (*soak).change},
		{"intent", 6, (*soak).intend},
		{"weather", 2, (*soak).turn},
		{"fault", 4, (*soak).breakCall},
		{"daemon", 1, (*soak).killDaemon},
	}
}

// TestSoak meddles at random, and lets the machine rest now and then: then all
// has to be well, and nothing may have leaked.
func TestSoak(t *testing.T) {
	size, total := 5, 60
	if *long {
		size, total = 20, 10000
	}
	if *operations > 0 {
		total = *operations
	}
	s := &soak{rig: newRig(t, 0), dice: dice(seed(t)), size: size, tally: map[string]int{}, ended: map[string]int{}}
	s.arrive(t, size, 0)
	s.p = s.spawn(t, serviceFile(size, 0))
	s.p.answers(t)
	begun := time.Now()
	for n := 1; n <= total; n++ {
		s.meddle(t)
		if n%restEvery == 0 || n == total {
			s.rest(t, n)
		}
		if n == max(restEvery, total/10/restEvery*restEvery) {
			s.first = s.p.figures(t) // by then everything has happened once
		}
	}
	s.leaks(t)
	t.Logf("%d services, %d operations in %s, all well at every rest, the longest until then %.1f s: %v",
		size, total, time.Since(begun).Round(time.Second), s.worst.Seconds(), s.tally)
}

// meddle does one thing, and waits a little.
func (s *soak) meddle(t *testing.T) {
	t.Helper()
	a := s.draw()
	want := project(t, s.size, s.gen)
	names := slices.Sorted(maps.Keys(want.Services))
	name := names[s.dice.IntN(len(names))]
	s.tally[a.name]++
	s.history = append(s.history, time.Now().Format("15:04:05.000 ")+a.name+" "+name)
	ctx, cancel := context.WithTimeout(t.Context(), meddleWithin)
	defer cancel()
	s.revive(t)
	if err := a.do(s, ctx, t, name, want.Services[name].Scope); err != nil {
		t.Fatalf("seed %d: cannot %s %s: %v", seed(t), a.name, name, err)
	}
	<-time.After(time.Duration(s.dice.IntN(300)) * time.Millisecond)
}

func (s *soak) draw() act {
	all, sum := acts(), 0
	for _, a := range all {
		sum += a.weight
	}
	n := s.dice.IntN(sum)
	for _, a := range all {
		if n -= a.weight; n < 0 {
			return a
		}
	}
	return all[0]
}

// meddleWithin is how long Docker may take to do what is asked of it.
const meddleWithin = 30 * time.Second

// passing forgives what comes of meddling with what the controller is changing. When
// two stop the same container, Docker may answer one of them never.
func passing(err error) error {
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (s *soak) remove(ctx context.Context, _ *testing.T, name string, scope compose.Scope) error {
	s.ended[name]++
	return passing(s.docker[scope].ContainerRemove(ctx, name, container.RemoveOptions{Force: true}))
}

func (s *soak) kill(ctx context.Context, _ *testing.T, name string, scope compose.Scope) error {
	s.ended[name]++
	return passing(s.docker[scope].ContainerKill(ctx, name, "KILL"))
}

func (s *soak) halt(ctx context.Context, _ *testing.T, name string, scope compose.Scope) error {
	s.ended[name]++
	return passing(s.docker[scope].ContainerStop(ctx, name, container.StopOptions{}))
}

func (s *soak) rename(ctx context.Context, _ *testing.T, name string, scope compose.Scope) error {
	s.ended[name]++
	err := s.docker[scope].ContainerRename(ctx, name, fmt.Sprintf("moved-%d", s.dice.IntN(1000)))
	// A container that is removed meanwhile loses its folder before its name, and may get
	// that back after it is gone: then the controller ends the daemon.
	if err != nil && strings.Contains(err.Error(), "no such file or directory") {
		return nil
	}
	return passing(err)
}

// revive starts the daemons that the controller has ended, as PID 1 and service docker
// do.
func (s *soak) revive(t *testing.T) {
	t.Helper()
	for _, d := range s.daemons {
		if d.Ended() {
			s.tally["ended by the controller"]++
			d.Launch(t)
		}
	}
}

func (s *soak) pause(ctx context.Context, _ *testing.T, name string, scope compose.Scope) error {
	s.ended[name]++ // its health check may fail
	err := s.docker[scope].ContainerPause(ctx, name)
	if err != nil && (strings.Contains(err.Error(), "not running") || strings.Contains(err.Error(), "stopped container")) {
		return nil
	}
	return passing(err)
}

func (s *soak) untag(ctx context.Context, _ *testing.T, _ string, scope compose.Scope) error {
	_, err := s.docker[scope].ImageRemove(ctx, dockerdtest.Image, image.RemoveOptions{Force: true})
	return passing(err)
}

func (s *soak) change(ctx context.Context, t *testing.T, _ string, _ compose.Scope) error {
	s.gen = s.gen.other()
	s.p.configure(t, serviceFile(s.size, s.gen))
	return s.p.Reload(ctx)
}

// intend does what a user does.
func (s *soak) intend(ctx context.Context, _ *testing.T, name string, _ compose.Scope) error {
	s.ended[name]++
	do := []func(context.Context, string) error{s.p.Stop, s.p.Start, s.p.Restart}[s.dice.IntN(3)]
	err := do(ctx, name)
	if err != nil && strings.Contains(err.Error(), servicectl.ErrUnknown.Error()) {
		return nil // it has not read the new configuration yet
	}
	return err
}

func (s *soak) turn(context.Context, *testing.T, string, compose.Scope) error {
	s.tap.set(newWeather(s.dice.Uint64(), 0.3, 0.2, 0.2))
	return nil
}

// breakCall breaks one of the next calls.
func (s *soak) breakCall(context.Context, *testing.T, string, compose.Scope) error {
	f, in := faults[s.dice.IntN(len(faults))], s.dice.IntN(20)
	s.tap.begin(func(call) fault { // called under the tap's mutex
		in--
		if in == 0 {
			return f
		}
		return none
	}, nil)
	return nil
}

func (s *soak) killDaemon(_ context.Context, t *testing.T, _ string, scope compose.Scope) error {
	s.daemons[scope].Signal(t, []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[s.dice.IntN(2)])
	s.daemons[scope].Launch(t)
	return nil
}

// rest stops the meddling, takes back what the user asked for, and judges.
func (s *soak) rest(t *testing.T, n int) {
	t.Helper()
	s.tap.set(nil)
	s.tap.begin(nil, nil)
	want := project(t, s.size, s.gen)
	begun := time.Now()
	if err := s.p.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.forgive(t, want); err != nil {
		t.Fatal(err)
	}
	for {
		s.revive(t)
		st, err := s.p.Status(t.Context())
		if err == nil && st.State == servicectl.Converged && s.tap.pending() == 0 {
			err = s.wrong(t.Context(), want)
		} else {
			err = errors.Join(err, fmt.Errorf("the machine is %s", st.State))
		}
		if err == nil {
			s.judgeRestarts(t, st)
			break
		}
		if time.Since(begun) > bound(s.size) {
			p, _ := s.p.Plan(t.Context())
			t.Fatalf("seed %d, after %d operations: %v\n%+v\n%s\n%s", seed(t), n, err, st, p, strings.Join(s.history, "\n"))
		}
		<-time.After(20 * time.Millisecond)
	}
	s.worst = max(s.worst, time.Since(begun))
	s.history = nil
	if n%500 == 0 {
		t.Logf("%d operations: %+v", n, s.p.figures(t))
	}
}

// forgive starts every service that is not as it should be, which ends backoff
// and intents. The controller may not have read the last configuration yet.
func (s *soak) forgive(t *testing.T, want compose.Project) error {
	t.Helper()
	for name := range want.Services {
		well := false
		for begun := time.Now(); ; <-time.After(20 * time.Millisecond) {
			st, err := s.p.Status(t.Context())
			if err != nil {
				return err
			}
			i := slices.IndexFunc(st.Services, func(x servicectl.ServiceStatus) bool { return x.Name == name })
			if i >= 0 {
				well = st.Services[i].Ready
				break
			}
			if time.Since(begun) > time.Minute {
				return fmt.Errorf("the controller does not know %s", name)
			}
		}
		if well {
			continue
		}
		s.ended[name]++
		if err := s.p.Start(t.Context(), name); err != nil {
			return err
		}
	}
	return nil
}

// judgeRestarts misses services that were restarted more often than something
// ended them.
func (s *soak) judgeRestarts(t *testing.T, st servicectl.Status) {
	t.Helper()
	for _, svc := range st.Services {
		if svc.Restarts > s.ended[svc.Name] {
			t.Fatalf("%s was restarted %d times, for %d reasons; since the last rest:\n%s",
				svc.Name, svc.Restarts, s.ended[svc.Name], strings.Join(s.history, "\n"))
		}
	}
}

// leaks compares what the controller uses with what it used.
func (s *soak) leaks(t *testing.T) {
	t.Helper()
	last := s.p.figures(t)
	for begun := time.Now(); last.Goroutines > s.first.Goroutines+2 && time.Since(begun) < 30*time.Second; {
		<-time.After(time.Second) // idle connections end
		last = s.p.figures(t)
	}
	t.Logf("first %+v", s.first)
	t.Logf("last  %+v", last)
	if last.Goroutines > s.first.Goroutines+5 || last.Files > s.first.Files+5 {
		t.Errorf("goroutines or files leak")
	}
	if grown := int64(last.RSS) - int64(s.first.RSS); grown > 16<<20 {
		t.Errorf("memory grew by %d MB", grown>>20)
	}
}
