package servicectl_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// rig is a controller over a fake engine, in a synctest bubble: settle waits
// until nothing moves without time passing, and every test fails if a goroutine
// is left.
type rig struct {
	fake   *enginetest.Fake
	loader *loader
	state  string // StatePath
	// intents is IntentPath, and journal where it is told what happens.
	intents string
	journal *journal.Journal
	c       *servicectl.Controller
	stop    func() // the controller, as by SIGTERM
}

// inBubble runs a test over an engine that is empty.
func inBubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	state := t.TempDir() + "/controller.json"
	synctest.Test(t, func(t *testing.T) {
		test(t, &rig{fake: enginetest.New(), loader: &loader{}, state: state})
	})
}

// start starts a controller for services.
func (r *rig) start(t *testing.T, services ...compose.Service) {
	t.Helper()
	if services != nil {
		r.loader.set(services...)
	}
	r.c = servicectl.New(servicectl.Options{
		Engine: r.fake, Loader: r.loader, StatePath: r.state, IntentPath: r.intents, Journal: r.journal,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.c.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		ended <- nil // for another stop
	}
	t.Cleanup(func() { r.stop() })
	synctest.Wait()
}

// change makes the controller read another configuration.
func (r *rig) change(services ...compose.Service) {
	r.loader.set(services...)
	r.c.Reload()
	synctest.Wait()
}

// after lets time pass.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *rig) service(t *testing.T, name string) servicectl.ServiceStatus {
	t.Helper()
	for _, s := range r.c.Status().Services {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("the status lacks %s", name)
	return servicectl.ServiceStatus{}
}

func (r *rig) wantState(t *testing.T, want string) {
	t.Helper()
	if st := r.c.Status(); st.State != want {
		t.Fatalf("the machine is %s, want %s: %+v\n%s", st.State, want, st, r.c.Plan())
	}
}

// container is the one with a name, in System Docker.
func (r *rig) container(t *testing.T, name string) plan.Container {
	t.Helper()
	for _, c := range r.fake.Containers(compose.System) {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no container %s", name)
	return plan.Container{}
}

// verbs are the steps made since the first n, as "verb service".
func (r *rig) verbs(n int) []string {
	var out []string
	for _, s := range r.fake.Steps()[n:] {
		out = append(out, string(s.Verb)+" "+s.Service)
	}
	return out
}

func wantVerbs(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("steps %q, want %q", got, want)
	}
}

// loader is a configuration that tests write.
type loader struct {
	mu      sync.Mutex
	desired servicectl.Desired // guarded by mu
	err     error              // guarded by mu
}

func (l *loader) Load(context.Context) (servicectl.Desired, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.desired, l.err
}

func (l *loader) set(services ...compose.Service) {
	p := compose.Project{Name: "os", Services: map[string]compose.Service{}}
	for _, s := range services {
		p.Services[s.Name] = s
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.desired.Project = p
}

func (l *loader) configure(cfg cloudconfig.Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.desired.Config = cfg
}

func (l *loader) wait(waiting ...servicectl.Waiting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.desired.Waiting = waiting
}

func (l *loader) changes(changes ...journal.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.desired.Changes = changes
}

func (l *loader) report(r cloudconfig.Report, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.desired.Report, l.err = r, err
}

// svc is a service that runs for ever, after what it needs.
func svc(name, image string, needs ...string) compose.Service {
	s := compose.Service{
		Name: name, Scope: compose.System,
		Spec:    types.ServiceConfig{Name: name, Image: image},
		Restart: compose.Restart{Mode: compose.RestartAlways},
		Hash:    "v1:" + image, Fields: map[string]string{"image": image},
		StopGrace: 5 * time.Second,
	}
	for _, n := range needs {
		s.Needs = append(s.Needs, compose.Dependency{Service: n, Condition: compose.IsReady, Required: true})
	}
	return s
}

// job is a service that ends when it is done.
func job(name, image string, needs ...string) compose.Service {
	s := svc(name, image, needs...)
	s.OneShot, s.Restart.Mode = true, compose.RestartNo
	return s
}

// machine is a small machine: network, then syslog and ntp; a job; User Docker
// and a container in it.
func machine() []compose.Service {
	web := svc("web", "nginx:1", "docker")
	web.Scope = compose.User
	return []compose.Service{
		job("sysctl", "ros/base:1"), svc("network", "ros/base:1", "sysctl"), svc("syslog", "ros/base:1", "network"),
		svc("ntp", "ntp:1", "network"), svc("docker", "ros/base:1"), web,
	}
}

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

// inNetwork is a service in network lan, with a volume; the network's driver is
// as given.
func inNetwork(s compose.Service, driver string) compose.Service {
	labels := types.Labels{
		compose.LabelManaged: "true", compose.LabelHash: "v1:" + driver, compose.LabelFields: `{"driver":"` + driver + `"}`,
	}
	s.Networks = map[string]types.NetworkConfig{"lan": {Name: "lan", Driver: driver, CustomLabels: labels}}
	s.Volumes = map[string]types.VolumeConfig{"data": {Name: "data"}}
	return s
}
