package servicectl_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

func TestAnEmptyMachineConverges(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, machine()...)
		r.wantState(t, servicectl.Converged)
		starts := slices.DeleteFunc(r.verbs(0), func(v string) bool { return !strings.HasPrefix(v, "start ") })
		if i, j := slices.Index(starts, "start network"), slices.Index(starts, "start ntp"); i < 0 || j < i {
			t.Errorf("ntp is started before network: %v", starts)
		}
		s := r.service(t, "syslog")
		if s.State != plan.StateRunning || !s.Ready || s.Cause != "new" || s.Container == "" || s.Restarts != 0 {
			t.Errorf("syslog: %+v", s)
		}
		if s := r.service(t, "sysctl"); s.State != plan.StateDone || !s.Ready {
			t.Errorf("sysctl: %+v", s)
		}
	})
}

func TestARemovedContainerIsMadeAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Latency = 100 * time.Millisecond
		r.start(t, machine()...)
		after(time.Second)
		n := len(r.fake.Steps())
		r.fake.Delete(compose.System, "syslog")
		after(time.Second)
		r.wantState(t, servicectl.Converged)
		wantVerbs(t, r.verbs(n), "create syslog", "start syslog")
		s := r.service(t, "syslog")
		if s.Cause != "its container was removed behind the controller's back" || s.ReadyAfter != 0.2 {
			t.Errorf("syslog: %+v", s)
		}
	})
}

func TestWhatHappensBehindTheControllersBackIsUndone(t *testing.T) {
	for name, meddle := range map[string]func(f *enginetest.Fake){
		"an exit": func(f *enginetest.Fake) { f.Exit(compose.System, "ntp", 1) },
		"a pause": func(f *enginetest.Fake) {
			f.Set(compose.System, "ntp", func(c *plan.Container) { c.State = plan.Paused })
		},
		"a death": func(f *enginetest.Fake) {
			f.Set(compose.System, "ntp", func(c *plan.Container) { c.State = plan.Dead })
		},
		"a rename": func(f *enginetest.Fake) { f.Set(compose.System, "ntp", func(c *plan.Container) { c.Name = "x" }) },
		"all images pruned": func(f *enginetest.Fake) {
			f.Prune(compose.System)
		},
		"everything removed": func(f *enginetest.Fake) {
			for _, c := range f.Containers(compose.System) {
				f.Delete(compose.System, c.Name)
			}
		},
		"a new version of an image": func(f *enginetest.Fake) { f.AddImage(compose.System, "ntp:1", "sha256:newer") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				t.Helper()
				r.start(t, machine()...)
				after(time.Minute)
				meddle(r.fake)
				after(time.Second)
				r.wantState(t, servicectl.Converged)
				if c := r.container(t, "ntp"); c.State != plan.Running {
					t.Errorf("ntp: %+v", c)
				}
			})
		})
	}
}

func TestAServiceThatExitsIsRetriedEverMoreSlowly(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		var starts []time.Time
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			if c.Step.Verb == plan.Start {
				starts = append(starts, time.Now())
			}
			return enginetest.Fault{}
		}
		r.fake.Behaves("bad", enginetest.Behaviour{Exits: true, ExitCode: 3})
		r.start(t, svc("bad", "x:1"), svc("soft", "x:1"))
		after(5 * time.Minute)
		r.wantState(t, servicectl.Degraded)
		starts = slices.Delete(starts, 1, 2) // both start at first
		for i, want := range []time.Duration{
			250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, time.Minute, time.Minute, time.Minute,
		} {
			// Any time up to that; probing a crash loop is regular.
			if got := starts[i+1].Sub(starts[i]); got > want || want == time.Minute && got < want {
				t.Errorf("attempt %d comes after %s, want %s at most", i+1, got, want)
			}
		}
		s := r.service(t, "bad")
		if s.State != plan.StateCrashLoop || !strings.Contains(s.Problem, "exited with status 3") {
			t.Errorf("bad: %+v", s)
		}
		r.fake.Behaves("bad", enginetest.Behaviour{})
		after(2 * time.Minute)
		r.wantState(t, servicectl.Converged)
	})
}

// Each attempt takes ten seconds; the machine is no better while it is made.
func TestAMachineDoesNotGetWellByTryingOnceMore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Latency = 10 * time.Second
		r.fake.Forget("gone:1")
		r.start(t, svc("lost", "gone:1"))
		after(2 * time.Minute)
		busy := 0
		for range 120 {
			after(time.Second)
			s := r.service(t, "lost")
			if slices.Contains(s.WaitingFor, "pull to finish") {
				busy++
			}
			if st := r.c.Status(); st.State != servicectl.Degraded || s.State != plan.StateBackoff || !strings.Contains(s.Problem, "not found") {
				t.Fatalf("%s, %+v", st.State, s)
			}
		}
		if busy == 0 {
			t.Error("it was not tried once more")
		}
	})
}

