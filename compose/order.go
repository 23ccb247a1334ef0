package compose

import (
	"maps"
	"slices"
)

// Order returns the names of all services, dependencies first. It is the same
// for the same project.
func (p Project) Order() []string {
	out := make([]string, 0, len(p.Services))
	seen := make(map[string]bool, len(p.Services))
	var visit func(name string)
	visit = func(name string) {
		svc, ok := p.Services[name]
		if !ok || seen[name] {
			return
		}
		seen[name] = true
		for _, dep := range svc.Needs {
			visit(dep.Service)
		}
		out = append(out, name)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		visit(name)
	}
	return out
}

// Dependents returns the names of the services that depend on name themselves,
// sorted.
func (p Project) Dependents(name string) []string {
	var out []string
	for other, svc := range p.Services {
		if slices.ContainsFunc(svc.Needs, func(d Dependency) bool { return d.Service == name }) {
			out = append(out, other)
		}
	}
	slices.Sort(out)
	return out
}
