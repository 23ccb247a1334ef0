package enginetest

import (
	"bytes"
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// Options say what [Conformance] may use.
type Options struct {
	// Image is present in the daemon, or Bring brings it.
	Image string
	// Lister is another engine for the same daemon, which has no memory of it; nil: the
	// engine itself lists.
	Lister func(t *testing.T) servicectl.Engine
	// Bring is plan.Load or plan.Pull; empty: the image is present.
	Bring plan.Verb
	// Command runs in Image until it is stopped, like sleep.
	Command []string
	// Scope is the daemon to use; System when empty.
	Scope compose.Scope
	// Patience is how long an effect may take to be seen; 30 s when 0.
	Patience time.Duration
}

// Conformance holds an engine to what the controller relies on. newEngine returns an
// engine whose daemon has no container that is managed. It uses containers whose
// names begin with "conformance-", and removes them.
func Conformance(t *testing.T, newEngine func(t *testing.T) servicectl.Engine, o Options) {
	t.Helper()
	o.Scope = cmp.Or(o.Scope, compose.System)
	o.Patience = cmp.Or(o.Patience, 30*time.Second)
	for _, c := range []struct {
		name string
		test func(t *testing.T, s *subject)
	}{
		{"a daemon without containers is observed as such", observesNothing},
		{"an image that is brought twice is present", bringsImages},
		{"a created container carries what the plan needs", createsContainers},
		{"creating what is there changes nothing", createsTwice},
		{"a name is not given twice", refusesTakenNames},
		{"without an image nothing is created", refusesMissingImages},
		{"a container runs from start to stop", startsAndStops},
		{"a killed container has a bad exit status", kills},
		{"a replacement takes the place of the old one", replaces},
		{"what is done already succeeds", repeats},
		{"what runs on is not paused", unpauses},
		{"events nudge", nudges},
		{"logs are read", logs},
		{"networks and volumes are made for replicas", networksAndVolumes},
		{"a port is published once", publishesOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &subject{Options: o, engine: newEngine(t)}
			if s.lister = s.engine; o.Lister != nil {
				s.lister = o.Lister(t)
			}
			s.follow(t)
			t.Cleanup(func() { s.removeAll(t) })
			if o.Bring != "" && c.name != "without an image nothing is created" {
				s.must(t, plan.Step{Verb: o.Bring, Image: o.Image})
			}
			c.test(t, s)
		})
	}
}

// subject is the engine under test.
type subject struct {
	Options
	engine servicectl.Engine
	lister servicectl.Engine
}

const service = "conformance-a"

// svc is a service that runs until it is stopped.
func (s *subject) svc(version string) compose.Service {
	return compose.Service{
		Name: service, Scope: s.Scope,
		Spec: types.ServiceConfig{
			Name: service, Image: s.Image, Command: s.Command, NetworkMode: "none",
			Restart: "no", Scale: pointer(1),
		},
		Restart: compose.Restart{Mode: compose.RestartAlways},
		Hash:    "v1:" + version, Fields: map[string]string{"image": s.Image, "version": version},
		StopGrace: time.Second,
	}
}

func pointer[T any](v T) *T { return &v }

func (s *subject) want(svc compose.Service) compose.Project {
	return compose.Project{Name: "conformance", Services: map[string]compose.Service{svc.Name: svc}}
}

// do makes a step for the first version of the service.
func (s *subject) do(ctx context.Context, step plan.Step) error {
	return s.doFor(ctx, step, s.svc("1"))
}

func (s *subject) doFor(ctx context.Context, step plan.Step, svc compose.Service) error {
	step.Scope, step.Service, step.Cause = string(s.Scope), service, "conformance"
	if step.Image == "" {
		step.Image = svc.Spec.Image
	}
	if step.Verb == plan.Stop {
		step.Grace = plan.Seconds(time.Second)
	}
	return s.engine.Do(ctx, step, svc)
}

func (s *subject) must(t *testing.T, step plan.Step) {
	t.Helper()
	if err := s.do(t.Context(), step); err != nil {
		t.Fatalf("%s: %v", step.Verb, err)
	}
}

func (s *subject) refused(t *testing.T, step plan.Step, svc compose.Service) {
	t.Helper()
	if err := s.doFor(t.Context(), step, svc); err == nil {
		t.Fatalf("%s succeeds", step.Verb)
	}
}

// follow has the engine follow the daemon's events, as a controller has it.
func (s *subject) follow(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	connected, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(ended)
		s.engine.Events(ctx, s.Scope, func() { once.Do(func() { close(connected) }) })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	<-connected
}

func (s *subject) observe(t *testing.T) plan.Daemon {
	t.Helper()
	return s.agreed(t, s.want(s.svc("1")))
}

