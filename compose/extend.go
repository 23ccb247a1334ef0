package compose

import (
	"fmt"
	"slices"

	"github.com/ros-os/ros/cloudconfig"
)

// extension is what a service says that it extends.
type extension struct {
	service string
	pos     cloudconfig.Pos
	done    bool
}

// takeExtends takes the key extends out of a definition: the name of a service of
// the same file, or a map with it.
func (d *draft) takeExtends(t *tree) {
	e, ok := t.take("extends")
	if !ok {
		return
	}
	at := d.at.below("extends")
	name := e.value
	if e.value.isMap() {
		name = e.value.get("service")
		if file := e.value.get("file"); file != nil {
			d.fail(file.pos, at.below("file"), "a service of another file cannot be extended", "put it into this file")
			return
		}
	}
	if name.isNull() || !name.isScalar() {
		d.fail(e.pos, at, "expected the name of a service", `write "service: NAME"`)
		return
	}
	d.base = &extension{service: name.text, pos: e.pos}
}

// extend lays services over those that they extend.
func (b *builder) extend() {
	b.each(func(d *draft) { b.extendOne(d, nil) })
}

func (b *builder) extendOne(d *draft, way []*draft) {
	if d.base == nil || d.base.done {
		return
	}
	d.base.done = true
	at := d.at.below("extends")
	from := b.find(d, d.base.service)
	switch {
	case from == nil:
		d.fail(d.base.pos, at, noSuchService(d.base.service), didYouMean(d.base.service, b.known(d)))
		return
	case from == d || slices.Contains(way, from):
		d.fail(d.base.pos, at, fmt.Sprintf("service %q extends itself", d.base.service), "remove one of the keys extends")
		return
	case from.tree == nil:
		d.bad = true // what is wrong there is told
		return
	}
	b.extendOne(from, append(way, d))
	d.bad = d.bad || from.bad
	d.tree = inherit(from.tree, d.tree)
	d.svc.Written = joinedSum(from.svc.Written, d.svc.Written)
}

// appended are the lists of a service to which one that extends it adds.
var appended = []string{
	"cap_add", "cap_drop", "configs", "depends_on", "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search",
	"env_file", "expose", "external_links", "extra_hosts", "group_add", "links", "networks", "ports", "secrets",
	"security_opt", "tmpfs", "volumes", "volumes_from",
}

// inherit is a service over the one that it extends: maps are laid over each
// other key by key, lists that are collections are joined, and all else is the
// service's own where it is written. Neither is changed.
func inherit(base, own *tree) *tree {
	both := &tree{node: own.node, pos: own.pos, entries: slices.Clone(base.entries)}
	for _, e := range own.entries {
		i := both.index(e.key)
		if i < 0 {
			both.entries = append(both.entries, e)
			continue
		}
		lower := both.entries[i].value
		switch {
		case e.key == "environment" || e.key == "labels", slices.Contains(appended, e.key) && (lower.isMap() || e.value.isMap()):
			lower, e.value = lower.pairs(), e.value.pairs()
			e.value = overlay(lower, e.value)
		case slices.Contains(appended, e.key) && lower.isList() && e.value.isList():
			e.value = &tree{node: e.value.node, pos: e.value.pos, items: append(slices.Clone(lower.items), e.value.items...)}
		default:
			e.value = overlay(lower, e.value)
		}
		both.entries[i] = e
	}
	return both
}
