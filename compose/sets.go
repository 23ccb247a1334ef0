package compose

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// volumeSets are RancherOS's volume holders. There they were containers; here
// "volumes_from: [system-volumes]" stands for these mounts, unless the
// configuration defines a service of that name.
var volumeSets = map[string][]string{
	"command-volumes": {
		"/usr/bin/ros:/usr/bin/ros:ro",
		"/usr/bin/ros:/usr/bin/system-docker:ro",
		"/usr/bin/ros:/sbin/halt:ro",
		"/usr/bin/ros:/sbin/poweroff:ro",
		"/usr/bin/ros:/sbin/reboot:ro",
		"/usr/bin/ros:/sbin/shutdown:ro",
	},
	"system-volumes": {
		"/dev:/host/dev",
		"/etc/docker:/etc/docker",
		"/etc/hosts:/etc/hosts",
		"/etc/resolv.conf:/etc/resolv.conf",
		"/etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt.rancher:ro",
		"/lib/firmware:/lib/firmware",
		"/lib/modules:/lib/modules",
		"/run:/run",
		"/run:/var/run", // a link to /run on the machine
		"/usr/share/ros:/usr/share/ros",
		"/var/lib/rancher:/var/lib/rancher",
		"/var/lib/rancher/cache:/var/lib/rancher/cache",
		"/var/lib/rancher/conf:/var/lib/rancher/conf",
		"/var/log:/var/log",
	},
	"container-data-volumes": {
		"/var/lib/docker:/var/lib/docker",
	},
	"user-volumes": {
		"/home:/home",
		"/opt:/opt",
		"/var/lib/kubelet:/var/lib/kubelet:shared",
	},
	"media-volumes": {
		"/media:/media:shared",
		"/mnt:/mnt:shared",
	},
}

// mountVolumes stands for the folders at which the configuration mounts something,
// or has files and homes, as far as the service does not see them in folders of its
// own: what comes there later is seen too. Console and User Docker have it.
const mountVolumes = "mount-volumes"

// allVolumes stands for all sets.
const allVolumes = "all-volumes"

var allSets = []string{"container-data-volumes", "command-volumes", "media-volumes", "user-volumes", "system-volumes"}

// isVolumeSet says whether a name stands for mounts when no service has it.
func isVolumeSet(name string) bool {
	_, ok := volumeSets[name]
	return ok || name == allVolumes || name == mountVolumes
}

// setMounts are the mounts of a set; readOnly makes all of them so.
func setMounts(name string, readOnly bool) []types.ServiceVolumeConfig {
	names := []string{name}
	if name == allVolumes {
		names = allSets
	}
	var mounts []types.ServiceVolumeConfig
	for _, n := range names {
		for _, mount := range volumeSets[n] {
			source, rest, _ := strings.Cut(mount, ":")
			target, option, _ := strings.Cut(rest, ":")
			m := types.ServiceVolumeConfig{
				Type:     types.VolumeTypeBind,
				Source:   source,
				Target:   target,
				ReadOnly: readOnly || option == "ro",
				Bind:     &types.ServiceVolumeBind{CreateHostPath: true},
			}
			if option == types.PropagationShared {
				m.Bind.Propagation = option
			}
			mounts = append(mounts, m)
		}
	}
	return mounts
}

// mountsOf are the mounts of mount-volumes, for a service with some volumes.
func mountsOf(folders []string, volumes []types.ServiceVolumeConfig, readOnly bool) []types.ServiceVolumeConfig {
	var out []types.ServiceVolumeConfig
	for _, folder := range folders {
		seen := func(v types.ServiceVolumeConfig) bool {
			return v.Source == v.Target && v.Bind != nil && strings.Contains(v.Bind.Propagation, types.PropagationShared) &&
				(folder == v.Target || strings.HasPrefix(folder, v.Target+"/"))
		}
		if slices.ContainsFunc(volumes, seen) || slices.ContainsFunc(out, seen) {
			continue
		}
		out = append(out, types.ServiceVolumeConfig{
			Type: types.VolumeTypeBind, Source: folder, Target: folder, ReadOnly: readOnly,
			Bind: &types.ServiceVolumeBind{CreateHostPath: true, Propagation: types.PropagationRShared},
		})
	}
	return out
}

// addMounts appends those of more whose targets are still free: what a service
// mounts itself counts, then earlier sets.
func addMounts(volumes, more []types.ServiceVolumeConfig) []types.ServiceVolumeConfig {
	taken := make(map[string]bool, len(volumes)+len(more))
	for _, v := range volumes {
		taken[v.Target] = true
	}
	for _, v := range more {
		if !taken[v.Target] {
			taken[v.Target] = true
			volumes = append(volumes, v)
		}
	}
	return volumes
}