func TestAFailingPullHoldsUpNobodyElse(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Forget("gone:1")
		r.start(t, append(machine(), svc("lost", "gone:1"), svc("behind", "x:1", "lost"))...)
		after(time.Minute)
		r.wantState(t, servicectl.Degraded)
		for _, s := range r.c.Status().Services {
			if s.Ready == (s.Name == "lost" || s.Name == "behind") {
				t.Errorf("%+v", s)
			}
		}
		if s := r.service(t, "lost"); s.State != plan.StateBackoff || !strings.Contains(s.Problem, "not found") {
			t.Errorf("lost: %+v", s)
		}
		if s := r.service(t, "behind"); !slices.Equal(s.WaitingFor, []string{"lost to be ready"}) {
			t.Errorf("behind: %+v", s)
		}
		r.fake.Offer("gone:1")
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
	})
}

func TestAHangingPullHoldsUpNobodyElseAndEndsWhenItIsNotWanted(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			return enginetest.Fault{Hang: c.Step.Image == "slow:1" && c.Step.Verb == plan.Pull}
		}
		r.start(t, svc("slow", "slow:1"), svc("ntp", "ntp:1"))
		after(10 * time.Second)
		r.wantState(t, servicectl.Converging)
		if s := r.service(t, "ntp"); !s.Ready {
			t.Errorf("ntp: %+v", s)
		}
		if s := r.service(t, "slow"); !slices.Equal(s.WaitingFor, []string{"pull to finish"}) {
			t.Errorf("slow: %+v", s)
		}
		r.change(svc("slow", "fast:1"), svc("ntp", "ntp:1"))
		r.wantState(t, servicectl.Converged)
	})
}

// Two services of one image have one pull; only the first of them makes it.
func TestWhoWaitsForThePullOfAnotherServiceIsFreeAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			return enginetest.Fault{Hang: c.Step.Image == "slow:1" && c.Step.Verb == plan.Pull}
		}
		r.start(t, svc("first", "slow:1"), svc("second", "slow:1"), svc("third", "slow:1"))
		after(10 * time.Second)
		if s := r.service(t, "second"); !slices.Equal(s.WaitingFor, []string{"pull to finish"}) {
			t.Errorf("second: %+v", s)
		}
		want := "pull first (image slow:1 is missing) is under way, then create, start\n" +
			"create second (new) is under way, then start\ncreate third (new) is under way, then start\n"
		if p := r.c.Plan(); p.String() != want || len(p.Steps) > 0 {
			t.Errorf("the plan is\n%s", p)
		}
		r.change(svc("first", "slow:1"), svc("second", "fast:1"))
		if s := r.service(t, "second"); !s.Ready {
			t.Errorf("second: %+v", s)
		}
		r.change(svc("second", "fast:1"))
		r.wantState(t, servicectl.Converged)
	})
}

// Docker takes a container whose port is taken out of its networks: each attempt
// needs another container, and is an attempt all the same.
func TestAServiceWhosePortIsTakenIsTriedEverMoreSlowly(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		web, holder := inNetwork(svc("web", "web:1"), "bridge"), svc("holder", "x:1")
		web.Spec.Ports = []types.ServicePortConfig{{Target: 80, Published: "80", Protocol: "tcp"}}
		holder.Spec.Ports = web.Spec.Ports
		web.Needs = []compose.Dependency{{Service: "holder", Condition: compose.Started}}
		r.start(t, web, holder)
		after(time.Minute)
		r.wantState(t, servicectl.Degraded)
		if s := r.service(t, "web"); s.State != plan.StateCrashLoop || !strings.HasSuffix(s.Problem, "port is already allocated") {
			t.Errorf("web: %+v", s)
		}
		n := len(r.fake.Steps())
		after(5 * time.Minute)
		if got := r.verbs(n); len(got) > 4*6 {
			t.Errorf("%d steps in five minutes: %q", len(got), got)
		}
		web.Needs = nil
		r.change(web)
		after(2 * time.Minute)
		r.wantState(t, servicectl.Converged)
		if c := r.container(t, "web"); len(c.Networks) != 1 {
			t.Errorf("web: %+v", c)
		}
	})
}

