package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

var containerName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`) // Docker's own rule

// containers are the names of a service's containers: its own, numbered where
// there are several; as docker compose names them, in a project.
func (d *draft) containers() []string {
	base := d.name
	if d.project != nil {
		if given := d.tree.get("container_name"); given.isScalar() && given.text != "" && d.scale == 1 {
			return []string{given.text}
		}
		base = d.project.name + "-" + d.part
	} else if d.scale == 1 {
		return []string{base}
	}
	names := make([]string, d.scale)
	for i := range names {
		names[i] = base + "-" + strconv.Itoa(i+1)
	}
	return names
}

// nameContainers names the containers, after their services where nothing else
// is written, and finds names that Docker would refuse.
func (b *builder) nameContainers() {
	taken := map[Scope]map[string]string{System: {}, User: {}}
	given := func(d *draft) int { return d.tree.index("container_name") }
	b.each(func(d *draft) { // names of services come first: who takes one is told
		if d.svc.Spec.ContainerName == "" {
			d.svc.Spec.ContainerName = d.name
		}
		if d.project == nil || given(d) < 0 {
			for _, name := range d.containers() {
				b.checkContainerName(d, name, taken[d.svc.Scope], d.svc.Origin, d.at)
			}
		}
	})
	b.each(func(d *draft) {
		if e := given(d); e >= 0 && taken[d.svc.Scope][d.svc.Spec.ContainerName] != d.name {
			b.checkContainerName(d, d.svc.Spec.ContainerName, taken[d.svc.Scope], d.tree.entries[e].pos, d.at.below("container_name"))
		}
	})
}

func (b *builder) checkContainerName(d *draft, name string, taken map[string]string, pos cloudconfig.Pos, at *path) {
	if !containerName.MatchString(name) {
		d.fail(pos, at, fmt.Sprintf("%q cannot be the name of a container", name),
			"use two or more letters, digits, dots, dashes and underscores")
	}
	if other, twice := taken[name]; twice {
		d.fail(pos, at, fmt.Sprintf("the container name %q is already that of service %q", name, other), "")
		return
	}
	taken[name] = d.name
}

// find is the service that another one means by a name: of its own project, where
// it belongs to one.
func (b *builder) find(d *draft, name string) *draft {
	if d.project != nil {
		return b.drafts[d.project.key(name)]
	}
	return b.drafts[name]
}

// known are the names that a service can refer to.
func (b *builder) known(d *draft) []string {
	if d.project == nil {
		return b.order
	}
	return d.project.parts
}

// replica is one container of a service, from 0, as the controller is to keep
// it: other services are those of their containers.
func (b *builder) replica(d *draft, i int) Service {
	svc := d.svc
	svc.Name, svc.Of, svc.Number = d.containers()[i], d.part, i+1
	if d.project != nil {
		svc.Project, svc.File = d.project.name, d.project.path
	}
	if d.project != nil || d.scale > 1 {
		svc.Spec.Name, svc.Spec.ContainerName = svc.Name, svc.Name
	}
	svc.Needs = nil
	for _, dep := range d.svc.Needs {
		to := b.drafts[dep.Service]
		if to == nil || to.inactive {
			svc.Needs = append(svc.Needs, dep)
			continue
		}
		for _, name := range to.containers() {
			each := dep
			each.Service = name
			svc.Needs = append(svc.Needs, each)
		}
	}
	slices.SortFunc(svc.Needs, func(a, b Dependency) int { return strings.Compare(a.Service, b.Service) })
	named := *d
	named.svc = svc
	svc.Hash, svc.Fields = named.fingerprint(b.schema)
	return svc
}
