package engine

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// connected is a service with a network and a volume.
func connected(name string) compose.Service {
	svc := service(name, types.ServiceConfig{Networks: map[string]*types.ServiceNetworkConfig{"shop_back": nil}})
	labels := types.Labels{compose.LabelManaged: "true", compose.LabelHash: "v1:x", compose.LabelComposeProject: "shop"}
	svc.Networks = map[string]types.NetworkConfig{"shop_back": {
		Name: "shop_back", Driver: "bridge", DriverOpts: types.Options{"a": "b"}, Internal: true, Labels: types.Labels{"tier": "back"},
		Ipam: types.IPAMConfig{Config: []*types.IPAMPool{{Subnet: "10.1.0.0/24", Gateway: "10.1.0.1", IPRange: "10.1.0.128/25"}}}, CustomLabels: labels,
	}}
	svc.Volumes = map[string]types.VolumeConfig{"shop_data": {Name: "shop_data", Driver: "local", DriverOpts: types.Options{"type": "tmpfs"}, CustomLabels: labels}}
	return svc
}

func TestANetworkIsMadeAsItIsWritten(t *testing.T) {
	f := newFakeDaemon(t)
	f.answers["POST /networks/create"] = answer{http.StatusCreated, `{"Id": "n"}`}
	f.answers["POST /volumes/create"] = answer{http.StatusCreated, `{"Name": "shop_data"}`}
	e, svc := f.engine(t, Options{}), connected("web")
	for _, s := range []plan.Step{
		{Verb: plan.NetworkCreate, Scope: "system", Service: "web", Resource: "shop_back"},
		{Verb: plan.VolumeCreate, Scope: "system", Service: "web", Resource: "shop_data"},
	} {
		if err := e.Do(t.Context(), s, svc); err != nil {
			t.Fatal(err)
		}
	}
	var made network.CreateRequest
	if err := json.Unmarshal(f.bodies["POST /networks/create?"], &made); err != nil {
		t.Fatal(err)
	}
	if made.Name != "shop_back" || !made.Internal || made.Options["a"] != "b" || made.Labels["tier"] != "back" ||
		made.Labels[compose.LabelHash] != "v1:x" || made.IPAM.Config[0].IPRange != "10.1.0.128/25" {
		t.Errorf("network %+v", made)
	}
	var vol volume.CreateOptions
	if err := json.Unmarshal(f.bodies["POST /volumes/create?"], &vol); err != nil {
		t.Fatal(err)
	}
	if vol.Name != "shop_data" || vol.DriverOpts["type"] != "tmpfs" || vol.Labels[compose.LabelManaged] != "true" {
		t.Errorf("volume %+v", vol)
	}
}

func TestANetworkThatIsThereIsNotMadeAgain(t *testing.T) {
	for _, test := range []struct {
		name, hash string
		good       bool
	}{{"as it should be", "v1:x", true}, {"as it should not", "v1:y", false}, {"by somebody else", "", false}} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.answers["POST /networks/create"] = answer{http.StatusConflict, `{"message": "network with name shop_back already exists"}`}
			f.answers["GET /networks/shop_back"] = answer{http.StatusOK, `{"Name": "shop_back", "Labels": {"` + compose.LabelHash + `": "` + test.hash + `"}}`}
			err := f.engine(t, Options{}).Do(t.Context(),
				plan.Step{Verb: plan.NetworkCreate, Scope: "system", Service: "web", Resource: "shop_back"}, connected("web"))
			if (err == nil) != test.good || err != nil && !strings.HasPrefix(err.Error(), "cannot create network shop_back for web: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOnlyNetworksOfOursAreRemoved(t *testing.T) {
	remove := plan.Step{Verb: plan.NetworkRemove, Scope: "system", Service: "network lan", Resource: "lan"}
	f := newFakeDaemon(t)
	e := f.engine(t, Options{})
	if err := e.Do(t.Context(), remove, compose.Service{}); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
	f.answers["GET /networks/lan"] = answer{http.StatusOK, `{"Name": "lan", "Id": "n"}`}
	if err := e.Do(t.Context(), remove, compose.Service{}); err == nil || err.Error() != "cannot remove network lan: somebody else made it" {
		t.Errorf("somebody else's: %v", err)
	}
	f.answers["GET /networks/lan"] = answer{http.StatusOK, `{"Name": "lan", "Id": "n", "Labels": {"` + compose.LabelManaged + `": "true"}}`}
	f.answers["DELETE /networks/n"] = answer{http.StatusNoContent, ""}
	if err := e.Do(t.Context(), remove, compose.Service{}); err != nil || !slices.Contains(f.asked(), "DELETE /networks/n") {
		t.Errorf("ours: %v", err)
	}
}

func TestNetworksAndTheirUsersAreObserved(t *testing.T) {
	f := newFakeDaemon(t)
	ours := map[string]string{compose.LabelManaged: "true", compose.LabelHash: "v1:x", compose.LabelFields: `{"driver":"bridge"}`, compose.LabelComposeFiles: "/c.yml"}
	f.networks = []network.Inspect{{Name: "bridge", ID: "b"}, {Name: "old", ID: "o", Labels: ours}, {Name: "shop_back", ID: "n"}}
	f.volumes = []*volume.Volume{{Name: "shop_data", Labels: ours}, {Name: "other", Labels: ours}}
	c := managed("1", "web", "running")
	c.NetworkSettings = &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{"old": {NetworkID: "o"}}}
	f.containers = []container.InspectResponse{c}
	e := f.engine(t, Options{})
	d := e.Observe(t.Context(), compose.System, compose.Project{Services: map[string]compose.Service{"web": connected("web")}}, true)
	old := d.Networks["old"]
	if len(d.Networks) != 2 || !old.Managed || old.Hash != "v1:x" || old.File != "/c.yml" || old.Fields["driver"] != "bridge" || !slices.Equal(old.Users, []string{"1"}) {
		t.Errorf("networks %+v", d.Networks)
	}
	if n := d.Networks["shop_back"]; n.Managed || n.ID != "n" || len(n.Users) > 0 {
		t.Errorf("network %+v", n)
	}
	if len(d.Volumes) != 1 || d.Volumes["shop_data"].Hash != "v1:x" {
		t.Errorf("volumes %+v", d.Volumes)
	}
	if d.Containers[0].Networks["old"] != "o" {
		t.Errorf("container %+v", d.Containers[0])
	}
}

