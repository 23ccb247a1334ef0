package compose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// refer resolves what a service says about others, which makes dependencies.
func (b *builder) refer(d *draft) {
	b.referLinks(d)
	b.referVolumes(d)
	spec := &d.svc.Spec
	spec.NetworkMode = b.referNamespace(d, "network_mode", spec.NetworkMode)
	spec.Pid = b.referNamespace(d, "pid", spec.Pid)
	spec.Ipc = b.referNamespace(d, "ipc", spec.Ipc)
	b.referDependsOn(d)
}

// target checks a reference to a service that d cannot run without. One that may
// yet come is waited for.
func (b *builder) target(d *draft, key, name, hint string) bool {
	pos, at := d.posInList(key, name), d.at.below(key)
	to := b.find(d, name)
	if to == nil && b.opts.Incomplete {
		d.need(name, IsReady, true, pos, key)
		return false
	}
	if to == nil {
		if near := cloudconfig.Nearest(name, b.known(d)); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		d.fail(pos, at, noSuchService(name), hint)
		return false
	}
	if to == d {
		d.fail(pos, at, "a service cannot refer to itself", "")
		return false
	}
	if to.inactive && to.usable() && !d.inactive {
		why := "it has no containers"
		if to.scale > 0 {
			why = "none of its profiles is active"
		}
		d.fail(pos, at, fmt.Sprintf("service %q is not there: %s", name, why), "list a profile of it in rancher.environment.COMPOSE_PROFILES, or remove this")
		return false
	}
	if key != "depends_on" && to.tree != nil && to.svc.Scope != d.svc.Scope {
		d.fail(pos, at, fmt.Sprintf("service %q is in the other Docker (%s)", name, to.svc.Scope),
			fmt.Sprintf("give both the same label %s", LabelScope))
		return false
	}
	return true
}

func noSuchService(name string) string { return fmt.Sprintf("no such service %q", name) }

// need is a dependency on a draft, by its name.
func (d *draft) need(name string, c Condition, required bool, pos cloudconfig.Pos, cause string) {
	d.svc.Needs = append(d.svc.Needs, Dependency{Service: name, Condition: c, Required: required, Origin: pos, Cause: cause})
}

func (b *builder) referLinks(d *draft) {
	links := slices.Clone(d.svc.Spec.Links)
	for i, link := range links {
		name, alias, _ := strings.Cut(link, ":")
		if b.target(d, "links", name, "use external_links for a container that is not a service") {
			to := b.find(d, name)
			d.need(to.name, IsReady, true, d.posInList("links", name), "links")
			if container := to.containers()[0]; container != name {
				links[i] = container + ":" + cmp.Or(alias, name)
			}
		}
	}
	d.svc.Spec.Links = links
}

// referVolumes resolves volumes_from: sets become mounts.
func (b *builder) referVolumes(d *draft) {
	spec := &d.svc.Spec
	var from []string
	for _, entry := range spec.VolumesFrom {
		if strings.HasPrefix(entry, types.ContainerPrefix) {
			from = append(from, entry)
			continue
		}
		name, mode, moded := strings.Cut(entry, ":")
		if moded && mode != "ro" && mode != "rw" {
			d.fail(d.posInList("volumes_from", name), d.at.below("volumes_from"), fmt.Sprintf("unknown mode %q", mode), "modes are ro and rw")
			continue
		}
		if b.find(d, name) == nil && isVolumeSet(name) && d.project == nil {
			more := setMounts(name, mode == "ro")
			if name == mountVolumes {
				more = mountsOf(b.cfg.SharedFolders(), spec.Volumes, mode == "ro")
			}
			spec.Volumes = addMounts(spec.Volumes, more)
			continue
		}
		if b.target(d, "volumes_from", name, "write container:NAME for a container that is not a service") {
			to := b.find(d, name)
			from = append(from, to.containers()[0]+strings.TrimPrefix(entry, name))
			d.need(to.name, IsReady, true, d.posInList("volumes_from", name), "volumes_from")
		}
	}
	spec.VolumesFrom = from
}

// referNamespace resolves the modes service:NAME and container:NAME. RancherOS
// wrote container: before a service's name, which is service: today.
func (b *builder) referNamespace(d *draft, key, value string) string {
	name, isService := strings.CutPrefix(value, types.ServicePrefix)
	if !isService {
		var isContainer bool
		if name, isContainer = strings.CutPrefix(value, types.ContainerPrefix); !isContainer || b.find(d, name) == nil || d.project != nil {
			return value
		}
	}
	if !b.target(d, key, name, "write container:NAME for a container that is not a service") {
		return types.ServicePrefix + name
	}
	to := b.find(d, name)
	d.need(to.name, Started, true, d.tree.posOf(key), key)
	return types.ServicePrefix + to.containers()[0]
}

// referDependsOn makes dependencies of depends_on.
func (b *builder) referDependsOn(d *draft) {
	spec := &d.svc.Spec
	conditions := map[string]Condition{
		types.ServiceConditionStarted:               Started,
		types.ServiceConditionHealthy:               IsReady,
		types.ServiceConditionCompletedSuccessfully: Completed,
	}
	for _, name := range slices.Sorted(maps.Keys(spec.DependsOn)) {
		dep := spec.DependsOn[name]
		pos, at := d.posInList("depends_on", name), d.at.below("depends_on")
		condition, known := conditions[dep.Condition]
		if !known {
			d.fail(pos, at, fmt.Sprintf("unknown condition %q", dep.Condition), didYouMean(dep.Condition, []string{
				types.ServiceConditionStarted, types.ServiceConditionHealthy, types.ServiceConditionCompletedSuccessfully,
			}))
			continue
		}
		to := b.find(d, name)
		switch {
		case to == nil && !dep.Required:
			d.warn(pos, at, noSuchService(name), didYouMean(name, b.known(d)))
		case to != nil && to.inactive && !dep.Required:
		case b.target(d, "depends_on", name, ""):
			d.need(to.name, condition, dep.Required, pos, "depends_on")
		}
	}
	spec.DependsOn = nil
}
