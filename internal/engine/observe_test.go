package engine

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// wanting is a project of services that are named like their images.
func wanting(names ...string) compose.Project {
	p := compose.Project{Name: "ros", Services: map[string]compose.Service{}}
	for _, n := range names {
		p.Services[n] = service(n, types.ServiceConfig{NetworkMode: "host"})
	}
	return p
}

func TestObserveTellsWhatIs(t *testing.T) {
	f := newFakeDaemon(t)
	ntp := managed("1", "ntp", "exited")
	ntp.State.ExitCode, ntp.State.Error, ntp.State.OOMKilled = 3, "no such program", true
	ntp.State.Health = &container.Health{Status: "unhealthy"}
	squatter := managed("2", "console", "running")
	squatter.Config.Labels = nil
	stranger := managed("3", "web", "running")
	stranger.Config.Labels = nil
	f.containers = []container.InspectResponse{ntp, squatter, stranger}
	f.images["ros/ntp:1"] = "sha256:1"

	d := f.engine(t, Options{}).Observe(t.Context(), compose.System, wanting("ntp", "console"), true)
	if !d.Available || d.Err != "" {
		t.Fatalf("not available: %s", d.Err)
	}
	if len(d.Containers) != 2 {
		t.Fatalf("containers: %+v", d.Containers)
	}
	got := d.Containers[0]
	want := plan.Container{
		ID: "1", Name: "ntp", Service: "ntp", Managed: true, Hash: "v1:ntp",
		Fields: got.Fields, Image: "ros/ntp:1", ImageID: "sha256:1", State: plan.Exited, Health: plan.Unhealthy,
		ExitCode: 3, Error: "no such program", OOM: true, Created: got.Created, Started: got.Started,
	}
	if !equal(got, want) || got.Fields["image"] != "ros/ntp:1" || got.Created.Year() != 2026 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c := d.Containers[1]; c.Managed || c.Name != "console" {
		t.Errorf("the container that has a wanted name: %+v", c)
	}
	if len(d.Images) != 1 || d.Images["ros/ntp:1"] != "sha256:1" {
		t.Errorf("images: %v", d.Images)
	}
}

func equal(a, b plan.Container) bool {
	a.Fields, b.Fields = nil, nil
	return a.ID == b.ID && a.Name == b.Name && a.Service == b.Service && a.Managed == b.Managed &&
		a.Hash == b.Hash && a.Image == b.Image && a.ImageID == b.ImageID && a.State == b.State &&
		a.Health == b.Health && a.ExitCode == b.ExitCode && a.Error == b.Error && a.OOM == b.OOM &&
		a.Created.Equal(b.Created) && a.Started.Equal(b.Started) && a.Finished.Equal(b.Finished)
}

func TestADaemonThatDoesNotAnswerIsNotAvailable(t *testing.T) {
	e := newFakeDaemon(t).engine(t, Options{})
	if d := e.Observe(t.Context(), compose.User, wanting(), true); d.Available || d.Err == "" {
		t.Errorf("got %+v", d)
	}
	f := newFakeDaemon(t)
	f.answers["GET /containers/json"] = answer{500, `{"message": "the disk is full"}`}
	d := f.engine(t, Options{}).Observe(t.Context(), compose.System, wanting(), true)
	if d.Available || !strings.Contains(d.Err, "the disk is full") {
		t.Errorf("got %+v", d)
	}
}

// asksFor observes and returns the calls that took.
func asksFor(t *testing.T, e *Engine, f *fakeDaemon, want compose.Project) []string {
	t.Helper()
	f.asked()
	if d := e.Observe(t.Context(), compose.System, want, true); !d.Available {
		t.Fatal(d.Err)
	}
	return f.asked()
}

// twoRunning is a daemon in which ntp and syslog run.
func twoRunning(t *testing.T) *fakeDaemon {
	t.Helper()
	f := newFakeDaemon(t)
	f.containers = []container.InspectResponse{managed("1", "ntp", "running"), managed("2", "syslog", "running")}
	f.statuses = map[string]string{"1": "Up Less than a second", "2": "Up Less than a second"}
	f.images = map[string]string{"ros/ntp:1": "sha256:1", "ros/syslog:1": "sha256:2"}
	return f
}