func TestEventsOfNetworksMatterWhenTheyAreOurs(t *testing.T) {
	c := newCache()
	c.follow(true)
	c.wanted = wantedOf(compose.Project{Services: map[string]compose.Service{"web": connected("web")}}, compose.System)
	c.keepContainer(c.ask(), plan.Container{ID: "1", Name: "web"})
	c.keepResources(resources{asked: c.ask(), networks: []network.Inspect{
		{Name: "old", Labels: map[string]string{compose.LabelManaged: "true"}}, {Name: "theirs"},
	}})
	event := func(kind events.Type, action events.Action, name string) events.Message {
		return events.Message{Type: kind, Action: action, Actor: events.Actor{ID: name, Attributes: map[string]string{"name": name, "container": "1"}}}
	}
	for _, test := range []struct {
		message events.Message
		matters bool
	}{
		{event(events.NetworkEventType, events.ActionCreate, "shop_back"), true},
		{event(events.NetworkEventType, events.ActionDestroy, "old"), true},
		{event(events.NetworkEventType, events.ActionDestroy, "theirs"), false},
		{event(events.NetworkEventType, events.ActionDisconnect, "shop_back"), true},
		{event(events.NetworkEventType, events.ActionDisconnect, "bridge"), false},
		{event(events.VolumeEventType, events.ActionDestroy, "shop_data"), true},
		{event(events.VolumeEventType, events.ActionCreate, "anonymous"), false},
	} {
		if got := c.note(test.message); got != test.matters {
			t.Errorf("%s %s %s matters: %t", test.message.Type, test.message.Action, test.message.Actor.ID, got)
		}
	}
	if _, known := c.resources(); known {
		t.Error("what was listed before the events is believed")
	}
}

func TestFilesOfAServiceAreWrittenIntoItsContainer(t *testing.T) {
	f := newFakeDaemon(t)
	svc := service("web", types.ServiceConfig{NetworkMode: "host"})
	svc.Files = []compose.File{{Target: "/run/secrets/token", Content: "s3cret", Mode: 0o400}}
	f.images[svc.Spec.Image] = "sha256:1"
	f.answers["PUT /containers/web/archive"] = answer{http.StatusOK, ""}
	if err := f.engine(t, Options{}).Do(t.Context(), step(plan.Create, "web"), svc); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.asked(), func(call string) bool { return call == "PUT /containers/web/archive" })
	if i < 0 {
		t.Error("nothing was written")
	}
}

func TestAProjectsContainerIsComposesToo(t *testing.T) {
	f := newFakeDaemon(t)
	svc := service("shop-web-2", types.ServiceConfig{NetworkMode: "service:shop-db-1"})
	svc.Project, svc.Of, svc.Number, svc.File = "shop", "web", 2, "/conf/shop.yml"
	f.images[svc.Spec.Image] = "sha256:1"
	f.containers = []container.InspectResponse{managed("9", "shop-db-1", "running")}
	if err := f.engine(t, Options{}).Do(t.Context(), step(plan.Create, "shop-web-2"), svc); err != nil {
		t.Fatal(err)
	}
	var made struct {
		Labels     map[string]string
		HostConfig struct{ NetworkMode string }
	}
	if err := json.Unmarshal(f.bodies["POST /containers/create?name=shop-web-2"], &made); err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{
		"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "com.docker.compose.container-number": "2",
		"com.docker.compose.project.config_files": "/conf/shop.yml", "com.docker.compose.project.working_dir": "/conf",
		compose.LabelService: "shop-web-2",
	} {
		if made.Labels[label] != want {
			t.Errorf("label %s is %q, want %q", label, made.Labels[label], want)
		}
	}
	if made.HostConfig.NetworkMode != "container:9" || made.Labels["com.docker.compose.config-hash"] == "" {
		t.Errorf("created %+v", made)
	}
}
