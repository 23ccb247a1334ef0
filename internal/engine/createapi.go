package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v2/pkg/api"
	dockertypes "github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// composeAPIVersion is the version of Docker's API that Compose is told: it
// remembers the first answer for the whole process, be it an error. Every engine
// that this system runs knows it.
const composeAPIVersion = "1.51"

// createAPI is Docker's API as Compose sees it while it creates one container.
// It answers questions from what is known already, and gives the container its
// name; all else goes to the daemon.
type createAPI struct {
	client.APIClient
	name    string              // of the container to create
	number  int                 // of the replica that it is
	image   map[string]string   // ID by reference
	peers   []container.Summary // containers of the services that this one refers to
	created container.InspectResponse
}

// apiFor is the API for one creation.
func (e *Engine) apiFor(ctx context.Context, d *daemon, step plan.Step, svc compose.Service) (*createAPI, error) {
	a := &createAPI{APIClient: d.api(), name: step.Name, number: max(1, svc.Number), image: map[string]string{}}
	facts, err := d.resolve(ctx, svc.Spec.Image)
	if err != nil {
		return nil, err
	}
	if facts.id != "" {
		a.image[svc.Spec.Image] = facts.id
	}
	for _, name := range referredTo(svc.Spec) {
		found, err := d.containersOf(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			a.peers = append(a.peers, asPeer(s, name, svc))
		}
	}
	return a, nil
}

// asPeer is a container under the name by which another service refers to it,
// and in that one's project.
func asPeer(s container.Summary, name string, of compose.Service) container.Summary {
	labels := maps.Clone(s.Labels)
	labels[api.ServiceLabel] = name
	labels[api.ProjectLabel] = cmp.Or(of.Project, projectName)
	s.Labels = labels
	return s
}

// referredTo are the services whose containers a service names: those it shares
// a namespace or volumes with, and those it links to.
func referredTo(spec types.ServiceConfig) []string {
	var names []string
	for _, mode := range []string{spec.NetworkMode, spec.Ipc, spec.Pid} {
		if name, ok := strings.CutPrefix(mode, types.ServicePrefix); ok {
			names = append(names, name)
		}
	}
	for _, from := range spec.VolumesFrom {
		if name, _, _ := strings.Cut(from, ":"); name != "container" {
			names = append(names, name)
		}
	}
	for _, link := range spec.Links {
		name, _, _ := strings.Cut(link, ":")
		names = append(names, name)
	}
	return names
}

// containersOf lists the container of a service. One that is to replace it, or
// has not been removed yet, does not count while the service has one by its name.
func (d *daemon) containersOf(ctx context.Context, service string) ([]container.Summary, error) {
	found, err := d.api().ContainerList(ctx, container.ListOptions{
		All: true,
		Filters: filters.NewArgs(
			filters.Arg("label", compose.LabelManaged+"=true"),
			filters.Arg("label", compose.LabelService+"="+service),
		),
	})
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		if name(s.Names) == service {
			return []container.Summary{s}, nil
		}
	}
	return found[:min(1, len(found))], nil
}

// ContainerList returns the containers that the service refers to.
func (a *createAPI) ContainerList(_ context.Context, o container.ListOptions) ([]container.Summary, error) {
	var out []container.Summary
	for _, s := range a.peers {
		if o.Filters.MatchKVList("label", s.Labels) {
			out = append(out, s)
		}
	}
	return out, nil
}

// ContainerCreate creates the container under the name it is to have.
func (a *createAPI) ContainerCreate(ctx context.Context, c *container.Config, h *container.HostConfig,
	n *network.NetworkingConfig, p *ocispec.Platform, _ string,
) (container.CreateResponse, error) {
	// Compose leaves them in the order of its maps.
	slices.Sort(c.Env)
	c.Labels[api.ContainerNumberLabel] = strconv.Itoa(a.number)
	slices.Sort(h.Binds)
	slices.SortFunc(h.Mounts, func(a, b mount.Mount) int { return strings.Compare(a.Target, b.Target) })
	r, err := a.APIClient.ContainerCreate(ctx, c, h, n, p, a.name)
	a.created = container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{ID: r.ID, Name: "/" + a.name},
		Config:            c,
		NetworkSettings:   &container.NetworkSettings{},
	}
	return r, err
}

// ContainerInspect answers for the container just created.
func (a *createAPI) ContainerInspect(ctx context.Context, id string) (container.InspectResponse, error) {
	if a.created.ContainerJSONBase != nil && a.created.ID == id {
		return a.created, nil
	}
	return a.APIClient.ContainerInspect(ctx, id)
}

// ImageInspect answers for the service's image.
func (a *createAPI) ImageInspect(ctx context.Context, ref string, o ...client.ImageInspectOption) (image.InspectResponse, error) {
	if id := a.image[ref]; id != "" && len(o) == 0 {
		return image.InspectResponse{ID: id}, nil
	}
	return a.APIClient.ImageInspect(ctx, ref, o...)
}

// ServerVersion answers with a version that Compose may remember.
func (a *createAPI) ServerVersion(context.Context) (dockertypes.Version, error) {
	return dockertypes.Version{APIVersion: composeAPIVersion}, nil
}

// Info answers with what Compose may remember: that this is no swarm.
func (a *createAPI) Info(context.Context) (system.Info, error) {
	info := system.Info{OSType: "linux"}
	info.Swarm.LocalNodeState = "inactive"
	return info, nil
}
