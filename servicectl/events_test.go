package servicectl_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// told are the events about a service, as "kind step" or "kind state".
func (r *rig) told(t *testing.T, services ...string) []string {
	t.Helper()
	var out []string
	for _, e := range r.events(t, services...) {
		out = append(out, strings.TrimSpace(string(e.Kind)+" "+e.Step+e.State))
	}
	return out
}

func (r *rig) events(t *testing.T, services ...string) []journal.Event {
	t.Helper()
	var out []journal.Event
	r.c.Events(t.Context(), servicectl.EventOptions{Services: services}, func(events []journal.Event) error {
		out = append(out, events...)
		return nil
	})
	return out
}

func TestWhatHappensIsToldWithItsCause(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, svc("ntp", "ntp:1"), svc("web", "web:1"))
		want := []string{
			"begin pull", "done pull", "begin create", "done create", "begin start", "done start",
		}
		got := slices.DeleteFunc(r.told(t, "ntp"), func(e string) bool { return strings.HasPrefix(e, "state") })
		if !slices.Equal(got, want) {
			t.Errorf("at first %q", got)
		}
		n := len(r.events(t, "ntp"))
		change := journal.Change{Key: "rancher.services.ntp.image", Origin: "cloud-config.yml:14:5", By: "config set rancher.services.ntp.image"}
		r.loader.changes(change, journal.Change{Key: "rancher.services.web.labels"})
		r.change(svc("ntp", "ntp:2"), svc("web", "web:1"))
		after(time.Second)
		r.loader.changes()
		events := r.events(t, "ntp")[n:]
		if e := events[0]; e.Kind != journal.Config || !slices.Equal(e.Services, []string{"ntp"}) || len(e.Because) != 2 {
			t.Errorf("first %+v", e)
		}
		for _, e := range events[1:] {
			if e.Step != "" && (len(e.Because) != 1 || e.Because[0] != change) {
				t.Errorf("%s %s is because of %v", e.Kind, e.Step, e.Because)
			}
		}
		n = len(r.events(t, "ntp"))
		if err := r.c.Restart("ntp"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for i, e := range r.events(t, "ntp")[n:] {
			if len(e.Because) > 0 || i == 0 && (e.Kind != journal.Intent || e.State != "restart") {
				t.Errorf("a restart: %+v", e)
			}
		}
		if web := r.told(t, "web"); slices.Contains(web, "begin create-next") {
			t.Errorf("web: %q", web)
		}
	})
}

func TestAChangeOfADefinitionIsToldByItsPlace(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, svc("ntp", "ntp:1"))
		next := svc("ntp", "ntp:2")
		next.Origin.File, next.Origin.Line, next.Origin.Col = "/var/lib/rancher/conf/ntp.yml", 1, 1
		r.change(next)
		after(time.Second)
		events := r.events(t, "ntp")
		last := slices.IndexFunc(events, func(e journal.Event) bool { return e.Step == "create-next" })
		if last < 0 || len(events[last].Because) != 1 || events[last].Because[0].Origin != "/var/lib/rancher/conf/ntp.yml:1:1" {
			t.Errorf("events %+v", events)
		}
	})
}

