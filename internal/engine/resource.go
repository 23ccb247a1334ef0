package engine

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// resources are all networks and volumes of a daemon, as it listed them.
type resources struct {
	asked    uint64
	networks []network.Summary
	volumes  []*volume.Volume
}

// observeResources returns the networks and volumes that are ours or wanted.
// They are listed again when an event told of a change.
func (d *daemon) observeResources(ctx context.Context, w wanted) (map[string]plan.Network, map[string]plan.Volume, error) {
	found, known := d.seen.resources()
	if !known {
		var err error
		if found, err = d.listResources(ctx); err != nil {
			return nil, nil, err
		}
		d.seen.keepResources(found)
	}
	networks := map[string]plan.Network{}
	for i := range found.networks {
		n := &found.networks[i]
		managed := n.Labels[compose.LabelManaged] == "true"
		if managed || w.networks[n.Name] {
			networks[n.Name] = plan.Network{
				ID: n.ID, Name: n.Name, Managed: managed, Hash: n.Labels[compose.LabelHash],
				Fields: fieldsOf(n.Labels), File: n.Labels[compose.LabelComposeFiles], Users: d.seen.usersOf(n.ID),
			}
		}
	}
	volumes := map[string]plan.Volume{}
	for _, v := range found.volumes {
		if w.volumes[v.Name] {
			volumes[v.Name] = plan.Volume{Name: v.Name, Hash: v.Labels[compose.LabelHash], Fields: fieldsOf(v.Labels)}
		}
	}
	return networks, volumes, nil
}

func (d *daemon) listResources(ctx context.Context) (resources, error) {
	found := resources{asked: d.seen.ask()}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.answer, listTimeout))
	defer cancel()
	var err error
	if found.networks, err = d.api().NetworkList(ctx, network.ListOptions{}); err != nil {
		return found, fmt.Errorf("cannot list networks: %w", err)
	}
	volumes, err := d.api().VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		return found, fmt.Errorf("cannot list volumes: %w", err)
	}
	found.volumes = volumes.Volumes
	return found, nil
}

// fieldsOf are the fields that a label explains a hash by.
func fieldsOf(labels map[string]string) map[string]string {
	var fields map[string]string
	if err := json.Unmarshal([]byte(labels[compose.LabelFields]), &fields); err != nil {
		return nil // they only explain
	}
	return fields
}

// networksOf are the networks that a container is joined to: IDs by name.
func networksOf(endpoints map[string]*network.EndpointSettings) map[string]string {
	out := make(map[string]string, len(endpoints))
	for name, e := range endpoints {
		out[name] = ""
		if e != nil {
			out[name] = e.NetworkID
		}
	}
	return out
}

// keepUsers remembers who uses which network, by the list of all containers.
func (c *cache) keepUsers(all []container.Summary) {
	users := map[string][]string{}
	for i := range all {
		if s := all[i].NetworkSettings; s != nil {
			for _, e := range s.Networks {
				if e != nil && e.NetworkID != "" {
					users[e.NetworkID] = append(users[e.NetworkID], all[i].ID)
				}
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users = users
}

func (c *cache) usersOf(id string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.users[id]))
}

// resources returns the networks and volumes that were listed, if that still
// holds.
func (c *cache) resources() (resources, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.listed, c.live && c.listed.asked > max(c.expired, c.remade)
}

func (c *cache) keepResources(found resources) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found.asked > c.listed.asked {
		c.listed = found
	}
}

// touchResources notes that networks or volumes changed.
func (c *cache) touchResources() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	c.remade = c.last
}

// noteResource marks what an event of a network or volume may have changed, and
// says whether that matters.
func (c *cache) noteResource(m events.Message) bool {
	if m.Action == events.ActionDisconnect {
		id := m.Actor.Attributes["container"]
		if matters := c.mattersDisconnect(m.Actor.Attributes["name"], id); !matters {
			return false
		}
		c.touch(id)
		return true
	}
	c.touchResources() // others' too: they are listed again when somebody looks
	c.mu.Lock()
	defer c.mu.Unlock()
	name := cmp.Or(m.Actor.Attributes["name"], m.Actor.ID)
	managed := slices.ContainsFunc(c.listed.networks, func(n network.Summary) bool {
		return n.Name == name && n.Labels[compose.LabelManaged] == "true"
	})
	return managed || m.Action == events.ActionPrune || c.wanted.networks[name] || c.wanted.volumes[name]
}

// mattersDisconnect says whether a container that is ours left a network that is
// wanted. One that stops does that too.
func (c *cache) mattersDisconnect(network, id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.containers[id]
	return known && c.wanted.networks[network]
}

