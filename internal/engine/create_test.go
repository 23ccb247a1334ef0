package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/golden"
	"github.com/ros-os/ros/servicectl/plan"
)

func service(name string, spec types.ServiceConfig) compose.Service {
	spec.Name = name
	if spec.Image == "" {
		spec.Image = "ros/" + name + ":1"
	}
	return compose.Service{
		Name: name, Scope: compose.System, Spec: spec, StopGrace: 5 * time.Second,
		Hash: "v1:" + name, Fields: map[string]string{"image": spec.Image},
	}
}

func step(verb plan.Verb, name string) plan.Step {
	return plan.Step{Verb: verb, Service: strings.TrimSuffix(name, ".next"), Scope: "system", Name: name}
}

func value(s string) *string { return &s }

// What Docker is told to create, for services that differ in one thing.
func TestCreateTellsDocker(t *testing.T) {
	grace := types.Duration(7 * time.Second)
	cases := map[string]types.ServiceConfig{
		"host network": {NetworkMode: "host", Command: types.ShellCommand{"sleep", "1"}},
		"a service that names no network gets the default bridge": {},
		"the default network of compose is the default bridge": {
			Networks: map[string]*types.ServiceNetworkConfig{"default": nil},
		},
		"a restart policy is left to the controller": {
			NetworkMode: "none", Restart: "always",
			Deploy: &types.DeployConfig{RestartPolicy: &types.RestartPolicy{Condition: "any"}},
		},
		"bind mounts": {NetworkMode: "host", Volumes: []types.ServiceVolumeConfig{
			{Type: "bind", Source: "/a", Target: "/a", Bind: &types.ServiceVolumeBind{CreateHostPath: true}},
			{Type: "bind", Source: "/b", Target: "/b", ReadOnly: true, Bind: &types.ServiceVolumeBind{
				CreateHostPath: true, Propagation: "rshared",
			}},
			{Type: "volume", Source: "data", Target: "/data"},
		}},
		"least privilege": {
			NetworkMode: "none", CapDrop: []string{"ALL"}, CapAdd: []string{"NET_ADMIN"}, ReadOnly: true,
			SecurityOpt: []string{"no-new-privileges"}, Pid: "host", Privileged: false, StopGracePeriod: &grace,
			Environment: types.MappingWithEquals{"A": value("b"), "UNSET": nil},
			Labels:      types.Labels{"mine": "yes"},
		},
	}
	for name, spec := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			svc := service("ntp", spec)
			f.images[svc.Spec.Image] = "sha256:1"
			e := f.engine(t, Options{})
			if err := e.Do(t.Context(), step(plan.Create, "ntp"), svc); err != nil {
				t.Fatal(err)
			}
			sameJSON(t, f.bodies["POST /containers/create?name=ntp"])
		})
	}
}

// sameJSON compares JSON with the file named after the test.
func sameJSON(t *testing.T, got []byte) {
	t.Helper()
	var text bytes.Buffer
	if err := json.Indent(&text, bytes.TrimSpace(got), "", "  "); err != nil {
		t.Fatalf("%v: %q", err, got)
	}
	text.WriteByte('\n')
	file := filepath.Join("testdata", filepath.Base(t.Name())+".json")
	golden.Equal(t, file, text.String())
}

func TestCreateIsOneCallWhenTheImageIsKnown(t *testing.T) {
	f := newFakeDaemon(t)
	e := f.engine(t, Options{})
	svc := service("ntp", types.ServiceConfig{NetworkMode: "host"})
	f.images[svc.Spec.Image] = "sha256:1"
	follow(e)
	project := compose.Project{Services: map[string]compose.Service{"ntp": svc}}
	if d := e.Observe(t.Context(), compose.System, project, true); !d.Available {
		t.Fatal(d.Err)
	}
	f.asked()
	if err := e.Do(t.Context(), step(plan.Create, "ntp"), svc); err != nil {
		t.Fatal(err)
	}
	if got, want := f.asked(), []string{"POST /containers/create"}; !slices.Equal(got, want) {
		t.Errorf("the daemon was asked %v, want %v", got, want)
	}
}

func TestReplacementIsCreatedUnderItsTemporaryName(t *testing.T) {
	f := newFakeDaemon(t)
	svc := service("ntp", types.ServiceConfig{NetworkMode: "host"})
	f.images[svc.Spec.Image] = "sha256:1"
	if err := f.engine(t, Options{}).Do(t.Context(), step(plan.CreateNext, "ntp.next"), svc); err != nil {
		t.Fatal(err)
	}
	if f.bodies["POST /containers/create?name=ntp.next"] == nil {
		t.Errorf("no container ntp.next was created: %v", f.asked())
	}
}

