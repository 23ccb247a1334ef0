//go:build dockerd

package torture_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/ros-os/ros/compose"
)

var (
	volumeList  volume.ListOptions
	networkList network.ListOptions
)

func predefined(network string) bool {
	return network == "bridge" || network == "host" || network == "none"
}

// wrong says how both daemons differ from what is wanted: a container for every
// service and no other, no volume lost, nothing left over. It asks the daemons
// themselves.
func (r *rig) wrong(ctx context.Context, want compose.Project) error {
	var err error
	for _, scope := range scopes {
		err = errors.Join(err, r.wrongContainers(ctx, scope, want),
			r.wrongVolumes(ctx, scope, want), r.wrongNetworks(ctx, scope, want))
	}
	return err
}

func (r *rig) wrongContainers(ctx context.Context, scope compose.Scope, want compose.Project) error {
	all, err := r.docker[scope].ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return err
	}
	missing := map[string]bool{}
	for name, svc := range want.Services {
		if svc.Scope == scope {
			missing[name] = true
		}
	}
	for _, c := range all {
		name := strings.TrimPrefix(c.Names[0], "/")
		svc, wanted := want.Services[name]
		state, exit := "running", "Up "
		if svc.OneShot {
			state, exit = "exited", "Exited (0)"
		}
		switch {
		case !wanted || svc.Scope != scope:
			err = errors.Join(err, fmt.Errorf("%s: container %s (%s) is not wanted", scope, name, c.Status))
		case c.Labels[compose.LabelHash] != svc.Hash:
			err = errors.Join(err, fmt.Errorf("%s: container %s is outdated", scope, name))
		case c.State != state || !strings.HasPrefix(c.Status, exit):
			err = errors.Join(err, fmt.Errorf("%s: container %s is %s (%s)", scope, name, c.State, c.Status))
		}
		delete(missing, name)
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		err = errors.Join(err, fmt.Errorf("%s: no container %s", scope, name))
	}
	return err
}

// wrongVolumes marks every new volume, and misses those that were marked.
func (r *rig) wrongVolumes(ctx context.Context, scope compose.Scope, want compose.Project) error {
	have, err := r.docker[scope].VolumeList(ctx, volumeList)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, svc := range want.Services {
		for _, v := range svc.Spec.Volumes {
			if svc.Scope == scope && v.Type == "volume" {
				wanted[v.Source] = true
			}
		}
	}
	there := map[string]bool{}
	for _, v := range have.Volumes {
		key := string(scope) + " " + v.Name
		there[key] = true
		delete(wanted, v.Name)
		file := filepath.Join(r.daemons[scope].Inside("data"), "volumes", v.Name, "_data", "kept")
		mark, known := r.kept[key]
		if !known {
			mark = v.CreatedAt
			r.kept[key] = mark
			err = errors.Join(err, os.WriteFile(file, []byte(mark), 0o600))
		}
		text, missing := os.ReadFile(file)
		if missing != nil || string(text) != mark || v.CreatedAt != mark {
			err = errors.Join(err, fmt.Errorf("volume %s lost its data: %q is not %q (%w)", key, text, mark, missing))
		}
	}
	for key := range r.kept {
		if strings.HasPrefix(key, string(scope)+" ") && !there[key] {
			err = errors.Join(err, fmt.Errorf("volume %s is lost", key))
		}
	}
	for name := range wanted {
		err = errors.Join(err, fmt.Errorf("%s: no volume %s", scope, name))
	}
	return err
}

func (r *rig) wrongNetworks(ctx context.Context, scope compose.Scope, want compose.Project) error {
	have, err := r.docker[scope].NetworkList(ctx, networkList)
	if err != nil {
		return err
	}
	count := map[string]int{}
	for _, svc := range want.Services {
		for key := range svc.Spec.Networks {
			name := svc.Networks[key].Name
			if name == "" {
				name = "ros_" + key
			}
			if svc.Scope == scope {
				count[name] = 1
			}
		}
	}
	for _, n := range have {
		if !predefined(n.Name) {
			count[n.Name]--
		}
	}
	for name, n := range count {
		if n != 0 {
			err = errors.Join(err, fmt.Errorf("%s: %d networks %s too few", scope, n, name))
		}
	}
	return err
}
