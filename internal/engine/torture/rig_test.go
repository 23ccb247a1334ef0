//go:build dockerd

package torture_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine"
	"github.com/ros-os/ros/internal/engine/dockerdtest"
	"github.com/ros-os/ros/servicectl"
)

var scopes = []compose.Scope{compose.System, compose.User}

// The deadlines of the controllers under test: short, so that what never answers
// costs little. A daemon on a busy host may miss them; that is one fault more.
const (
	answerWithin  = 2 * time.Second
	stepWithin    = 6 * time.Second
	observeWithin = 5 * time.Second
	resyncEvery   = 3 * time.Second
)

// rig is two daemons with proxies before them.
type rig struct {
	dir     string
	daemons map[compose.Scope]*dockerdtest.Daemon
	docker  map[compose.Scope]*client.Client // past the proxies
	proxies map[compose.Scope]*proxy
	tap     *tap
	kept    map[string]string // volumes and what was written into them
	at      generation        // what a matrix has made of it
}

// newRig starts two daemons, of whose data folders each holds so many bytes; 0
// is as many as the host has.
func newRig(tb testing.TB, dataSize int64) *rig {
	tb.Helper()
	r := &rig{
		daemons: map[compose.Scope]*dockerdtest.Daemon{}, docker: map[compose.Scope]*client.Client{},
		proxies: map[compose.Scope]*proxy{}, tap: newTap(slowness()), kept: map[string]string{},
	}
	for _, scope := range scopes {
		d := dockerdtest.Start(tb, dockerdtest.Options{DataSize: dataSize})
		r.daemons[scope], r.docker[scope] = d, d.Client(tb)
		r.proxies[scope] = newProxy(tb, scope, d.Path("proxy.sock"), d.Socket(), r.tap)
	}
	r.dir = r.daemons[compose.System].Path("controller")
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	dockerdtest.Images(tb, r.dir+"/images")
	return r
}

func (r *rig) state() string { return r.dir + "/controller.json" }

// session is a controller at work.
type session struct {
	*servicectl.Controller
	loader *loader
	log    *strings.Builder // of the controller; complete when it has stopped
	stop   func()
}

// start starts a controller that wants a project.
func (r *rig) start(tb testing.TB, want compose.Project) *session {
	tb.Helper()
	s := &session{loader: &loader{project: want}, log: &strings.Builder{}}
	c, err := newController(settings{
		dir: r.dir, system: r.proxies[compose.System].socket, user: r.proxies[compose.User].socket,
	}, s.loader, logTo(s.log))
	if err != nil {
		tb.Fatal(err)
	}
	s.Controller = c
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Run(ctx); err != nil {
			tb.Error(err)
		}
	}()
	s.stop = func() { cancel(); <-ended }
	tb.Cleanup(s.stop)
	return s
}

// settings are where a controller under test finds things.
type settings struct {
	dir          string // its state, and images
	system, user string // sockets
}

func newController(s settings, l servicectl.Loader, log *logrus.Entry) (*servicectl.Controller, error) {
	e, err := engine.New(engine.Options{
		SystemSocket: s.system, UserSocket: s.user, ImageDir: s.dir + "/images", Answer: answerWithin,
		SystemPID: filepath.Join(filepath.Dir(s.system), "pid"), UserPID: filepath.Join(filepath.Dir(s.user), "pid"),
	})
	if err != nil {
		return nil, err
	}
	return servicectl.New(servicectl.Options{
		Engine: e, Loader: l, Log: log, StatePath: s.dir + "/controller.json",
		Deadlines: servicectl.Deadlines{Step: stepWithin, Observe: observeWithin, Resync: resyncEvery},
	}), nil
}

func logTo(w *strings.Builder) *logrus.Entry {
	log := logrus.New()
	log.SetOutput(w)
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, TimestampFormat: "15:04:05.000"})
	return logrus.NewEntry(log)
}

// loader is a configuration that tests write.
type loader struct {
	mu      sync.Mutex
	project compose.Project // guarded by mu
}

func (l *loader) Load(context.Context) (servicectl.Desired, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return servicectl.Desired{Project: l.project}, nil
}

// settle waits until the controller says that it has converged, everything that
// was made late has happened, and what is there is exactly what is wanted.
func (r *rig) settle(s *session, want compose.Project, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var err error
		st := s.Status()
		if st.State != servicectl.Converged || r.tap.pending() > 0 {
			err = fmt.Errorf("the machine is %s", st.State)
		} else if err = r.wrong(ctx, want); err == nil && s.Status().State == servicectl.Converged {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w\n%s", within, err, r.scene(s))
		case <-tick.C:
		}
	}
}

// scene is all that tells why a machine is not as wanted.
func (r *rig) scene(s *session) string {
	var out strings.Builder
	st := s.Status()
	fmt.Fprintf(&out, "status %s, problems %v, calls pending %d\n", st.State, st.Problems, r.tap.pending())
	for _, svc := range st.Services {
		fmt.Fprintf(&out, "  %+v\n", svc)
	}
	fmt.Fprintf(&out, "plan:\n%s\n", s.Plan())
	for _, scope := range scopes {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		all, err := r.docker[scope].ContainerList(ctx, container.ListOptions{All: true})
		cancel()
		fmt.Fprintf(&out, "%s daemon: %v\n", scope, err)
		for _, c := range all {
			fmt.Fprintf(&out, "  %.12s %v %s, %s\n", c.ID, c.Names, c.Status, c.Labels[compose.LabelHash])
		}
	}
	calls := r.tap.calls()
	fmt.Fprintln(&out, "the last calls:")
	for i := max(0, len(calls)-40); i < len(calls); i++ {
		fmt.Fprintf(&out, "  %d %s\n", i+1, calls[i])
	}
	return out.String()
}

// empty removes all containers, volumes, networks and images.
func (r *rig) empty(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	os.Remove(r.state())
	clear(r.kept)
	for scope, d := range r.daemons {
		if err := d.RemoveAll(ctx, r.docker[scope]); err != nil {
			tb.Fatal(err)
		}
		if err := prune(ctx, r.docker[scope]); err != nil {
			tb.Fatal(err)
		}
	}
}

// prune removes what containers leave.
func prune(ctx context.Context, api *client.Client) error {
	volumes, err := api.VolumeList(ctx, volumeList)
	if err != nil {
		return err
	}
	for _, v := range volumes.Volumes {
		if err := api.VolumeRemove(ctx, v.Name, true); err != nil {
			return err
		}
	}
	networks, err := api.NetworkList(ctx, networkList)
	if err != nil {
		return err
	}
	for _, n := range networks {
		if predefined(n.Name) {
			continue
		}
		if err := api.NetworkRemove(ctx, n.ID); err != nil {
			return err
		}
	}
	images, err := api.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return err
	}
	for _, i := range images {
		if _, err := api.ImageRemove(ctx, i.ID, image.RemoveOptions{Force: true}); err != nil {
			return err
		}
	}
	return nil
}
