//go:build dockerd

package engine

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/dockerdtest"
	"github.com/ros-os/ros/servicectl"
)

// shop is a compose file of today: two networks, a named volume, a health check,
// two replicas, a config.
const shop = `
services:
  web:
    image: ` + testImage + `
    command: [sleep, "1000"]
    stop_signal: SIGKILL
    scale: 2
    networks: {front: , back: {aliases: [www]}}
    depends_on: {db: {condition: service_healthy}}
    configs: [{source: greeting, target: /greeting}]
  db:
    image: ` + testImage + `
    command: [sleep, "1000"]
    stop_signal: SIGKILL
    networks: [back]
    volumes: ["data:/data"]
    healthcheck: {test: "test -d /data", interval: 1s, start_interval: 100ms, start_period: 5s}
networks:
  front: {internal: INTERNAL}
  back:
volumes:
  data: {labels: {keep: "yes"}}
configs:
  greeting: {content: hello}
`

// projectRig is a controller whose User Docker is a real one.
type projectRig struct {
	*testing.T
	engine *Engine
	c      *servicectl.Controller

	mu      sync.Mutex
	desired servicectl.Desired // guarded by mu
}

func (r *projectRig) Load(context.Context) (servicectl.Desired, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.desired, nil
}

// wants makes compose files what is wanted, by name.
func (r *projectRig) wants(files map[string]string) {
	r.Helper()
	var o compose.Options
	for name, text := range files {
		layer, report := cloudconfig.ParseLayer(name, name, []byte(text))
		if err := report.Err(); err != nil {
			r.Fatal(err)
		}
		o.Files = append(o.Files, compose.ProjectFile{Path: "/conf/" + name + ".yml", Name: name, Doc: layer.Doc})
	}
	project, report := compose.Build(cloudconfig.Config{}, o)
	if err := report.Err(); err != nil {
		r.Fatal(err)
	}
	for name, svc := range project.Services { // there is no System Docker here
		svc.Needs = slices.DeleteFunc(svc.Needs, func(d compose.Dependency) bool { return d.Service == "docker" })
		project.Services[name] = svc
	}
	r.mu.Lock()
	r.desired = servicectl.Desired{Project: project}
	r.mu.Unlock()
	r.c.Reload()
}

// converges waits until everything is as it should be.
func (r *projectRig) converges() {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	for {
		st, err := r.c.Wait(ctx, nil) // until it is settled, for better or worse
		if err != nil {
			r.Fatal(err)
		}
		plan := r.c.Plan()
		if len(plan.Steps) == 0 && !slices.ContainsFunc(st.Services, func(s servicectl.ServiceStatus) bool { return !s.Ready }) {
			return
		}
		if ctx.Err() != nil {
			r.Fatalf("status %+v\nplan\n%s", st, plan)
		}
		pause(50 * time.Millisecond)
	}
}

func newProjectRig(t *testing.T) *projectRig {
	t.Helper()
	d := startPrivate(t)
	images := d.Path("images")
	dockerdtest.Images(t, images)
	e, err := New(Options{SystemSocket: filepath.Join(t.TempDir(), "absent.sock"), UserSocket: d.Socket(), ImageDir: images})
	if err != nil {
		t.Fatal(err)
	}
	r := &projectRig{T: t, engine: e}
	r.c = servicectl.New(servicectl.Options{Engine: e, Loader: r})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// composePS are the containers that `docker compose ps` of a project shows, as
// "name service number state".
func (r *projectRig) composePS(project string) []string {
	r.Helper()
	found, err := r.engine.daemons[compose.User].api().ContainerList(r.Context(), container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", compose.LabelComposeProject+"="+project), filters.Arg("label", "com.docker.compose.config-hash"),
		filters.Arg("label", "com.docker.compose.oneoff=False"),
	)})
	if err != nil {
		r.Fatal(err)
	}
	var out []string
	for _, c := range found {
		out = append(out, strings.Join([]string{
			name(c.Names), c.Labels[compose.LabelComposeService], c.Labels["com.docker.compose.container-number"], c.State,
		}, " "))
	}
	slices.Sort(out)
	return out
}

// networks are the IDs of a project's networks, by name.
func (r *projectRig) networks(project string) map[string]string {
	r.Helper()
	found, err := r.engine.daemons[compose.User].api().NetworkList(r.Context(), network.ListOptions{
		Filters: filters.NewArgs(filters.Arg("label", compose.LabelComposeProject+"="+project)),
	})
	if err != nil {
		r.Fatal(err)
	}
	out := map[string]string{}
	for _, n := range found {
		out[n.Name] = n.ID
	}
	return out
}

// says is what a command says in a container.
func (r *projectRig) says(container string, command ...string) error {
	return r.engine.daemons[compose.User].exec(r.Context(), container, strings.Join(command, " "))
}

func TestRealProjectIsMadeChangedAndRemoved(t *testing.T) {
	r := newProjectRig(t)
	r.wants(map[string]string{"shop": strings.ReplaceAll(shop, "INTERNAL", "false")})
	r.converges()
	want := []string{"shop-db-1 db 1 running", "shop-web-1 web 1 running", "shop-web-2 web 2 running"}
	if got := r.composePS("shop"); !slices.Equal(got, want) {
		t.Errorf("docker compose ps: %q", got)
	}
	before := r.networks("shop")
	if len(before) != 2 {
		t.Errorf("networks %v", before)
	}
	if err := r.says("shop-web-2", "read x </greeting; test \"$x\" = hello"); err != nil {
		t.Errorf("the config: %v", err)
	}

	r.wants(map[string]string{"shop": strings.ReplaceAll(shop, "INTERNAL", "true")})
	r.converges()
	after := r.networks("shop")
	if after["shop_front"] == before["shop_front"] || after["shop_back"] != before["shop_back"] {
		t.Errorf("networks before %v, after %v", before, after)
	}
	if got := r.composePS("shop"); !slices.Equal(got, want) {
		t.Errorf("docker compose ps after the change: %q", got)
	}

	r.wants(nil)
	r.converges()
	if got, left := r.composePS("shop"), r.networks("shop"); len(got)+len(left) > 0 {
		t.Errorf("left over: %q, %v", got, left)
	}
	volumes, err := r.engine.daemons[compose.User].api().VolumeList(t.Context(), volume.ListOptions{
		Filters: filters.NewArgs(filters.Arg("label", "keep=yes")),
	})
	if err != nil || len(volumes.Volumes) != 1 || volumes.Volumes[0].Name != "shop_data" {
		t.Errorf("volumes %+v, %v", volumes, err)
	}
}