// Docker was killed while it started the container: that one cannot be started any more.
func TestAContainerThatNeverStartsIsMadeAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		made := 0
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			if c.Step.Verb == plan.Start && c.Step.Service == "web" {
				if made++; made == 1 {
					r.fake.Break(compose.System, r.container(t, "web").ID, "mkdir: file exists")
				}
			}
			return enginetest.Fault{}
		}
		r.start(t, svc("web", "web:1"))
		after(10 * time.Second)
		r.wantState(t, servicectl.Converged)
		wantVerbs(t, r.verbs(0), "pull web", "create web", "start web", "start web", "start web",
			"create-next web", "remove web", "rename web", "start web")
		if s := r.service(t, "web"); s.Cause != "it never started" {
			t.Errorf("web: %+v", s)
		}
	})
}

func TestANewControllerAdoptsWhatRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, machine()...)
		r.wantState(t, servicectl.Converged)
		n := len(r.fake.Steps())
		r.stop()
		r.start(t)
		after(time.Hour)
		r.wantState(t, servicectl.Converged)
		wantVerbs(t, r.verbs(n))
	})
}

func TestLostAndDoubledEventsChangeNothing(t *testing.T) {
	for name, times := range map[string]int{"lost": 0, "doubled": 2} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				t.Helper()
				r.fake.Nudges = func() int { return times }
				r.start(t, machine()...)
				r.wantState(t, servicectl.Converged)
				n := len(r.fake.Steps())
				r.fake.Delete(compose.System, "syslog")
				after(6 * time.Minute)
				r.wantState(t, servicectl.Converged)
				wantVerbs(t, r.verbs(n), "create syslog", "start syslog")
			})
		})
	}
}

func TestAChangeReplacesOnlyWhatChanged(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, machine()...)
		n := len(r.fake.Steps())
		now := machine()
		now[3] = svc("ntp", "ntp:2", "network")
		r.change(now...)
		r.wantState(t, servicectl.Converged)
		wantVerbs(t, r.verbs(n), "pull ntp", "create-next ntp", "stop ntp", "remove ntp", "rename ntp", "start ntp")
		if s := r.service(t, "ntp"); s.Cause != "image ntp:1 → ntp:2" || s.Restarts != 0 {
			t.Errorf("ntp: %+v", s)
		}
	})
}

func TestAServiceThatLeftTheConfigurationIsRemoved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, machine()...)
		n := len(r.fake.Steps())
		r.change(machine()[:4]...)
		r.wantState(t, servicectl.Converged)
		got := r.verbs(n)
		slices.Sort(got)
		wantVerbs(t, got, "remove docker", "remove web", "stop docker", "stop web")
	})
}

func TestABadConfigurationStopsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, machine()...)
		n := len(r.fake.Steps())
		problem := cloudconfig.Problem{Pos: cloudconfig.Pos{File: "web.yml", Line: 3, Col: 1}, Msg: "unknown key"}
		r.loader.report(cloudconfig.Report{problem}, nil)
		r.change(machine()[:4]...)
		r.wantState(t, servicectl.Degraded)
		wantVerbs(t, r.verbs(n))
		if got := r.c.Status().Problems[0].String(); got != "web.yml:3:1: unknown key" {
			t.Errorf("problem %q", got)
		}
		r.loader.report(nil, nil)
		r.change(machine()...)
		r.wantState(t, servicectl.Converged)
		wantVerbs(t, r.verbs(n))
	})
}

func TestWhatIsStillToComeIsWaitedForAndStopsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, append(machine(), svc("old", "old:1"))...)
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
		r.loader.wait(servicectl.Waiting{Name: "nfs", For: "the network", Why: "no route"}, servicectl.Waiting{Name: "web", For: "the network"})
		r.change(append(machine(), svc("needs", "x:1", "nfs"))...) // old may be in what nfs will be
		after(time.Hour)
		r.wantState(t, servicectl.Converging)
		got := r.service(t, "nfs")
		if got.State != plan.StateWaiting || !slices.Equal(got.WaitingFor, []string{"the network"}) || got.Note != "no route" || got.Ready {
			t.Errorf("nfs: %+v", got)
		}
		if needs := r.service(t, "needs"); needs.State != plan.StateWaiting || !slices.Equal(needs.WaitingFor, []string{"nfs, which is still to come"}) {
			t.Errorf("needs: %+v", needs)
		}
		if web := r.service(t, "web"); !web.Ready {
			t.Errorf("web, which is there as well: %+v", web)
		}
		if c := r.container(t, "old"); c.State != plan.Running {
			t.Errorf("old: %+v", c)
		}
		names := map[string]int{}
		for _, s := range r.c.Status().Services {
			names[s.Name]++
		}
		if len(names) != 8 || names["web"] != 1 {
			t.Errorf("services %v", names)
		}
		ctx, cancel := contextFor(t, time.Second)
		defer cancel()
		if st, err := r.c.Wait(ctx, nil); err != nil || st.State != servicectl.Converging {
			t.Errorf("waiting for the machine: %s, %v", st.State, err)
		}
		r.loader.wait()
		r.change(append(machine(), svc("nfs", "nfs:1"), svc("needs", "x:1", "nfs"))...)
		after(time.Hour)
		r.wantState(t, servicectl.Converged)
		if !r.service(t, "nfs").Ready || !r.service(t, "needs").Ready {
			t.Errorf("%+v", r.c.Status())
		}
	})
}