func TestOnlyWhatChangedIsInspected(t *testing.T) {
	f := twoRunning(t)
	e, want := f.engine(t, Options{}), wanting("ntp", "syslog")
	seen := e.daemons[compose.System].seen
	list := "GET /containers/json"
	one, two := "GET /containers/1/json", "GET /containers/2/json"
	networks, volumes := "GET /networks", "GET /volumes"
	imageOne, imageTwo := "GET /images/ros/ntp:1/json", "GET /images/ros/syslog:1/json"

	rounds := []struct {
		what   string
		change func()
		calls  []string
	}{
		{"at first everything", func() { seen.follow(true) }, []string{one, two, list, imageOne, imageTwo, networks, volumes}},
		{"then nothing", func() {}, []string{list}},
		{"what an event was about", func() { seen.touch("2") }, []string{two, list}},
		{"what a step was about, by name", func() { seen.touch("ntp") }, []string{one, list}},
		{"what is listed otherwise", func() { f.statuses["1"] = "Exited (1) 1 second ago" }, []string{one, list}},
		{"images when they changed", func() {
			f.statuses["1"] = "Up Less than a second"
			seen.touchImages()
		}, []string{list, imageOne, imageTwo}},
		{"what no event told of for long", func() { seen.renewed = seen.renewed.Add(-fresh) }, []string{list, imageOne, imageTwo, networks, volumes}},
		{"and then no more", func() {}, []string{list}},
		{"what a step may have missed", func() {
			start := plan.Step{Verb: plan.Start, Scope: string(compose.System), Container: "3"}
			if err := e.Do(t.Context(), start, compose.Service{}); err == nil {
				t.Error("what is not there was started")
			}
		}, []string{list, imageOne, imageTwo, networks, volumes}},
		{"networks and volumes when they changed", func() { seen.touchResources() }, []string{list, networks, volumes}},
		{"everything after a reconnection", func() { seen.follow(true) }, []string{one, two, list, imageOne, imageTwo, networks, volumes}},
		{"everything while no events are followed", func() { seen.follow(false) }, []string{one, two, list, imageOne, imageTwo, networks, volumes}},
		{"and again", func() {}, []string{one, two, list, imageOne, imageTwo, networks, volumes}},
	}
	for _, r := range rounds {
		r.change()
		if got := asksFor(t, e, f, want); !slices.Equal(got, r.calls) {
			t.Errorf("%s: asked %v, want %v", r.what, got, r.calls)
		}
	}
}

// Where the events tell what changed, nothing is listed. What they do not tell is
// found by the next list.
func TestWhatIsRememberedIsNotListed(t *testing.T) {
	f := twoRunning(t)
	e, want := f.engine(t, Options{}), wanting("ntp", "syslog")
	seen := e.daemons[compose.System].seen
	follow(e)
	asksFor(t, e, f, want)
	tell := func(action events.Action, id, name string) {
		seen.note(events.Message{
			Type: events.ContainerEventType, Action: action,
			Actor: events.Actor{ID: id, Attributes: map[string]string{"name": name, compose.LabelManaged: "true"}},
		})
	}
	list, one, two, three := "GET /containers/json", "GET /containers/1/json", "GET /containers/2/json", "GET /containers/3/json"
	rounds := []struct {
		what   string
		change func()
		calls  []string
		left   string // the IDs of what is there
	}{
		{"nothing", func() {}, nil, "12"},
		{"one has died", func() { tell("die", "2", "syslog") }, []string{two}, "12"},
		{"one is gone", func() { f.containers = f.containers[:1]; tell("destroy", "2", "syslog") }, []string{two}, "1"},
		{"it is asked for once", func() {}, nil, "1"},
		{"one came", func() {
			f.containers = append(f.containers, managed("3", "syslog", "running"))
			tell("create", "3", "syslog")
		}, []string{three}, "13"},
		{"one that a step was about, by name", func() { seen.touch("syslog") }, []string{"GET /containers/syslog/json"}, "13"},
		{"another one has its name now", func() {
			f.containers[1] = managed("2", "syslog", "running")
			seen.touch("syslog")
		}, []string{three, "GET /containers/syslog/json"}, "12"},
		{"a step about no container", func() { seen.stepBegins(""); seen.stepEnds("") }, nil, "12"},
		{"one came that a step is about by now", func() {
			tell("create", "4", "ntp")
			seen.stepBegins("ntp")
		}, nil, "12"},
		{"that step has ended", func() { seen.stepEnds("ntp") }, []string{"GET /containers/4/json", "GET /containers/ntp/json"}, "12"},
		{"a step has failed", func() { seen.distrust() }, []string{list}, "12"},
		{"the events were lost", func() { seen.follow(true) }, []string{one, two, list}, "12"},
		{"one that no event told of", func() { f.containers = f.containers[:1] }, nil, "12"},
	}
	for _, r := range rounds {
		r.change()
		f.asked()
		d := e.Observe(t.Context(), compose.System, want, false)
		left := ""
		for _, c := range d.Containers {
			left += c.ID
		}
		calls := slices.DeleteFunc(f.asked(), func(c string) bool { return !strings.HasPrefix(c, "GET /containers/") })
		if !slices.Equal(calls, r.calls) || left != r.left || d.Whole != slices.Contains(calls, list) {
			t.Errorf("%s: asked %v, want %v; there is %s, want %s; whole %t", r.what, calls, r.calls, left, r.left, d.Whole)
		}
	}
	if d := e.Observe(t.Context(), compose.System, want, true); len(d.Containers) != 1 || !d.Whole {
		t.Errorf("a list does not find what no event told of: %+v", d)
	}
}

