package enginetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// createNetwork makes a network; the caller holds the lock.
func (f *Fake) createNetwork(d *daemon, name string, svc compose.Service) error {
	want, known := svc.Networks[name]
	if !known {
		return fmt.Errorf("service %s has no network %s", svc.Name, name)
	}
	hash := want.CustomLabels[compose.LabelHash]
	if have, taken := d.networks[name]; taken {
		if have.Managed && have.Hash == hash {
			return nil
		}
		return fmt.Errorf("network with name %s already exists", name)
	}
	d.networks[name] = plan.Network{
		ID: f.newID(name), Name: name, Managed: want.CustomLabels[compose.LabelManaged] == "true", Hash: hash,
		Fields: labelFields(want.CustomLabels), File: want.CustomLabels[compose.LabelComposeFiles],
	}
	return nil
}

// removeNetwork refuses as Docker does while a container runs in the network.
func (d *daemon) removeNetwork(name string) error {
	n, there := d.networks[name]
	if !there {
		return nil
	}
	if !n.Managed {
		return fmt.Errorf("somebody else made it")
	}
	for _, c := range d.containers {
		if c.Networks[name] == n.ID && c.State != plan.Created && c.State != plan.Exited && c.State != plan.Dead {
			return fmt.Errorf("network %s has active endpoints", name)
		}
	}
	delete(d.networks, name)
	return nil
}

func (d *daemon) createVolume(name string, svc compose.Service) error {
	want, known := svc.Volumes[name]
	if !known {
		return fmt.Errorf("service %s has no volume %s", svc.Name, name)
	}
	if _, there := d.volumes[name]; !there {
		d.volumes[name] = plan.Volume{
			Name: name, Hash: want.CustomLabels[compose.LabelHash], Fields: labelFields(want.CustomLabels),
		}
	}
	return nil
}

func labelFields(labels map[string]string) map[string]string {
	var fields map[string]string
	if err := json.Unmarshal([]byte(labels[compose.LabelFields]), &fields); err != nil {
		return nil // they only explain
	}
	return fields
}

// join is the networks of a new container, or why it cannot be made: what it is
// to be joined to must be there.
func (d *daemon) join(svc compose.Service) (map[string]string, error) {
	joined := map[string]string{}
	for name := range svc.Networks {
		n, there := d.networks[name]
		if !there {
			return nil, fmt.Errorf("network %s not found", name)
		}
		joined[name] = n.ID
	}
	for name := range svc.Volumes {
		if _, there := d.volumes[name]; !there {
			return nil, fmt.Errorf("volume %s not found", name)
		}
	}
	return joined, nil
}

// connected says whether the networks that a container was joined to are still
// there.
func (d *daemon) connected(c *container) error {
	for name, id := range c.Networks {
		if d.networks[name].ID != id {
			return fmt.Errorf("network %s not found", id)
		}
	}
	return nil
}

// observeResources are the networks and volumes that are ours or wanted.
func (d *daemon) observeResources(scope compose.Scope, want compose.Project) (map[string]plan.Network, map[string]plan.Volume) {
	networks, volumes := map[string]plan.Network{}, map[string]plan.Volume{}
	for name, n := range d.networks {
		if n.Managed || wantsNetwork(scope, want, name) {
			for _, c := range d.list() {
				if c.Networks[name] == n.ID {
					n.Users = append(n.Users, c.ID)
				}
			}
			n.Fields = maps.Clone(n.Fields)
			networks[name] = n
		}
	}
	for _, svc := range want.Services {
		for name := range svc.Volumes {
			if v, there := d.volumes[name]; there && svc.Scope == scope {
				volumes[name] = v
			}
		}
	}
	return networks, volumes
}

func wantsNetwork(scope compose.Scope, want compose.Project, name string) bool {
	for _, svc := range want.Services {
		if _, wants := svc.Networks[name]; wants && svc.Scope == scope {
			return true
		}
	}
	return false
}

// AddNetwork makes a network, as somebody else would. An empty ID is replaced by
// a new one. The ID is returned.
func (f *Fake) AddNetwork(scope compose.Scope, n plan.Network) string {
	f.mu.Lock()
	if n.ID == "" {
		n.ID = f.newID(n.Name)
	}
	f.daemons[scope].networks[n.Name] = n
	f.mu.Unlock()
	f.event(scope)
	return n.ID
}

// RemoveNetwork removes a network by its name, though containers may refer to it.
func (f *Fake) RemoveNetwork(scope compose.Scope, name string) {
	f.mu.Lock()
	delete(f.daemons[scope].networks, name)
	f.mu.Unlock()
	f.event(scope)
}

// AddVolume makes a volume, as somebody else would.
func (f *Fake) AddVolume(scope compose.Scope, v plan.Volume) {
	f.mu.Lock()
	f.daemons[scope].volumes[v.Name] = v
	f.mu.Unlock()
	f.event(scope)
}

// Networks are all networks of a daemon, by name: also those of others.
func (f *Fake) Networks(scope compose.Scope) []plan.Network {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.daemons[scope]
	var out []plan.Network
	for _, name := range slices.Sorted(maps.Keys(d.networks)) {
		out = append(out, d.networks[name])
	}
	return out
}

// Volumes are the names of all volumes of a daemon.
func (f *Fake) Volumes(scope compose.Scope) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.daemons[scope].volumes))
}