// TestAChangeOfVariablesIsNotBlamedOnTheDefinition changes what a service is made
// of: its file of variables, its definition, both.
func TestAChangeOfVariablesIsNotBlamedOnTheDefinition(t *testing.T) {
	const file, env = "/var/lib/rancher/conf/compose.d/shop.yml", "/var/lib/rancher/conf/compose.d/shop.env"
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		made := func(image string, written, variables uint64) compose.Service {
			s := svc("web", image)
			s.Origin.File, s.Origin.Line, s.Origin.Col = file, 2, 3
			s.Written, s.Variables = written, map[string]uint64{env: variables, "/var/lib/rancher/conf/compose.d/.env": 1}
			return s
		}
		r.start(t, made("web:1", 1, 1))
		for i, row := range []struct {
			next compose.Service
			want string
		}{
			{made("web:2", 1, 2), "the variables changed at " + env},
			{made("web:3", 2, 2), "the definition of web changed at " + file + ":2:3"},
			{made("web:4", 3, 3), "the definition of web changed at " + file + ":2:3; the variables changed at " + env},
			{svc("other", "web:1"), "the definition of web changed at " + file},
			{made("web:5", 3, 3), "web is new at " + file + ":2:3"},
			{made("web:6", 3, 3), "the definition of web changed at " + file + ":2:3"}, // of what it names, such as a network
		} {
			n := len(r.events(t, "web"))
			r.change(row.next)
			after(time.Second)
			events := r.events(t, "web")[n:]
			j := slices.IndexFunc(events, func(e journal.Event) bool { return e.Step == "create-next" || e.Step == "create" || e.Step == "remove" })
			var got []string
			if j >= 0 {
				for _, change := range events[j].Because {
					got = append(got, change.String())
				}
			}
			if text := strings.Join(got, "; "); text != row.want {
				t.Errorf("change %d is blamed on %q, want %q", i+1, text, row.want)
			}
		}
	})
}

func TestDaemonsThatGoAndComeAreTold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, machine()...)
		r.fake.SetUp(compose.User, false)
		after(time.Second)
		r.fake.SetUp(compose.User, true)
		after(10 * time.Second)
		var got []string
		for _, e := range r.events(t) {
			if e.Kind == journal.Daemon && strings.HasPrefix(e.State, "User") {
				got = append(got, e.State+": "+e.Problem)
			}
		}
		want := []string{"User Docker answers: ", "User Docker does not answer any more: connection refused", "User Docker answers: "}
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

// TestAStepThatTheControllerDiedInIsToldByTheNext kills a controller in a step:
// the next one knows what it was at and why, and goes on.
func TestAStepThatTheControllerDiedInIsToldByTheNext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		path := t.TempDir() + "/events.jsonl"
		r.journal = journal.Open(journal.Options{Path: path})
		r.start(t, svc("ntp", "ntp:1"))
		r.loader.changes(journal.Change{Key: "rancher.services.ntp.image", By: "config set"})
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			return enginetest.Fault{Hang: c.Step.Verb == plan.CreateNext}
		}
		r.change(svc("ntp", "ntp:2"))
		after(time.Second)
		dead, err := os.ReadFile(path) // a killed controller writes nothing more
		if err != nil {
			t.Fatal(err)
		}
		r.stop()
		r.fake.Fault = nil
		r.loader.changes()
		if err := os.WriteFile(path, dead, 0o600); err != nil {
			t.Fatal(err)
		}
		r.journal = journal.Open(journal.Options{Path: path})
		r.start(t)
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
		events := r.events(t, "ntp")
		at := slices.IndexFunc(events, func(e journal.Event) bool { return e.Kind == journal.Interrupted })
		if at < 0 || events[at].Step != "create-next" || !strings.Contains(events[at].Cause, "ntp:1 → ntp:2") {
			t.Fatalf("events %+v", events)
		}
		again := events[at+1:]
		begin := slices.IndexFunc(again, func(e journal.Event) bool { return e.Kind == journal.Begin && e.Step == "create-next" })
		if begin < 0 || len(again[begin].Because) != 1 || again[begin].Because[0].By != "config set" {
			t.Errorf("it goes on with %+v", again)
		}
	})
}

// TestAJournalThatCannotBeWrittenStopsNothing keeps it on a full disk.
func TestAJournalThatCannotBeWrittenStopsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		path := t.TempDir() + "/events.jsonl"
		if err := os.Symlink("/dev/full", path); err != nil {
			t.Fatal(err)
		}
		r.journal = journal.Open(journal.Options{Path: path})
		r.start(t, machine()...)
		after(time.Minute)
		r.wantState(t, servicectl.Converged)
		if p := r.c.Status().Problems; len(p) != 1 || !strings.Contains(p[0].Msg, "no space left") {
			t.Errorf("problems %v", p)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		after(2 * time.Minute)
		if p := r.c.Status().Problems; len(p) != 0 {
			t.Errorf("now that there is room: %v", p)
		}
		r.stop()
		if e, _ := journal.Open(journal.Options{Path: path}).After(0); len(e) < 40 {
			t.Errorf("%d events were kept", len(e))
		}
	})
}

