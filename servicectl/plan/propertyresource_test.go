package plan_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"pgregory.net/rapid"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl/plan"
)

var (
	networkNames = []string{"front", "back"}
	volumeNames  = []string{"data", "logs"}
)

// drawResources gives services networks and volumes. All agree on what they are.
func (w *world) drawResources(rt *rapid.T) {
	w.networks = map[compose.Scope][]plan.Network{}
	w.volumes = map[compose.Scope][]plan.Volume{}
	for _, scope := range scopes {
		settings := map[string]string{}
		for _, name := range slices.Concat(networkNames, volumeNames) {
			settings[name] = rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "settings")
		}
		for _, name := range slices.Sorted(maps.Keys(w.want.Services)) {
			svc := w.want.Services[name]
			if svc.Scope == scope && rapid.Bool().Draw(rt, "resources") {
				w.want.Services[name] = withResources(rt, svc, settings)
			}
		}
		for _, name := range append([]string{"old"}, networkNames...) {
			if rapid.Bool().Draw(rt, "network") {
				w.networks[scope] = append(w.networks[scope], plan.Network{
					Name: name, Managed: rapid.IntRange(0, 3).Draw(rt, "ours") > 0,
					Hash: "v1:" + rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "hash"),
				})
			}
		}
		if rapid.Bool().Draw(rt, "volume") {
			w.volumes[scope] = append(w.volumes[scope], plan.Volume{Name: "data", Hash: "v1:1"})
		}
		for i, c := range w.have[scope] {
			in := rapid.SliceOfDistinct(rapid.SampledFrom(append([]string{"old"}, networkNames...)), rapid.ID[string])
			c.Networks = map[string]string{}
			for _, name := range in.Draw(rt, "in") {
				c.Networks[name] = "gone"
			}
			w.have[scope][i] = c
		}
	}
}

func withResources(rt *rapid.T, svc compose.Service, settings map[string]string) compose.Service {
	pick := func(names []string) []string {
		return rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID[string]).Draw(rt, "picked")
	}
	svc.Networks, svc.Volumes = map[string]types.NetworkConfig{}, map[string]types.VolumeConfig{}
	for _, name := range pick(networkNames) {
		svc.Networks[name] = types.NetworkConfig{Name: name, CustomLabels: resourceLabels(settings[name])}
	}
	for _, name := range pick(volumeNames) {
		svc.Volumes[name] = types.VolumeConfig{Name: name, CustomLabels: resourceLabels(settings[name])}
	}
	return svc
}

func resourceLabels(setting string) types.Labels {
	return types.Labels{
		compose.LabelManaged: "true", compose.LabelHash: "v1:" + setting,
		compose.LabelFields: fmt.Sprintf(`{"driver":%q}`, setting),
	}
}

// addResources makes the networks and volumes of the world, and returns the IDs
// of the networks.
func (w *world) addResources(f *enginetest.Fake, scope compose.Scope) map[string]string {
	ids := map[string]string{}
	for _, n := range w.networks[scope] {
		ids[n.Name] = f.AddNetwork(scope, n)
	}
	for _, v := range w.volumes[scope] {
		f.AddVolume(scope, v)
	}
	return ids
}

// connect gives a container the IDs of its networks. One that runs cannot have
// lost one, and nobody knows of one that the service never asked for.
func (w *world) connect(c plan.Container, ids map[string]string) plan.Container {
	c.Networks = maps.Clone(c.Networks)
	for name := range c.Networks {
		switch id := ids[name]; {
		case id != "":
			c.Networks[name] = id
		case c.State == plan.Running || c.State == plan.Paused || !asks(w.want.Services[c.Service], name):
			delete(c.Networks, name)
		}
	}
	return c
}

func asks(svc compose.Service, network string) bool {
	_, asked := svc.Networks[network]
	return asked
}

// judgeResources says what is wrong with networks and volumes.
func (w *world) judgeResources(f *enginetest.Fake) error {
	var err error
	for _, scope := range scopes {
		users := map[string][]plan.Container{}
		for _, c := range f.Containers(scope) {
			for _, id := range c.Networks {
				users[id] = append(users[id], c)
			}
		}
		for _, n := range f.Networks(scope) {
			if n.Managed && len(users[n.ID]) == 0 && !w.wantsNetwork(scope, n) {
				err = errors.Join(err, fmt.Errorf("network %s (%s) is left over", n.Name, n.Hash))
			}
		}
		for _, v := range w.volumes[scope] {
			if !slices.Contains(f.Volumes(scope), v.Name) {
				err = errors.Join(err, fmt.Errorf("volume %s is lost", v.Name))
			}
		}
		err = errors.Join(err, w.judgeConnections(f, scope, users))
	}
	return err
}

// wantsNetwork says whether the world wants a network as it is.
func (w *world) wantsNetwork(scope compose.Scope, n plan.Network) bool {
	for _, svc := range w.want.Services {
		if want, wants := svc.Networks[n.Name]; wants && svc.Scope == scope && want.CustomLabels[compose.LabelHash] == n.Hash {
			return true
		}
	}
	return false
}

// judgeConnections looks at services that are as wanted: they are in the networks
// that they ask for, and these are as they should be unless somebody else uses
// them or made them.
func (w *world) judgeConnections(f *enginetest.Fake, scope compose.Scope, users map[string][]plan.Container) error {
	var err error
	networks := map[string]plan.Network{}
	for _, n := range f.Networks(scope) {
		networks[n.Name] = n
	}
	for _, c := range f.Containers(scope) {
		svc, wanted := w.want.Services[c.Name]
		if !wanted || svc.Scope != scope || c.Service != c.Name || w.blocked(svc) || w.memory[c.Name].Intent != plan.NoIntent {
			continue
		}
		for name, want := range svc.Networks {
			n := networks[name]
			foreign := slices.ContainsFunc(users[n.ID], func(u plan.Container) bool { return !u.Managed })
			switch {
			case n.ID == "", c.Networks[name] != n.ID:
				err = errors.Join(err, fmt.Errorf("%s is not in network %s: %v", c.ID, name, c.Networks))
			case n.Managed && !foreign && n.Hash != want.CustomLabels[compose.LabelHash]:
				err = errors.Join(err, fmt.Errorf("network %s of %s is %s", name, c.ID, n.Hash))
			}
		}
		for name := range svc.Volumes {
			if c.Created.After(w.begun) && !slices.Contains(f.Volumes(scope), name) {
				err = errors.Join(err, fmt.Errorf("%s has no volume %s", c.ID, name))
			}
		}
	}
	return err
}