// agreed is what a daemon has, by a list and without one: both tell the same, as
// soon as the events are heard.
func (s *subject) agreed(t *testing.T, want compose.Project) plan.Daemon {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // also to clean up
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; <-tick.C {
		partly := s.engine.Observe(ctx, s.Scope, want, false)
		whole := s.lister.Observe(ctx, s.Scope, want, true)
		if !whole.Available || !whole.Whole {
			t.Fatalf("the daemon is not available, or was not listed: %s", whole.Err)
		}
		if reflect.DeepEqual(byID(partly), byID(whole)) {
			return whole
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("without a list: %+v\nwith one: %+v", partly.Containers, whole.Containers)
		}
	}
}

func byID(d plan.Daemon) map[string]plan.Container {
	out := map[string]plan.Container{}
	for i := range d.Containers {
		out[d.Containers[i].ID] = d.Containers[i]
	}
	return out
}

// find is the container of a name.
func (s *subject) find(t *testing.T, name string) (plan.Container, bool) {
	t.Helper()
	all := s.observe(t).Containers
	i := slices.IndexFunc(all, func(c plan.Container) bool { return c.Name == name })
	if i < 0 {
		return plan.Container{}, false
	}
	return all[i], true
}

func (s *subject) get(t *testing.T, name string) plan.Container {
	t.Helper()
	c, found := s.find(t, name)
	if !found {
		t.Fatalf("there is no container %s", name)
	}
	return c
}

// eventually waits until the service's container is in a state.
func (s *subject) eventually(t *testing.T, want plan.State) plan.Container {
	t.Helper()
	tick, end := time.NewTicker(20*time.Millisecond), time.NewTimer(s.Patience)
	defer tick.Stop()
	defer end.Stop()
	for {
		c := s.get(t, service)
		if c.State == want {
			return c
		}
		select {
		case <-end.C:
			t.Fatalf("the container is %s, want %s", c.State, want)
		case <-tick.C:
		}
	}
}

// removeAll removes what the test has made.
func (s *subject) removeAll(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, c := range s.observe(t).Containers {
		if !strings.HasPrefix(c.Name, "conformance-") {
			continue
		}
		for _, v := range []plan.Verb{plan.Kill, plan.Remove} {
			if err := s.do(ctx, plan.Step{Verb: v, Container: c.ID, Name: c.Name}); err != nil {
				t.Errorf("%s %s: %v", v, c.Name, err)
			}
		}
	}
}

func observesNothing(t *testing.T, s *subject) {
	t.Helper()
	if c := s.observe(t).Containers; len(c) != 0 {
		t.Errorf("containers %+v", c)
	}
}

func bringsImages(t *testing.T, s *subject) {
	t.Helper()
	if s.Bring != "" {
		s.must(t, plan.Step{Verb: s.Bring, Image: s.Image})
	}
	if id := s.observe(t).Images[s.Image]; id == "" {
		t.Error("the image has no ID")
	}
}

func createsContainers(t *testing.T, s *subject) {
	t.Helper()
	before := time.Now().Add(-time.Second)
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	d := s.observe(t)
	c, svc := s.get(t, service), s.svc("1")
	switch {
	case c.ID == "", c.State != plan.Created, !c.Managed, c.Service != service:
		t.Errorf("container %+v", c)
	case c.Hash != svc.Hash, c.Fields["version"] != "1":
		t.Errorf("labels: hash %q, fields %v", c.Hash, c.Fields)
	case c.Image != s.Image, c.ImageID == "", c.ImageID != d.Images[s.Image]:
		t.Errorf("image %q %q, present %v", c.Image, c.ImageID, d.Images)
	case c.Created.Before(before), c.Created.After(time.Now().Add(time.Second)):
		t.Errorf("created at %s", c.Created)
	}
}

func createsTwice(t *testing.T, s *subject) {
	t.Helper()
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	first := s.get(t, service)
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	if again := s.get(t, service); again.ID != first.ID || len(s.observe(t).Containers) != 1 {
		t.Errorf("two containers: %+v", s.observe(t).Containers)
	}
}

func refusesTakenNames(t *testing.T, s *subject) {
	t.Helper()
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	s.refused(t, plan.Step{Verb: plan.Create, Name: service}, s.svc("2"))
	s.must(t, plan.Step{Verb: plan.CreateNext, Name: service + ".next"})
	next := s.get(t, service+".next")
	s.refused(t, plan.Step{Verb: plan.Rename, Container: next.ID, From: next.Name, Name: service}, s.svc("1"))
}

func refusesMissingImages(t *testing.T, s *subject) {
	t.Helper()
	svc := s.svc("1")
	svc.Spec.Image = "conformance.invalid/nothing:1"
	s.refused(t, plan.Step{Verb: plan.Create, Name: service}, svc)
	if c, found := s.find(t, service); found {
		t.Errorf("container %+v", c)
	}
}