func TestTheLastLinesOfWhatFailsAreShown(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Behaves("bad", enginetest.Behaviour{Exits: true, ExitCode: 1})
		r.start(t, svc("bad", "x:1"), svc("good", "x:1"))
		after(9 * time.Minute)
		bad := r.service(t, "bad")
		if bad.State != plan.StateCrashLoop || len(bad.LastLog) != 5 || bad.LastLog[4] != "ended" {
			t.Errorf("bad: %+v", bad)
		}
		if good := r.service(t, "good"); good.LastLog != nil {
			t.Errorf("good: %+v", good)
		}
		events := r.events(t, "bad")
		loop := slices.IndexFunc(events, func(e journal.Event) bool { return e.Kind == journal.CrashLoop })
		if loop < 0 || len(events[loop].Log) == 0 || !strings.HasPrefix(events[loop].Problem, "crash loop: 5 failures") {
			t.Errorf("the crash loop: %+v", events)
		}
		r.fake.Behaves("bad", enginetest.Behaviour{})
		after(2 * time.Minute)
		if s := r.service(t, "bad"); s.State != plan.StateRunning || s.LastLog != nil {
			t.Errorf("now that it runs: %+v", s)
		}
		r.fake.Exit(compose.System, "bad", 1) // a sustained run has made it good again
		after(time.Second)
		if s := r.service(t, "bad"); s.State != plan.StateRunning {
			t.Errorf("after one more failure: %+v", s)
		}
	})
}

func TestWhatBecomesOfAnUnhealthyService(t *testing.T) {
	for _, row := range []struct {
		label    compose.OnUnhealthy
		state    string // of the machine
		problems int
		restarts bool
		states   []string // of the service
	}{
		{compose.RestartUnhealthy, servicectl.Degraded, 1, true, []string{plan.StateUnhealthy, plan.StateStarting, plan.StateCrashLoop}},
		{"", servicectl.Degraded, 1, true, []string{plan.StateUnhealthy, plan.StateStarting, plan.StateCrashLoop}},
		{compose.NotifyUnhealthy, servicectl.Degraded, 1, false, []string{plan.StateUnhealthy}},
		{compose.AcceptUnhealthy, servicectl.Converged, 0, false, []string{plan.StateUnhealthy}},
	} {
		t.Run(string(row.label), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				t.Helper()
				s := svc("ill", "x:1")
				s.Ready.Kind = compose.ReadyHealth
				if row.label != "" {
					s.Spec.Labels = map[string]string{compose.LabelOnUnhealthy: string(row.label)}
				}
				kept := r.keeper(false)
				r.fake.Behaves("ill", enginetest.Behaviour{Unhealthy: true, ReadyAfter: time.Second})
				r.start(t, s, svc("well", "x:1"))
				n := len(r.fake.Steps())
				for range 60 {
					after(time.Minute)
					r.fake.Set(compose.System, "ill", func(*plan.Container) {}) // Docker tells of its health
					synctest.Wait()
				}
				ill := r.service(t, "ill")
				if !slices.Contains(row.states, ill.State) || ill.Problem == "" || ill.Ready || len(ill.LastLog) == 0 || (ill.Restarts > 0) != row.restarts {
					t.Errorf("ill: %+v", ill)
				}
				if row.restarts != slices.Contains(r.verbs(n), "stop ill") || !row.restarts && len(r.verbs(n)) > 0 {
					t.Errorf("steps %q", r.verbs(n))
				}
				r.wantState(t, row.state)
				if problems := r.c.Status().Problems; len(problems) != row.problems {
					t.Errorf("problems %v", problems)
				}
				if converged := kept.Load() > 0; converged != (row.state == servicectl.Converged) {
					t.Errorf("the reading was kept: %v", converged)
				}
				ctx, cancel := contextFor(t, time.Minute)
				defer cancel()
				if st, err := r.c.Wait(ctx, []string{"ill"}); err != nil || ctx.Err() != nil && !row.restarts || len(st.Services) != 2 {
					t.Errorf("waiting for it: %v, %v", err, ctx.Err())
				}
				r.fake.Behaves("ill", enginetest.Behaviour{ReadyAfter: time.Second})
				r.fake.Set(compose.System, "ill", func(*plan.Container) {})
				after(time.Hour)
				r.wantState(t, servicectl.Converged)
				if ill := r.service(t, "ill"); !ill.Ready || ill.Problem != "" {
					t.Errorf("it is well again: %+v", ill)
				}
			})
		})
	}
}

