//go:build dockerd

package engine

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// live is a test against a real daemon.
type live struct {
	*testing.T
	daemon *privateDaemon
	engine *Engine
	want   compose.Project
	nudges chan struct{}
}

// newLive starts a daemon and follows its events.
func newLive(t *testing.T) *live {
	t.Helper()
	r := &live{
		T: t, daemon: startPrivate(t), nudges: make(chan struct{}, 1),
		want: compose.Project{Name: "ros", Services: map[string]compose.Service{}},
	}
	r.engine = r.daemon.engine(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.engine.Events(ctx, compose.System, func() {
			select {
			case r.nudges <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

// wants adds a service to the project.
func (r *live) wants(name string, spec types.ServiceConfig) compose.Service {
	if spec.Image == "" {
		spec.Image = testImage
	}
	if spec.NetworkMode == "" && spec.Networks == nil {
		spec.NetworkMode = "host"
	}
	svc := service(name, spec)
	r.want.Services[name] = svc
	return svc
}

// do makes steps, which must succeed.
func (r *live) do(svc compose.Service, steps ...plan.Step) {
	r.Helper()
	for _, s := range steps {
		if err := r.engine.Do(r.Context(), s, svc); err != nil {
			r.Fatal(err)
		}
	}
}

// up loads the image, and creates and starts a service's container.
func (r *live) up(svc compose.Service) {
	r.Helper()
	load := step(plan.Load, svc.Name)
	load.Image = svc.Spec.Image
	r.do(svc, load, step(plan.Create, svc.Name), step(plan.Start, svc.Name))
}

// sees observes until a container is as it should be.
func (r *live) sees(what, name string, is func(plan.Container) bool) plan.Container {
	r.Helper()
	var d plan.Daemon
	for range 200 {
		d = r.engine.Observe(r.Context(), compose.System, r.want, true)
		for _, c := range d.Containers {
			if c.Name == name && is(c) {
				return c
			}
		}
		pause(50 * time.Millisecond)
	}
	r.Fatalf("%s is not %s: %+v", name, what, d)
	return plan.Container{}
}

func running(c plan.Container) bool { return c.State == plan.Running }

func TestRealLifeOfAContainer(t *testing.T) {
	r := newLive(t)
	svc := r.wants("ntp", types.ServiceConfig{Command: types.ShellCommand{"sh", "-c", "echo hello; sleep 1000"}, Restart: "always"})
	r.up(svc)
	c := r.sees("running", "ntp", running)
	if !c.Managed || c.Service != "ntp" || c.Hash != svc.Hash || c.Fields["image"] != testImage || c.Started.IsZero() {
		t.Errorf("got %+v", c)
	}
	d := r.engine.Observe(t.Context(), compose.System, r.want, true)
	if d.Images[testImage] == "" || d.Images[testImage] != c.ImageID {
		t.Errorf("image %q, container's %q", d.Images[testImage], c.ImageID)
	}
	full, err := r.engine.daemons[compose.System].api().ContainerInspect(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if p := full.HostConfig.RestartPolicy.Name; p != container.RestartPolicyDisabled {
		t.Errorf("restart policy %s", p)
	}
	for range 2 { // each step twice: its effect is there the second time
		kill, stop := step(plan.Kill, "ntp"), step(plan.Stop, "ntp")
		kill.Container, stop.Container = c.ID, c.ID
		r.do(svc, step(plan.Create, "ntp"), step(plan.Start, "ntp"), kill, kill)
		r.sees("killed", "ntp", func(c plan.Container) bool { return c.State == plan.Exited && c.ExitCode == 137 })
		r.do(svc, stop, stop)
	}
	var log strings.Builder
	if err := r.engine.Logs(t.Context(), compose.System, c.ID, servicectl.LogOptions{}, &log); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "hello\n") {
		t.Errorf("log: %q", log.String())
	}
	log.Reset()
	if err := r.engine.Logs(t.Context(), compose.System, c.ID, servicectl.LogOptions{Tail: 1, Timestamps: true}, &log); err != nil {
		t.Fatal(err)
	}
	stamp, rest, _ := strings.Cut(log.String(), " ")
	if at, err := time.Parse(time.RFC3339Nano, stamp); err != nil || time.Since(at).Abs() > time.Minute || rest != "hello\n" {
		t.Errorf("log with timestamps: %q", log.String())
	}
	remove := step(plan.Remove, "ntp")
	remove.Container = c.ID
	r.do(svc, remove, remove)
	if d := r.engine.Observe(t.Context(), compose.System, r.want, true); len(d.Containers) != 0 {
		t.Errorf("left: %+v", d.Containers)
	}
}

func TestRealReplacementAndItsVolume(t *testing.T) {
	r := newLive(t)
	volumes := []types.ServiceVolumeConfig{{Type: "volume", Source: "data", Target: "/data"}}
	old := r.wants("ntp", types.ServiceConfig{Command: types.ShellCommand{"sh", "-c", "echo kept > /data/file; sleep 1000"}, Volumes: volumes})
	r.up(old)
	before := r.sees("running", "ntp", running)
	next := r.wants("ntp", types.ServiceConfig{Command: types.ShellCommand{"sh", "-c", "cat /data/file; sleep 1000"}, Volumes: volumes})
	next.Hash = "v1:next"
	r.want.Services["ntp"] = next

	stop, remove, rename := step(plan.Stop, "ntp"), step(plan.Remove, "ntp"), step(plan.Rename, "ntp")
	stop.Container, remove.Container, rename.From = before.ID, before.ID, "ntp.next"
	stop.Grace = plan.Seconds(time.Second)
	r.do(next, step(plan.CreateNext, "ntp.next"), step(plan.CreateNext, "ntp.next"))
	r.sees("created", "ntp.next", func(c plan.Container) bool { return c.State == plan.Created && c.Service == "ntp" })
	r.do(next, stop, remove, rename, rename, step(plan.Start, "ntp"))
	after := r.sees("running", "ntp", running)
	if after.ID == before.ID || after.Hash != "v1:next" {
		t.Errorf("got %+v", after)
	}
	r.logs(after.ID, "kept\n")
}

// logs waits until a container has written something.
func (r *live) logs(id, want string) {
	r.Helper()
	var log strings.Builder
	for range 100 {
		log.Reset()
		if err := r.engine.Logs(r.Context(), compose.System, id, servicectl.LogOptions{Tail: -1}, &log); err != nil {
			r.Fatal(err)
		}
		if strings.Contains(log.String(), want) {
			return
		}
		pause(50 * time.Millisecond)
	}
	r.Fatalf("log: %q, want %q", log.String(), want)
}

func TestRealReadiness(t *testing.T) {
	r := newLive(t)
	svc := r.wants("ntp", types.ServiceConfig{Command: types.ShellCommand{"sh", "-c", "sleep 1; touch /tmp/ready; sleep 1000"}})
	svc.Ready = compose.Ready{Kind: compose.ReadyExec, Target: "test -e /tmp/ready"}
	r.want.Services["ntp"] = svc
	r.up(svc)
	if c := r.sees("running", "ntp", running); c.Ready {
		t.Error("ready before its file was there")
	}
	r.sees("ready", "ntp", func(c plan.Container) bool { return c.Ready })
}

func TestRealReadinessCommandThatHangsRunsOnce(t *testing.T) {
	r := newLive(t)
	svc := r.wants("ntp", types.ServiceConfig{})
	svc.Ready = compose.Ready{Kind: compose.ReadyExec, Target: "echo x >> /tmp/begun; sleep 3"}
	r.want.Services["ntp"] = svc
	r.up(svc)
	r.sees("ready", "ntp", func(c plan.Container) bool { return c.Ready })
	d := r.engine.daemons[compose.System]
	c := r.sees("running", "ntp", running)
	once := `read a; read b && exit 1; test "$a" = x`
	if err := d.exec(t.Context(), c.ID, "{ "+once+"; } < /tmp/begun"); err != nil {
		t.Errorf("the command was run more than once: %v", err)
	}
}

func TestRealHealth(t *testing.T) {
	r := newLive(t)
	second := types.Duration(time.Second)
	svc := r.wants("ntp", types.ServiceConfig{HealthCheck: &types.HealthCheckConfig{
		Test: types.HealthCheckTest{"CMD-SHELL", "test -e /tmp/well"}, Interval: &second, Timeout: &second,
	}, Command: types.ShellCommand{"sh", "-c", "sleep 1; touch /tmp/well; sleep 1000"}})
	r.up(svc)
	r.sees("starting", "ntp", func(c plan.Container) bool { return c.Health == plan.Starting })
	r.sees("healthy", "ntp", func(c plan.Container) bool { return c.Health == plan.Healthy })
}

func TestRealNamespacesAndVolumesOfAnotherService(t *testing.T) {
	r := newLive(t)
	one := r.wants("one", types.ServiceConfig{Volumes: []types.ServiceVolumeConfig{{Type: "volume", Target: "/shared"}}})
	two := r.wants("two", types.ServiceConfig{NetworkMode: "service:one", Pid: "service:one", VolumesFrom: []string{"one"}})
	if err := r.engine.Do(t.Context(), step(plan.Create, "two"), two); err == nil {
		t.Error("a service was created without the one whose network it shares")
	}
	r.up(one)
	r.up(two)
	c := r.sees("running", "two", running)
	if err := r.engine.daemons[compose.System].exec(t.Context(), c.ID, "test -d /shared"); err != nil {
		t.Error(err)
	}
}

func TestRealNetworks(t *testing.T) {
	r := newLive(t)
	plain := r.wants("plain", types.ServiceConfig{NetworkMode: "bridge"})
	a := r.wants("both", types.ServiceConfig{Networks: map[string]*types.ServiceNetworkConfig{"front": nil, "back": nil}})
	b := r.wants("one", types.ServiceConfig{Networks: map[string]*types.ServiceNetworkConfig{"front": nil}})
	a.Networks = map[string]types.NetworkConfig{"front": {Name: "front"}, "back": {Name: "back", Internal: true}}
	for name := range a.Networks {
		r.do(a, plan.Step{Verb: plan.NetworkCreate, Service: "both", Scope: string(compose.System), Resource: name})
	}
	for _, svc := range []compose.Service{plain, a, b} {
		r.up(svc)
	}
	for name, networks := range map[string]string{"plain": "bridge", "both": "back front", "one": "front"} {
		full, err := r.engine.daemons[compose.System].api().ContainerInspect(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range strings.Fields(networks) {
			if full.NetworkSettings.Networks[n] == nil {
				t.Errorf("%s is not in network %s: %v", name, n, full.NetworkSettings.Networks)
			}
		}
	}
}

func TestRealErrors(t *testing.T) {
	r := newLive(t)
	svc := r.wants("ntp", types.ServiceConfig{Image: "nowhere.invalid/ntp:1"})
	pull := step(plan.Pull, "ntp")
	pull.Image = svc.Spec.Image
	err := r.engine.Do(t.Context(), pull, svc)
	if err == nil || !strings.HasPrefix(err.Error(), "cannot pull image nowhere.invalid/ntp:1 for ntp: ") {
		t.Errorf("got %v", err)
	}
	err = r.engine.Do(t.Context(), step(plan.Create, "ntp"), svc)
	if err == nil || !strings.HasPrefix(err.Error(), "cannot create ntp: No such image") {
		t.Errorf("got %v", err)
	}
	svc = r.wants("bad", types.ServiceConfig{Command: types.ShellCommand{"/no/such/program"}})
	load := step(plan.Load, "bad")
	load.Image = testImage
	r.do(svc, load, load, step(plan.Create, "bad"))
	err = r.engine.Do(t.Context(), step(plan.Start, "bad"), svc)
	if err == nil || !strings.HasPrefix(err.Error(), "cannot start bad: ") {
		t.Errorf("got %v", err)
	}
	r.sees("in error", "bad", func(c plan.Container) bool { return strings.Contains(c.Error, "/no/such/program") })
}

func TestRealDaemonThatIsKilledKeepsItsContainers(t *testing.T) {
	r := newLive(t)
	svc := r.wants("ntp", types.ServiceConfig{})
	r.up(svc)
	before := r.sees("running", "ntp", running)
	r.daemon.signal(t, syscall.SIGKILL)
	if d := r.engine.Observe(t.Context(), compose.System, r.want, true); d.Available {
		t.Error("a dead daemon is available")
	}
	select { // the nudge of the reconnection is to be a new one
	case <-r.nudges:
	default:
	}
	r.daemon.start(t)
	select {
	case <-r.nudges:
	case <-time.After(30 * time.Second):
		t.Error("no nudge after the daemon came back")
	}
	if after := r.sees("running", "ntp", running); after.ID != before.ID || !after.Started.Equal(before.Started) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

func TestRealEventsTellWhatHappensBehindTheControllersBack(t *testing.T) {
	r := newLive(t)
	svc := r.wants("ntp", types.ServiceConfig{})
	r.up(svc)
	c := r.sees("running", "ntp", running)
	for range 3 {
		if d := r.engine.Observe(t.Context(), compose.System, r.want, true); len(d.Containers) != 1 {
			t.Fatalf("got %+v", d)
		}
	}
	api := r.engine.daemons[compose.System].api()
	if err := api.ContainerKill(t.Context(), c.ID, "KILL"); err != nil {
		t.Fatal(err)
	}
	r.sees("killed", "ntp", func(c plan.Container) bool { return c.ExitCode == 137 })
	if err := api.ContainerRename(t.Context(), c.ID, "other"); err != nil {
		t.Fatal(err)
	}
	r.sees("renamed", "other", func(c plan.Container) bool { return c.Service == "ntp" })
	if _, err := api.ImageRemove(t.Context(), testImage, forced()); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if r.engine.Observe(t.Context(), compose.System, r.want, true).Images[testImage] == "" {
			return
		}
		pause(50 * time.Millisecond)
	}
	t.Error("the image that was removed is still there")
}

func TestRealStopAllLetsContainersComeBackWithTheDaemon(t *testing.T) {
	r := newLive(t)
	load := step(plan.Load, "ntp")
	load.Image = testImage
	r.do(compose.Service{}, load)
	policies := map[string]container.RestartPolicyMode{
		"never": container.RestartPolicyDisabled, "always": container.RestartPolicyAlways,
		"unless-stopped": container.RestartPolicyUnlessStopped,
	}
	api := r.engine.daemons[compose.User].api()
	for name, policy := range policies {
		script := "trap 'exit 0' TERM; while :; do sleep 0.1; done"
		made, err := api.ContainerCreate(t.Context(),
			&container.Config{Image: testImage, Cmd: []string{"sh", "-c", script}},
			&container.HostConfig{NetworkMode: "host", RestartPolicy: container.RestartPolicy{Name: policy}}, nil, nil, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := api.ContainerStart(t.Context(), made.ID, container.StartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.engine.StopAll(t.Context(), compose.User, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	for name, policy := range policies {
		c, err := api.ContainerInspect(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if c.State.Running || c.HostConfig.RestartPolicy.Name != policy {
			t.Errorf("%s: running %t, policy %s", name, c.State.Running, c.HostConfig.RestartPolicy.Name)
		}
	}
	r.daemon.signal(t, syscall.SIGTERM)
	r.daemon.start(t)
	for name, want := range map[string]bool{"never": false, "always": true, "unless-stopped": true} {
		if !r.becomes(name, want) {
			t.Errorf("%s: running should be %t after the daemon's start", name, want)
		}
	}
}

// becomes waits until a container runs, or does not.
func (r *live) becomes(name string, want bool) bool {
	r.Helper()
	for range 100 {
		c, err := r.daemon.daemon(r).api().ContainerInspect(r.Context(), name)
		if err != nil {
			r.Fatal(err)
		}
		if c.State.Running == want {
			return true
		}
		pause(50 * time.Millisecond)
	}
	return false
}