func TestAConfigurationThatCannotBeReadIsReadAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.loader.report(nil, errors.New("disk on fire"))
		r.start(t, machine()...)
		after(time.Minute)
		r.wantState(t, servicectl.Degraded)
		wantVerbs(t, r.verbs(0))
		r.loader.report(nil, nil)
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
	})
}

func TestUserDockerMayComeLate(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.SetUp(compose.User, false)
		r.start(t, machine()...)
		after(time.Minute)
		r.wantState(t, servicectl.Converging)
		if s := r.service(t, "web"); !slices.Equal(s.WaitingFor, []string{"User Docker to answer"}) {
			t.Errorf("web: %+v", s)
		}
		r.fake.SetUp(compose.User, true)
		synctest.Wait()
		r.wantState(t, servicectl.Converged)
	})
}

func TestReadinessIsPolledWhileItIsMissing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		looks := 0
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			if c.Method == "observe" {
				looks++
			}
			return enginetest.Fault{}
		}
		r.fake.Behaves("db", enginetest.Behaviour{ReadyAfter: 5 * time.Second})
		db := svc("db", "db:1")
		db.Ready.Kind = compose.ReadyTCP
		r.start(t, db, svc("app", "app:1", "db"))
		after(4 * time.Second)
		if s := r.service(t, "app"); s.State != plan.StateWaiting || s.WaitingFor[0] != "db to be ready" {
			t.Errorf("app: %+v", s)
		}
		after(2 * time.Second)
		r.wantState(t, servicectl.Converged)
		if s := r.service(t, "db"); s.ReadyAfter < 5 || s.ReadyAfter > 6 {
			t.Errorf("db: %+v", s)
		}
		before := looks
		after(4 * time.Minute)
		if looks != before {
			t.Errorf("%d observations while nothing happens", looks-before)
		}
	})
}

func TestStepsWithoutEffectAreNotMadeForEver(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		steps := 0
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			if c.Method == "do" {
				steps++
			}
			return enginetest.Fault{Ignore: c.Step.Service == "odd" && c.Step.Verb != plan.Pull}
		}
		r.start(t, svc("odd", "x:1"), svc("ntp", "ntp:1"))
		after(time.Minute)
		if s := r.service(t, "odd"); s.State != plan.StateBackoff || !strings.Contains(s.Problem, "no lasting effect") {
			t.Errorf("odd: %+v", s)
		}
		if steps > 200 {
			t.Errorf("%d steps in a minute", steps)
		}
	})
}

// host is a machine that counts how often it is made to match.
type host struct {
	applied atomic.Int64
	report  cloudconfig.Report
}

func (h *host) Apply(ctx context.Context, _ cloudconfig.Config) cloudconfig.Report {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		h.applied.Add(1)
	}
	return h.report
}

func TestTheHostIsMadeToMatchEachNewConfigurationOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		h := &host{}
		r.loader.set(machine()...)
		r.c = servicectl.New(servicectl.Options{
			Engine: r.fake, Loader: r.loader, Machine: h,
			BootProblems: func() cloudconfig.Report {
				return cloudconfig.Report{{Msg: "no state disk", Severity: cloudconfig.Warning}}
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.c.Run(ctx) }()
		synctest.Wait()
		r.wantState(t, servicectl.Converging)
		after(2 * time.Second)
		r.wantState(t, servicectl.Converged)
		if p := r.c.Status().Problems; len(p) != 1 || p[0].Msg != "no state disk" {
			t.Errorf("problems %v", p)
		}
		r.c.Reload()
		after(2 * time.Second)
		h.report = cloudconfig.Report{{Msg: "cannot set the host name"}}
		r.loader.configure(cloudconfig.Config{Hostname: "other"})
		r.c.Reload()
		after(2 * time.Second)
		r.wantState(t, servicectl.Degraded)
		if n := h.applied.Load(); n != 2 {
			t.Errorf("applied %d times", n)
		}
		r.c.Reapply()
		after(2 * time.Second)
		if n := h.applied.Load(); n != 3 {
			t.Errorf("asked to do it again, it applied %d times", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