func TestWhatStaysStoppedOverReboots(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.intents = t.TempDir() + "/deep/intents.json"
		r.start(t, svc("ntp", "ntp:1"), svc("web", "web:1"))
		reboot := func() {
			r.stop()
			r.fake.Reboot()
			r.state += ".next-boot"
			r.start(t)
			after(time.Second)
		}
		states := func(want ...string) {
			t.Helper()
			if got := []string{r.service(t, "ntp").State, r.service(t, "web").State}; !slices.Equal(got, want) {
				t.Fatalf("ntp and web are %q, want %q", got, want)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			after(time.Second)
		}
		must(r.c.StopForGood("ntp"))
		must(r.c.Stop("web"))
		states(plan.StateStopped, plan.StateStopped)
		reboot()
		states(plan.StateStopped, plan.StateRunning)
		must(r.c.Start("ntp"))
		states(plan.StateRunning, plan.StateRunning)
		r.stop()
		r.start(t) // only the controller
		states(plan.StateRunning, plan.StateRunning)
		if note := r.service(t, "ntp").Note; !strings.Contains(note, "stopped again at the next boot") {
			t.Errorf("note %q", note)
		}
		r.change(svc("web", "web:1"))
		after(time.Minute)
		r.change(svc("ntp", "ntp:1"), svc("web", "web:1")) // disabled and enabled
		states(plan.StateStopped, plan.StateRunning)
		reboot()
		states(plan.StateStopped, plan.StateRunning)
		must(r.c.StartForGood("ntp"))
		reboot()
		states(plan.StateRunning, plan.StateRunning)
		if err := r.c.StopForGood("nobody"); !errors.Is(err, servicectl.ErrUnknown) {
			t.Errorf("stopping nobody: %v", err)
		}
	})
}

func TestWhatCannotBeKeptOverRebootsIsNotDone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		file := t.TempDir() + "/file"
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, r.intents = range []string{"", file + "/intents.json"} {
			r.start(t, svc("ntp", "ntp:1"))
			if err := r.c.StopForGood("ntp"); err == nil {
				t.Error("nothing is told")
			}
			synctest.Wait()
			if s := r.service(t, "ntp"); s.State != plan.StateRunning {
				t.Errorf("ntp: %+v", s)
			}
			r.stop()
		}
	})
}

func TestANewerImageBreaksOffAPull(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.start(t, svc("ntp", "ntp:1"))
		r.fake.Fault = func(c enginetest.Call) enginetest.Fault {
			return enginetest.Fault{Hang: c.Step.Verb == plan.Pull && c.Step.Image == "ntp:2"}
		}
		r.change(svc("ntp", "ntp:2"))
		after(time.Minute)
		if s := r.service(t, "ntp"); !s.Ready || len(s.WaitingFor) == 0 {
			t.Errorf("during the pull: %+v", s)
		}
		begin := time.Now()
		r.change(svc("ntp", "ntp:3"))
		if took := time.Since(begin); took > 0 {
			t.Errorf("it took %s", took)
		}
		after(time.Second)
		r.wantState(t, servicectl.Converged)
		if c := r.container(t, "ntp"); c.Image != "ntp:3" {
			t.Errorf("ntp runs %s", c.Image)
		}
		told := r.told(t, "ntp")
		if !slices.Contains(told, "broken-off pull") || slices.Contains(told, "failed pull") {
			t.Errorf("told %q", told)
		}
	})
}