// What could not be inspected is not remembered as it was before the events were lost.
func TestWhatWasMissedIsListedAgain(t *testing.T) {
	f := newFakeDaemon(t)
	f.containers = []container.InspectResponse{managed("1", "ntp", "running")}
	e, want := f.engine(t, Options{}), wanting("ntp")
	follow(e)
	asksFor(t, e, f, want)
	follow(e)
	f.containers[0] = managed("1", "ntp", "exited")
	f.answers["GET /containers/1/json"] = answer{500, `{"message": "stuck"}`}
	for range 2 {
		d := e.Observe(t.Context(), compose.System, want, false)
		if len(d.Containers) != 1 || d.Containers[0].State != plan.Exited || !d.Whole {
			t.Errorf("got %+v", d)
		}
	}
}

// A container that was only listed while a step was made about it goes when another
// one has its name.
func TestWhatWasOnlyListedGoesWithItsName(t *testing.T) {
	f := newFakeDaemon(t)
	e, want := f.engine(t, Options{}), wanting("ntp")
	seen := e.daemons[compose.System].seen
	follow(e)
	seen.stepBegins("ntp")
	f.containers = []container.InspectResponse{managed("1", "ntp", "created")}
	if d := e.Observe(t.Context(), compose.System, want, true); len(d.Containers) != 1 {
		t.Fatalf("got %+v", d)
	}
	f.containers[0] = managed("2", "ntp", "created")
	seen.stepEnds("ntp")
	d := e.Observe(t.Context(), compose.System, want, false)
	if len(d.Containers) != 1 || d.Containers[0].ID != "2" || d.Whole {
		t.Errorf("got %+v", d)
	}
}

// A replacement is looked for by the name that it was given, too: the step that
// gives it knows the other one alone.
func TestARenamedContainerIsFoundByItsNewName(t *testing.T) {
	f := newFakeDaemon(t)
	e, want := f.engine(t, Options{}), wanting("ntp")
	follow(e)
	asksFor(t, e, f, want)
	f.containers = []container.InspectResponse{managed("2", "ntp", "created")}
	f.answers["POST /containers/ntp.next/rename"] = answer{204, ""}
	step := plan.Step{Verb: plan.Rename, Scope: string(compose.System), Service: "ntp", From: "ntp.next", Name: "ntp"}
	if err := e.Do(t.Context(), step, want.Services["ntp"]); err != nil {
		t.Fatal(err)
	}
	d := e.Observe(t.Context(), compose.System, want, false)
	if len(d.Containers) != 1 || d.Containers[0].ID != "2" || d.Whole {
		t.Errorf("got %+v", d)
	}
}

// What was doubted while the daemon was being listed is doubted still.
func TestADoubtOutlivesAListThatWasUnderWay(t *testing.T) {
	c := newCache()
	c.follow(true)
	w := wantedOf(wanting("ntp"), compose.System)
	list := func(between func()) bool {
		asked := c.ask()
		between()
		c.forget(asked, nil, w)
		c.enroll(asked, nil, nil)
		_, can := c.changed(w)
		return can
	}
	if !list(func() {}) {
		t.Error("what was listed is not believed")
	}
	if list(c.distrust) {
		t.Error("a list that was asked for before the doubt is believed")
	}
	if !list(func() {}) {
		t.Error("the next list is not believed")
	}
}

// An answer whose question is older than a change must not be believed.
func TestAnAnswerThatIsOutrunByAnEventIsNotRemembered(t *testing.T) {
	c := newCache()
	c.follow(true)
	s := container.Summary{ID: "1", Names: []string{"/ntp"}, State: "created", Status: "Created"}
	known := plan.Container{ID: "1", Name: "ntp", State: plan.Created}

	asked := c.ask()
	c.touch("1")
	c.keepContainer(asked, known)
	if _, ok := c.container(s, time.Now(), time.Now()); ok {
		t.Error("the container as it was before the event is believed")
	}
	later := c.ask()
	c.keepContainer(later, known)
	c.keepContainer(asked, plan.Container{ID: "1", Name: "old"})
	if got, ok := c.container(s, time.Now(), time.Now()); !ok || got.Name != "ntp" {
		t.Errorf("got %+v, %t", got, ok)
	}
}