func startsAndStops(t *testing.T, s *subject) {
	t.Helper()
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	s.must(t, plan.Step{Verb: plan.Start, Name: service})
	c := s.eventually(t, plan.Running)
	if c.Started.IsZero() || c.Started.Before(c.Created) {
		t.Errorf("created %s, started %s", c.Created, c.Started)
	}
	s.must(t, plan.Step{Verb: plan.Stop, Container: c.ID, Name: service})
	c = s.eventually(t, plan.Exited)
	if c.Finished.Before(c.Started) {
		t.Errorf("started %s, finished %s", c.Started, c.Finished)
	}
	s.must(t, plan.Step{Verb: plan.Start, Container: c.ID, Name: service})
	s.eventually(t, plan.Running)
}

func kills(t *testing.T, s *subject) {
	t.Helper()
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	s.must(t, plan.Step{Verb: plan.Start, Name: service})
	c := s.eventually(t, plan.Running)
	s.must(t, plan.Step{Verb: plan.Kill, Container: c.ID, Name: service})
	if c = s.eventually(t, plan.Exited); c.ExitCode == 0 {
		t.Error("the exit status is 0")
	}
}

func replaces(t *testing.T, s *subject) {
	t.Helper()
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	s.must(t, plan.Step{Verb: plan.Start, Name: service})
	old, svc := s.eventually(t, plan.Running), s.svc("2")
	for _, step := range []plan.Step{
		{Verb: plan.CreateNext, Name: service + ".next"},
		{Verb: plan.Stop, Container: old.ID, Name: service},
		{Verb: plan.Remove, Container: old.ID, Name: service},
		{Verb: plan.Rename, From: service + ".next", Name: service},
		{Verb: plan.Start, Name: service},
	} {
		if err := s.doFor(t.Context(), step, svc); err != nil {
			t.Fatalf("%s: %v", step.Verb, err)
		}
	}
	c := s.eventually(t, plan.Running)
	if c.ID == old.ID || c.Hash != svc.Hash || len(s.observe(t).Containers) != 1 {
		t.Errorf("containers %+v", s.observe(t).Containers)
	}
}

func repeats(t *testing.T, s *subject) {
	t.Helper()
	s.must(t, plan.Step{Verb: plan.CreateNext, Name: service + ".next"})
	rename := plan.Step{Verb: plan.Rename, From: service + ".next", Name: service}
	s.must(t, rename)
	s.must(t, rename)
	s.must(t, plan.Step{Verb: plan.Start, Name: service})
	s.must(t, plan.Step{Verb: plan.Start, Name: service})
	c := s.eventually(t, plan.Running)
	for _, v := range []plan.Verb{plan.Stop, plan.Kill, plan.Remove} {
		s.must(t, plan.Step{Verb: v, Container: c.ID, Name: service})
		if v != plan.Remove {
			s.eventually(t, plan.Exited)
		}
		s.must(t, plan.Step{Verb: v, Container: c.ID, Name: service})
	}
	for _, v := range []plan.Verb{plan.Stop, plan.Kill} {
		s.must(t, plan.Step{Verb: v, Container: c.ID, Name: service})
	}
	if c, found := s.find(t, service); found {
		t.Errorf("container %+v", c)
	}
	s.refused(t, plan.Step{Verb: plan.Start, Name: service}, s.svc("1"))
}

func unpauses(t *testing.T, s *subject) {
	t.Helper()
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	s.must(t, plan.Step{Verb: plan.Start, Name: service})
	c := s.eventually(t, plan.Running)
	s.must(t, plan.Step{Verb: plan.Unpause, Container: c.ID, Name: service})
	s.eventually(t, plan.Running)
}

func nudges(t *testing.T, s *subject) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	nudged, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		s.engine.Events(ctx, s.Scope, func() {
			select {
			case nudged <- struct{}{}:
			default:
			}
		})
	}()
	defer func() {
		cancel()
		<-ended
	}()
	await := func(what string) {
		t.Helper()
		end := time.NewTimer(s.Patience)
		defer end.Stop()
		select {
		case <-nudged:
		case <-end.C:
			t.Fatalf("no nudge after %s", what)
		}
	}
	await("connecting")
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	s.must(t, plan.Step{Verb: plan.Start, Name: service})
	await("a start")
}

func logs(t *testing.T, s *subject) {
	t.Helper()
	s.must(t, plan.Step{Verb: plan.Create, Name: service})
	s.must(t, plan.Step{Verb: plan.Start, Name: service})
	c := s.eventually(t, plan.Running)
	s.must(t, plan.Step{Verb: plan.Kill, Container: c.ID, Name: service})
	var out bytes.Buffer
	if err := s.engine.Logs(t.Context(), s.Scope, service, servicectl.LogOptions{Tail: -1}, &out); err != nil {
		t.Errorf("logs: %v", err)
	}
	if err := s.engine.Logs(t.Context(), s.Scope, "conformance-none", servicectl.LogOptions{}, &out); err == nil {
		t.Error("the log of no container can be read")
	}
}
