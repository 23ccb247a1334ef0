package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/errdefs"
	"github.com/docker/compose/v2/pkg/api"
	composelib "github.com/docker/compose/v2/pkg/compose"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// projectName is the compose project that all containers of the machine belong
// to.
const projectName = "ros"

// create makes the service's container under the step's name, unless it is
// there. In the common case the daemon sees one call.
func (e *Engine) create(ctx context.Context, d *daemon, step plan.Step, svc compose.Service) error {
	project, err := projectOf(svc)
	if err != nil {
		return err
	}
	api, err := e.apiFor(ctx, d, step, svc)
	if err != nil {
		return err
	}
	library := composelib.NewComposeService(composeCLI{DockerCli: e.cli, api: api})
	err = library.Create(ctx, project, creation(svc.Name))
	if errdefs.IsConflict(err) && d.belongs(ctx, step.Name, svc.Name, svc.Hash) {
		err = nil // an earlier try of this step made it
	}
	if err != nil {
		return err
	}
	return d.inject(ctx, step.Name, svc)
}

// creation asks for containers, whatever else there is in the project.
func creation(service string) api.CreateOptions {
	return api.CreateOptions{
		Services:             []string{service},
		IgnoreOrphans:        true,
		Recreate:             api.RecreateNever,
		RecreateDependencies: api.RecreateNever,
		QuietPull:            true,
	}
}

// belongs says whether a container has a name and is a service's, made by its
// configuration of this hash; of any, when the hash is empty.
func (d *daemon) belongs(ctx context.Context, name, service, hash string) bool {
	r, err := d.api().ContainerInspect(ctx, name)
	if err != nil {
		return false
	}
	c := fromInspect(r)
	return c.Managed && c.Name == name && c.Service == service && (hash == "" || c.Hash == hash)
}

// projectOf is a compose project of one service. Compose changes what it is
// given, so it is given a copy.
func projectOf(svc compose.Service) (*types.Project, error) {
	spec, err := specOf(svc)
	if err != nil {
		return nil, err
	}
	project := &types.Project{
		Name:        cmp.Or(svc.Project, projectName),
		WorkingDir:  "/",
		Environment: types.Mapping{},
		Services:    types.Services{svc.Name: spec},
		Networks:    types.Networks{},
		Volumes:     types.Volumes{},
		Secrets:     types.Secrets{},
		Configs:     types.Configs{},
	}
	// Whoever made them, they are there: steps of their own make them.
	for key := range spec.Networks {
		project.Networks[key] = types.NetworkConfig{Name: key, External: true}
	}
	for name := range svc.Volumes {
		project.Volumes[name] = types.VolumeConfig{Name: name, External: true}
	}
	return project.WithServicesEnabled() // of no more services: a deep copy
}

// specOf is the service as Compose creates it: what the controller does itself,
// or has done already, is taken out.
func specOf(svc compose.Service) (types.ServiceConfig, error) {
	spec := svc.Spec
	if spec.Provider != nil {
		return spec, errors.New("a provider is not a container")
	}
	if spec.Image == "" {
		return spec, errors.New("it has no image")
	}
	labels, err := labelsOf(svc)
	if err != nil {
		return spec, err
	}
	one := 1
	spec.Name = svc.Name
	spec.ContainerName = svc.Name
	spec.CustomLabels = labels
	spec.Restart = types.RestartPolicyNo
	spec.PullPolicy = types.PullPolicyNever
	spec.Build = nil
	spec.DependsOn = nil
	spec.Profiles = nil
	spec.Scale = &one
	if spec.Environment == nil {
		spec.Environment = types.MappingWithEquals{}
	}
	if spec.Deploy != nil {
		deploy := *spec.Deploy
		deploy.RestartPolicy, deploy.Replicas = nil, nil
		spec.Deploy = &deploy
	}
	if spec.NetworkMode == "" && onDefaultNetwork(spec.Networks) {
		spec.NetworkMode = "bridge"
	}
	if spec.NetworkMode != "" {
		spec.Networks = nil
	}
	return spec, nil
}

// onDefaultNetwork says whether a service names no network but the one that
// compose gives to all that name none. Here that is Docker's own.
func onDefaultNetwork(networks map[string]*types.ServiceNetworkConfig) bool {
	config, ok := networks["default"]
	return len(networks) == 0 || len(networks) == 1 && ok && config == nil
}

// labelsOf are the labels that the controller knows its containers by, and those
// that Compose does.
func labelsOf(svc compose.Service) (types.Labels, error) {
	fields, err := json.Marshal(svc.Fields)
	if err != nil {
		return nil, fmt.Errorf("cannot write the label %s: %w", compose.LabelFields, err)
	}
	labels := types.Labels{
		api.ProjectLabel: cmp.Or(svc.Project, projectName),
		api.ServiceLabel: cmp.Or(svc.Of, svc.Name),
		api.OneoffLabel:  "False",
	}
	if svc.File != "" {
		labels[api.ConfigFilesLabel] = svc.File
		labels[api.WorkingDirLabel] = path.Dir(svc.File)
	}
	maps.Copy(labels, types.Labels{
		compose.LabelManaged: "true",
		compose.LabelService: svc.Name,
		compose.LabelHash:    svc.Hash,
		compose.LabelFields:  string(fields),
		compose.LabelScope:   string(svc.Scope),
	})
	return labels, nil
}