// createNetwork makes a network, unless it is there as it should be.
func (d *daemon) createNetwork(ctx context.Context, name string, svc compose.Service) error {
	defer d.seen.touchResources()
	want, known := svc.Networks[name]
	if !known {
		return fmt.Errorf("service %s has no network %s", svc.Name, name)
	}
	_, err := d.api().NetworkCreate(ctx, name, networkOptions(want))
	if !errdefs.IsConflict(err) {
		return err
	}
	n, look := d.api().NetworkInspect(ctx, name, network.InspectOptions{})
	if look == nil && n.Name == name && n.Labels[compose.LabelHash] == want.CustomLabels[compose.LabelHash] {
		return nil // an earlier try, or another service's, made it
	}
	return err
}

// networkOptions are a network's settings as Docker takes them.
func networkOptions(n types.NetworkConfig) network.CreateOptions {
	o := network.CreateOptions{
		Driver: n.Driver, Options: n.DriverOpts, Internal: n.Internal, Attachable: n.Attachable,
		EnableIPv4: n.EnableIPv4, EnableIPv6: n.EnableIPv6, Labels: labelled(n.Labels, n.CustomLabels),
	}
	if n.Ipam.Driver != "" || len(n.Ipam.Config) > 0 {
		o.IPAM = &network.IPAM{Driver: n.Ipam.Driver}
		for _, pool := range n.Ipam.Config {
			if pool != nil {
				o.IPAM.Config = append(o.IPAM.Config, network.IPAMConfig{
					Subnet: pool.Subnet, IPRange: pool.IPRange, Gateway: pool.Gateway, AuxAddress: pool.AuxiliaryAddresses,
				})
			}
		}
	}
	return o
}

func labelled(labels ...types.Labels) map[string]string {
	out := map[string]string{}
	for _, l := range labels {
		maps.Copy(out, l)
	}
	return out
}

// removeNetwork removes a network of ours, whose containers are gone.
func (d *daemon) removeNetwork(ctx context.Context, name string) error {
	defer d.seen.touchResources()
	n, err := d.api().NetworkInspect(ctx, name, network.InspectOptions{})
	switch {
	case errdefs.IsNotFound(err), err == nil && n.Name != name: // names are prefixes of IDs to Docker
		return nil
	case err != nil:
		return err
	case n.Labels[compose.LabelManaged] != "true":
		return errors.New("somebody else made it")
	}
	if err := d.api().NetworkRemove(ctx, n.ID); !errdefs.IsNotFound(err) {
		return err
	}
	return nil
}

// createVolume makes a volume; Docker returns one that is there.
func (d *daemon) createVolume(ctx context.Context, name string, svc compose.Service) error {
	defer d.seen.touchResources()
	want, known := svc.Volumes[name]
	if !known {
		return fmt.Errorf("service %s has no volume %s", svc.Name, name)
	}
	_, err := d.api().VolumeCreate(ctx, volume.CreateOptions{
		Name: name, Driver: want.Driver, DriverOpts: want.DriverOpts, Labels: labelled(want.Labels, want.CustomLabels),
	})
	return err
}

// untagged are the machine's images that the daemon has, but not under their
// references: they need no loading. They are few, so they are asked for each time.
func (e *Engine) untagged(ctx context.Context, d *daemon, w wanted, have map[string]string) map[string]string {
	var out map[string]string
	for ref := range w.images {
		system, known, err := e.images.lookUp(ref)
		if err != nil || !known || have[ref] != "" {
			continue
		}
		for _, id := range []string{system.ID, system.Config} {
			facts, err := d.resolve(ctx, id)
			if id == "" || err != nil || facts.id == "" || !system.is(facts) {
				continue // loading it tells what is wrong
			}
			if out == nil {
				out = map[string]string{}
			}
			out[ref] = facts.id
		}
	}
	return out
}

// tag gives an image that the daemon has a reference.
func (d *daemon) tag(ctx context.Context, id, ref string) error {
	defer d.seen.touchImages()
	return d.api().ImageTag(ctx, id, ref)
}

// inject writes the files of a service into its container, which does not run.
// Doing it twice does no harm.
func (d *daemon) inject(ctx context.Context, containerName string, svc compose.Service) error {
	if len(svc.Files) == 0 {
		return nil
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range svc.Files {
		header := tar.Header{
			Name: f.Target, Size: int64(len(f.Content)), Mode: f.Mode, Uid: f.UID, Gid: f.GID, ModTime: time.Unix(0, 0),
		}
		if err := w.WriteHeader(&header); err != nil {
			return fmt.Errorf("cannot write %s: %w", f.Target, err)
		}
		if _, err := w.Write([]byte(f.Content)); err != nil {
			return fmt.Errorf("cannot write %s: %w", f.Target, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("cannot write the files of %s: %w", svc.Name, err)
	}
	return d.api().CopyToContainer(ctx, containerName, "/", &archive, container.CopyToContainerOptions{})
}

// resourceEvents adds the events of networks and volumes that can matter.
func resourceEvents(f filters.Args) {
	f.Add("type", string(events.NetworkEventType))
	f.Add("type", string(events.VolumeEventType))
	f.Add("event", string(events.ActionDisconnect))
}