func TestForgottenContainersLeaveNothingBehind(t *testing.T) {
	c := newCache()
	c.follow(true)
	for _, id := range []string{"1", "2"} {
		c.keepContainer(c.ask(), plan.Container{ID: id})
		c.pass(plan.Container{ID: id})
		c.begin(id, "exec")
		c.touch(id)
	}
	c.keepImage(c.ask(), "ros/ntp:1", imageFacts{id: "sha256:1"})
	c.forget(c.ask(), nil, wantedOf(wanting(), compose.System))
	if n := len(c.containers) + len(c.passed) + len(c.execs) + len(c.touched) + len(c.images); n != 0 {
		t.Errorf("%d things are remembered", n)
	}
}

func TestReadinessChecks(t *testing.T) {
	var lc net.ListenConfig
	tcp, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	_, port, err := net.SplitHostPort(tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	socket, file := filepath.Join(dir, "sock"), filepath.Join(dir, "file")
	unix, err := lc.Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		ready compose.Ready
		state string
		want  bool
	}{
		"a port that is open":                {compose.Ready{Kind: compose.ReadyTCP, Target: port}, "running", true},
		"a port that is closed":              {compose.Ready{Kind: compose.ReadyTCP, Target: "1"}, "running", false},
		"a socket that is open":              {compose.Ready{Kind: compose.ReadyUnix, Target: socket}, "running", true},
		"a file is no socket":                {compose.Ready{Kind: compose.ReadyUnix, Target: file}, "running", false},
		"a file that exists":                 {compose.Ready{Kind: compose.ReadyFile, Target: file}, "running", true},
		"a file that does not":               {compose.Ready{Kind: compose.ReadyFile, Target: file + "x"}, "running", false},
		"a container that does not run":      {compose.Ready{Kind: compose.ReadyFile, Target: file}, "exited", false},
		"running needs no check":             {compose.Ready{}, "running", false},
		"health is Docker's":                 {compose.Ready{Kind: compose.ReadyHealth}, "running", false},
		"a command in a container that died": {compose.Ready{Kind: compose.ReadyExec, Target: "true"}, "running", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.containers = []container.InspectResponse{managed("1", "ntp", c.state)}
			want := wanting("ntp")
			svc := want.Services["ntp"]
			svc.Ready = c.ready
			want.Services["ntp"] = svc
			d := f.engine(t, Options{}).Observe(t.Context(), compose.System, want, true)
			if len(d.Containers) != 1 || d.Containers[0].Ready != c.want {
				t.Errorf("got %+v, want ready %t", d.Containers, c.want)
			}
		})
	}
}

// A daemon that does not answer about a command holds up its observation no longer
// than a check may take.
func TestACommandThatIsNotAnsweredIsGivenUp(t *testing.T) {
	for _, path := range []string{"/containers/1/exec", "/exec/e1/start", "/exec/e1/json"} {
		t.Run(path, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.containers = []container.InspectResponse{managed("1", "ntp", "running")}
			f.answers["POST /containers/1/exec"] = answer{201, `{"Id": "e1"}`}
			f.answers["POST /exec/e1/start"] = answer{200, ""}
			want := wanting("ntp")
			svc := want.Services["ntp"]
			svc.Ready = compose.Ready{Kind: compose.ReadyExec, Target: "true"}
			want.Services["ntp"] = svc
			e := f.engine(t, Options{})
			f.hang(path)
			observed := make(chan plan.Daemon, 1)
			go func() { observed <- e.Observe(t.Context(), compose.System, want, true) }()
			f.hung(t)
			select {
			case d := <-observed:
				if !d.Available || d.Containers[0].Ready {
					t.Errorf("got %+v", d)
				}
			case <-time.After(execTimeout + 20*time.Second):
				t.Fatal("it waits for ever")
			}
		})
	}
}

func TestADockerDaemonIsReadyWhenItAnswers(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "sock")
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	f := newFakeDaemon(t)
	f.containers = []container.InspectResponse{managed("1", "docker", "running")}
	want := wanting("docker")
	svc := want.Services["docker"]
	svc.Ready = compose.Ready{Kind: compose.ReadyUnix, Target: socket}
	want.Services["docker"] = svc
	e := f.engine(t, Options{UserSocket: socket})
	for _, answers := range []bool{false, true} {
		e.daemons[compose.User].seen.follow(answers)
		d := e.Observe(t.Context(), compose.System, want, true)
		if len(d.Containers) != 1 || d.Containers[0].Ready != answers {
			t.Errorf("it answers: %t, got %+v", answers, d.Containers)
		}
	}
}