func TestCreationDoesNotChangeTheProject(t *testing.T) {
	f := newFakeDaemon(t)
	svc := service("ntp", types.ServiceConfig{
		VolumesFrom: []string{"syslog"}, Labels: types.Labels{"a": "b"},
		Networks: map[string]*types.ServiceNetworkConfig{"front": {}}, MacAddress: "02:42:ac:11:65:43",
	})
	f.images[svc.Spec.Image] = "sha256:1"
	f.containers = []container.InspectResponse{managed("1", "syslog", "running")}
	f.networks = []network.Inspect{{Name: "front", ID: "n"}}
	before, err := json.Marshal(svc)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.engine(t, Options{}).Do(t.Context(), step(plan.Create, "ntp"), svc); err != nil {
		t.Fatal(err)
	}
	after, err := json.Marshal(svc)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
}

// managed is a container that the controller has created.
func managed(id, service, state string) container.InspectResponse {
	return container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{
			ID: id, Name: "/" + service, Image: "sha256:1", Created: "2026-01-02T03:04:05Z",
			State: &container.State{Status: state, StartedAt: time.Now().UTC().Format(time.RFC3339Nano)},
		},
		Config: &container.Config{Image: "ros/" + service + ":1", Labels: map[string]string{
			compose.LabelManaged:             "true",
			compose.LabelService:             service,
			compose.LabelHash:                "v1:" + service,
			compose.LabelFields:              `{"image": "ros/` + service + `:1"}`,
			"com.docker.compose.project":     "ros",
			"com.docker.compose.service":     service,
			"com.docker.compose.config-hash": "x",
		}},
	}
}

func TestServicesReferredToBecomeTheirContainers(t *testing.T) {
	f := newFakeDaemon(t)
	svc := service("ntp", types.ServiceConfig{
		NetworkMode: "service:network", Pid: "service:syslog", VolumesFrom: []string{"syslog"},
	})
	f.images[svc.Spec.Image] = "sha256:1"
	f.containers = []container.InspectResponse{
		managed("1", "network", "running"), managed("2", "syslog", "running"),
	}
	if err := f.engine(t, Options{}).Do(t.Context(), step(plan.Create, "ntp"), svc); err != nil {
		t.Fatal(err)
	}
	var got struct{ HostConfig container.HostConfig }
	if err := json.Unmarshal(f.bodies["POST /containers/create?name=ntp"], &got); err != nil {
		t.Fatal(err)
	}
	h := got.HostConfig
	if h.NetworkMode != "container:1" || h.PidMode != "container:2" || !slices.Equal(h.VolumesFrom, []string{"2"}) {
		t.Errorf("network %s, pid %s, volumes from %v", h.NetworkMode, h.PidMode, h.VolumesFrom)
	}
}

func TestCreateFailsInTheUsersTerms(t *testing.T) {
	cases := map[string]struct {
		spec   types.ServiceConfig
		answer answer
		want   string
	}{
		"the service whose network is shared has no container": {
			spec: types.ServiceConfig{NetworkMode: "service:network"},
			want: "cannot create ntp: cannot share network namespace with service network: container missing",
		},
		"Docker refuses": {
			spec:   types.ServiceConfig{NetworkMode: "host"},
			answer: answer{http.StatusBadRequest, `{"message": "invalid mount config"}`},
			want:   "cannot create ntp: invalid mount config",
		},
		"the name is another's": {
			spec:   types.ServiceConfig{NetworkMode: "host"},
			answer: answer{http.StatusConflict, `{"message": "the name is in use"}`},
			want:   "cannot create ntp: the name is in use",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			svc := service("ntp", c.spec)
			f.images[svc.Spec.Image] = "sha256:1"
			if c.answer.code != 0 {
				f.answers["POST /containers/create"] = c.answer
			}
			err := f.engine(t, Options{}).Do(t.Context(), step(plan.Create, "ntp"), svc)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestCreateSucceedsWhenItWasDoneBefore(t *testing.T) {
	f := newFakeDaemon(t)
	svc := service("ntp", types.ServiceConfig{NetworkMode: "host"})
	f.images[svc.Spec.Image] = "sha256:1"
	f.containers = []container.InspectResponse{managed("1", "ntp", "created")}
	f.answers["POST /containers/create"] = answer{http.StatusConflict, `{"message": "the name is in use"}`}
	e := f.engine(t, Options{})
	if err := e.Do(t.Context(), step(plan.Create, "ntp"), svc); err != nil {
		t.Error(err)
	}
	svc.Hash = "v1:changed"
	if err := e.Do(t.Context(), step(plan.Create, "ntp"), svc); err == nil {
		t.Error("a container of another configuration was taken for the service's")
	}
}

func TestAServiceWithoutAnImageIsRefused(t *testing.T) {
	svc := compose.Service{Name: "ntp", Scope: compose.System}
	if _, err := projectOf(svc); err == nil || !strings.Contains(err.Error(), "no image") {
		t.Errorf("got %v", err)
	}
	svc.Spec.Provider = &types.ServiceProviderConfig{Type: "x"}
	if _, err := projectOf(svc); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
