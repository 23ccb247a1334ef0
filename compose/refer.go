package compose

import (
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

// target checks a reference to a service that d cannot run without.
func (b *builder) target(d *draft, key, name, hint string) bool {
	pos, at := d.posInList(key, name), d.at.below(key)
	to, ok := b.drafts[name]
	if !ok {
		if near := cloudconfig.Nearest(name, b.order); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		d.fail(pos, at, noSuchService(name), hint)
		return false
	}
	if to == d {
		d.fail(pos, at, "a service cannot refer to itself", "")
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

func (d *draft) need(name string, c Condition, required bool, pos cloudconfig.Pos, cause string) {
	d.svc.Needs = append(d.svc.Needs, Dependency{Service: name, Condition: c, Required: required, Origin: pos, Cause: cause})
}

func (b *builder) referLinks(d *draft) {
	for _, link := range d.svc.Spec.Links {
		name, _, _ := strings.Cut(link, ":")
		if b.target(d, "links", name, "use external_links for a container that is not a service") {
			d.need(name, IsReady, true, d.posInList("links", name), "links")
		}
	}
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
		if _, defined := b.drafts[name]; !defined && isVolumeSet(name) {
			spec.Volumes = addMounts(spec.Volumes, setMounts(name, mode == "ro"))
			continue
		}
		if b.target(d, "volumes_from", name, "write container:NAME for a container that is not a service") {
			from = append(from, entry)
			d.need(name, IsReady, true, d.posInList("volumes_from", name), "volumes_from")
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
		if name, isContainer = strings.CutPrefix(value, types.ContainerPrefix); !isContainer || b.drafts[name] == nil {
			return value
		}
	}
	if b.target(d, key, name, "write container:NAME for a container that is not a service") {
		d.need(name, Started, true, d.tree.posOf(key), key)
	}
	return types.ServicePrefix + name
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
		if b.drafts[name] == nil && !dep.Required {
			d.warn(pos, at, noSuchService(name), didYouMean(name, b.order))
			continue
		}
		if b.target(d, "depends_on", name, "") {
			d.need(name, condition, dep.Required, pos, "depends_on")
		}
	}
	spec.DependsOn = nil
}
