package enginetest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

const (
	networkName = "conformance-net"
	volumeName  = "conformance-vol"
)

// replica is one of two containers of a service in a network with a volume.
func (s *subject) replica(number, setting string) compose.Service {
	svc := s.svc("1")
	svc.Name, svc.Of, svc.Project, svc.File = service+"-"+number, "a", "conformance", "/conf/conformance.yml"
	svc.Number = len(number)
	svc.Spec.Name, svc.Spec.NetworkMode = svc.Name, ""
	labels := types.Labels{
		compose.LabelManaged: "true", compose.LabelHash: "v1:" + setting, compose.LabelFields: `{"internal":"` + setting + `"}`,
		compose.LabelComposeFiles: svc.File, compose.LabelComposeProject: "conformance", compose.LabelComposeNetwork: "net",
	}
	svc.Spec.Networks = map[string]*types.ServiceNetworkConfig{networkName: {Aliases: []string{"a"}}}
	svc.Spec.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: volumeName, Target: "/data"}}
	svc.Networks = map[string]types.NetworkConfig{networkName: {Name: networkName, Internal: setting == "true", CustomLabels: labels}}
	svc.Volumes = map[string]types.VolumeConfig{volumeName: {Name: volumeName, CustomLabels: labels}}
	svc.Files = []compose.File{{Target: "/etc/token", Content: "secret", Mode: 0o400}}
	return svc
}

// network and what is observed of volumes, when the services are wanted.
func (s *subject) resources(t *testing.T, services ...compose.Service) plan.Daemon {
	t.Helper()
	want := compose.Project{Name: "conformance", Services: map[string]compose.Service{}}
	for _, svc := range services {
		want.Services[svc.Name] = svc
	}
	d := s.agreed(t, want)
	if !d.Available || d.Networks == nil || d.Volumes == nil {
		t.Fatalf("observed %+v", d)
	}
	return d
}

// networksAndVolumes are made, used by two replicas, and the network is made anew
// and removed; the volume stays.
func networksAndVolumes(t *testing.T, s *subject) {
	t.Helper()
	one, two := s.replica("1", "false"), s.replica("22", "false")
	do := func(svc compose.Service, step plan.Step) {
		t.Helper()
		step.Name = svc.Name
		if err := s.doFor(t.Context(), step, svc); err != nil {
			t.Fatalf("%s %s%s: %v", step.Verb, step.Name, step.Resource, err)
		}
	}
	t.Cleanup(func() { s.clean(t, one) })
	s.refused(t, plan.Step{Verb: plan.Create, Name: one.Name}, one) // there is no such network
	for range 2 {
		do(one, plan.Step{Verb: plan.NetworkCreate, Resource: networkName})
		do(one, plan.Step{Verb: plan.VolumeCreate, Resource: volumeName})
	}
	changed := s.replica("1", "true")
	s.refused(t, plan.Step{Verb: plan.NetworkCreate, Resource: networkName}, changed)
	for _, svc := range []compose.Service{one, two} {
		do(svc, plan.Step{Verb: plan.Create})
		do(svc, plan.Step{Verb: plan.Start})
	}
	ids := s.checkReplicas(t, one, two)
	s.refused(t, plan.Step{Verb: plan.NetworkRemove, Resource: networkName}, compose.Service{})

	for _, id := range ids {
		do(one, plan.Step{Verb: plan.Kill, Container: id})
		do(one, plan.Step{Verb: plan.Remove, Container: id})
	}
	for range 2 {
		do(compose.Service{}, plan.Step{Verb: plan.NetworkRemove, Resource: networkName})
	}
	do(changed, plan.Step{Verb: plan.NetworkCreate, Resource: networkName})
	d := s.resources(t, changed)
	if n := d.Networks[networkName]; n.Hash != "v1:true" || len(n.Users) > 0 || n.Fields["internal"] != "true" {
		t.Errorf("the network made anew: %+v", n)
	}
	if v := d.Volumes[volumeName]; v.Hash != "v1:false" {
		t.Errorf("the volume is not as it was made: %+v", v)
	}
}

// publishesOnce starts a container whose port another one has: that fails, and takes
// it out of its networks, which is no reason to take it for one that somebody
// disconnected.
func publishesOnce(t *testing.T, s *subject) {
	t.Helper()
	one, two := s.replica("1", "false"), s.replica("22", "false")
	port := types.ServicePortConfig{Mode: "host", Target: 80, Published: "38080", Protocol: "tcp"}
	t.Cleanup(func() { s.clean(t, one) })
	one.Spec.Ports = []types.ServicePortConfig{port}
	two.Spec.Ports = one.Spec.Ports
	do := func(svc compose.Service, step plan.Step) {
		t.Helper()
		step.Name = svc.Name
		if err := s.doFor(t.Context(), step, svc); err != nil {
			t.Fatalf("%s %s: %v", step.Verb, svc.Name, err)
		}
	}
	do(one, plan.Step{Verb: plan.NetworkCreate, Resource: networkName})
	do(one, plan.Step{Verb: plan.VolumeCreate, Resource: volumeName})
	do(one, plan.Step{Verb: plan.Create})
	do(one, plan.Step{Verb: plan.Start})
	do(two, plan.Step{Verb: plan.Create})
	s.refused(t, plan.Step{Verb: plan.Start, Name: two.Name}, two)
	for _, c := range s.resources(t, one, two).Containers {
		_, joined := c.Networks[networkName]
		if ours := c.Name == one.Name || c.Name == two.Name; ours && !slices.Equal(c.Ports, []string{"38080/tcp"}) {
			t.Errorf("%s has ports %q", c.Name, c.Ports)
		}
		switch c.Name {
		case one.Name:
			if c.State != plan.Running || !joined {
				t.Errorf("the first is %+v", c)
			}
		case two.Name:
			if c.State == plan.Running || joined || !strings.HasSuffix(c.Error, "port is already allocated") {
				t.Errorf("the second is %+v", c)
			}
		}
	}
}

// checkReplicas looks at two running replicas, and returns their IDs.
func (s *subject) checkReplicas(t *testing.T, one, two compose.Service) []string {
	t.Helper()
	d := s.resources(t, one, two)
	n := d.Networks[networkName]
	if n.ID == "" || !n.Managed || n.Hash != "v1:false" || n.File != one.File {
		t.Errorf("network %+v", n)
	}
	if v := d.Volumes[volumeName]; v.Hash != "v1:false" {
		t.Errorf("volume %+v", v)
	}
	var ids []string
	for _, c := range d.Containers {
		if c.Service != one.Name && c.Service != two.Name {
			continue
		}
		if c.Name != c.Service || c.File != one.File || c.Networks[networkName] != n.ID || c.State != plan.Running {
			t.Errorf("container %+v", c)
		}
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	users := slices.Clone(n.Users)
	slices.Sort(users)
	if len(ids) != 2 || !slices.Equal(users, ids) {
		t.Errorf("the network is used by %v, the containers are %v", users, ids)
	}
	return ids
}

// clean removes the containers and the network that are left.
func (s *subject) clean(t *testing.T, svc compose.Service) {
	t.Helper()
	s.removeAll(t)
	if err := s.doFor(context.WithoutCancel(t.Context()), plan.Step{Verb: plan.NetworkRemove, Resource: networkName}, svc); err != nil {
		t.Error(err)
	}
}