func TestACheckThatPassedHoldsUntilTheNextStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFakeDaemon(t)
	f.containers = []container.InspectResponse{managed("1", "ntp", "running")}
	want := wanting("ntp")
	svc := want.Services["ntp"]
	svc.Ready = compose.Ready{Kind: compose.ReadyFile, Target: file}
	want.Services["ntp"] = svc
	e := f.engine(t, Options{})
	ready := func() bool { return e.Observe(t.Context(), compose.System, want, true).Containers[0].Ready }
	if !ready() {
		t.Fatal("not ready")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if !ready() {
		t.Error("the check was made again")
	}
	f.containers[0].State.StartedAt = "2026-01-01T00:00:00Z"
	if ready() {
		t.Error("the check was not made again after a start")
	}
}

func TestAListSaysEnoughOfAContainerThatCannotBeInspected(t *testing.T) {
	f := newFakeDaemon(t)
	f.containers = []container.InspectResponse{managed("1", "ntp", "exited"), managed("2", "syslog", "exited")}
	f.statuses = map[string]string{"1": "Exited (4) 1 second ago", "2": "something else"}
	for _, id := range []string{"1", "2"} {
		f.answers["GET /containers/"+id+"/json"] = answer{500, `{"message": "stuck"}`}
	}
	d := f.engine(t, Options{}).Observe(t.Context(), compose.System, wanting("ntp"), true)
	if len(d.Containers) != 2 {
		t.Fatalf("got %+v", d)
	}
	for i, code := range []int{4, -1} {
		if c := d.Containers[i]; c.ExitCode != code || c.State != plan.Exited || !strings.Contains(c.Error, "stuck") {
			t.Errorf("got %+v", c)
		}
	}
}

// Docker answers no question about a container that it is starting before it has
// started it: whoever asked would look at nothing else until then.
func TestAContainerThatIsBeingStartedIsNotAskedAbout(t *testing.T) {
	f := newFakeDaemon(t)
	f.containers = []container.InspectResponse{managed("1", "ntp", "created"), managed("2", "syslog", "running")}
	f.statuses = map[string]string{"1": "Created", "2": "Up Less than a second"}
	f.images = map[string]string{"ros/ntp:1": "sha256:1", "ros/syslog:1": "sha256:2"} // those that are absent are asked for again
	e, want := f.engine(t, Options{}), wanting("ntp", "syslog")
	// Nor is its readiness looked for, though it may run already.
	svc := want.Services["ntp"]
	svc.Ready = compose.Ready{Kind: compose.ReadyExec, Target: "true"}
	want.Services["ntp"] = svc
	follow(e)
	asksFor(t, e, f, want)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	f.hang("/containers/ntp/start")
	go func() { ended <- e.Do(ctx, step(plan.Start, "ntp"), svc) }()
	f.hung(t)
	seen := e.daemons[compose.System].seen
	seen.touch("1")
	seen.touch("2")
	f.containers[0].State.Status = "running"
	f.statuses["1"] = "Up Less than a second"
	if got := asksFor(t, e, f, want); !slices.Equal(got, []string{"GET /containers/2/json", "GET /containers/json"}) {
		t.Errorf("while the container is being started: asked %v", got)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("the step that was broken off succeeded")
	}
	svc.Ready = compose.Ready{}
	want.Services["ntp"] = svc
	if got := asksFor(t, e, f, want); !slices.Equal(got, []string{"GET /containers/1/json", "GET /containers/json"}) {
		t.Errorf("afterwards: asked %v", got)
	}
}

// A container that is half removed has no name, and neither has what a step is about
// that is about an image: a pull, which may take an hour.
func TestAStepAboutAnImageIsAboutNoContainer(t *testing.T) {
	seen := newCache()
	ref := subject(plan.Step{Verb: plan.Pull, Image: "x:1"})
	seen.stepBegins(ref)
	if _, known := seen.underStep(container.Summary{ID: "1", State: "dead"}); known || seen.hasStep(plan.Container{ID: "1"}) {
		t.Error("a container without a name is not asked about while an image comes")
	}
	seen.stepEnds(ref)
	if len(seen.steps) > 0 {
		t.Errorf("steps %v", seen.steps)
	}
}
