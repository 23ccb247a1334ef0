package engine

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
)

// fixed is a configuration that does not change.
type fixed struct{ project compose.Project }

func (f fixed) Load(context.Context) (servicectl.Desired, error) {
	return servicectl.Desired{Project: f.project}, nil
}

// TestAWakeAsksForNoMoreThanWhatChanged counts what a whole controller asks a
// daemon: nothing for an event that is about somebody else, and one container for one
// that is about a service.
func TestAWakeAsksForNoMoreThanWhatChanged(t *testing.T) {
	f := newFakeDaemon(t)
	f.containers = []container.InspectResponse{managed("1", "ntp", "running"), managed("2", "syslog", "running")}
	f.statuses = map[string]string{"1": "Up Less than a second", "2": "Up Less than a second"}
	f.images = map[string]string{"ros/ntp:1": "sha256:1", "ros/syslog:1": "sha256:1"}
	want := wanting("ntp", "syslog")
	for name, svc := range want.Services {
		svc.Hash = "v1:" + name
		want.Services[name] = svc
	}
	e := f.engine(t, Options{})
	c := servicectl.New(servicectl.Options{Engine: e, Loader: fixed{want}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	if st, err := c.Wait(ctx, nil); err != nil || st.State != servicectl.Converged {
		t.Fatalf("%+v, %v", st, err)
	}
	f.quiet(t)

	of := func(kind events.Type, action events.Action, id, name string) events.Message {
		return events.Message{Type: kind, Action: action, Actor: events.Actor{ID: id, Attributes: map[string]string{"name": name}}}
	}
	for _, m := range []events.Message{
		of("container", "start", "77", "web"), of("container", "die", "77", "web"), of("image", "pull", "web:1", "web"),
	} {
		f.events <- m
	}
	if calls := f.quiet(t); len(calls) != 0 {
		t.Errorf("for somebody else's events it asked %v", calls)
	}
	f.events <- of("container", "die", "2", "syslog")
	if calls := f.quiet(t); !slices.Equal(calls, []string{"GET /containers/2/json"}) {
		t.Errorf("for one container it asked %v", calls)
	}
}

// quiet returns the calls until there are none for a while.
func (f *fakeDaemon) quiet(t *testing.T) []string {
	t.Helper()
	var all []string
	rest := time.NewTicker(150 * time.Millisecond)
	defer rest.Stop()
	for range 100 {
		<-rest.C
		calls := f.asked()
		if len(calls) == 0 {
			slices.Sort(all)
			return all
		}
		all = append(all, calls...)
	}
	t.Fatalf("it asks for ever: %v", all)
	return nil
}

func TestWhoseNamespacesAContainerShares(t *testing.T) {
	r := managed("1", "ntp", "running")
	r.HostConfig = &container.HostConfig{
		NetworkMode: "container:22", IpcMode: "private", PidMode: "container:33", VolumesFrom: []string{"44:ro", "/data"},
	}
	if got := fromInspect(r).Joined; !slices.Equal(got, []string{"22", "33", "44", "data"}) {
		t.Errorf("joined to %q", got)
	}
	r.HostConfig = nil
	if got := fromInspect(r).Joined; got != nil {
		t.Errorf("joined to %q", got)
	}
}
