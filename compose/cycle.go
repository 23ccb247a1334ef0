package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// cutCycles reports every dependency cycle, and leaves its services out of the
// project. Orders by label count like all others: whoever wrote them should
// know that they cannot be kept.
func (b *builder) cutCycles() {
	s := search{b: b, state: make(map[string]visit, len(b.order))}
	for _, name := range b.order {
		for s.cycle = nil; s.visit(name); s.cycle = nil {
			b.reportCycle(s.cycle)
			for _, edge := range s.cycle {
				s.state[edge.from.name] = cut
			}
			for _, other := range s.stack { // what is not on the cycle is looked at again
				if s.state[other.from.name] == open {
					delete(s.state, other.from.name)
				}
			}
			s.stack = nil
		}
	}
}

// visit is how far the search is with a service.
type visit int

const (
	unseen visit = iota
	open         // on the way from the service that the search began with
	done         // on no cycle
	cut          // on a cycle that is reported
)

// edge is a service and one of its dependencies.
type edge struct {
	from *draft
	dep  Dependency
}

// search looks for cycles, depth first.
type search struct {
	b     *builder
	state map[string]visit
	stack []edge
	cycle []edge
}

// visit returns true when it found a cycle, which is then in s.cycle; s.stack is
// the way to it.
func (s *search) visit(name string) bool {
	d := s.b.drafts[name]
	if d == nil || d.tree == nil || s.state[name] == done || s.state[name] == cut {
		return false
	}
	if s.state[name] == open {
		from := slices.IndexFunc(s.stack, func(e edge) bool { return e.from == d })
		s.cycle = slices.Clone(s.stack[from:])
		return true
	}
	s.state[name] = open
	for _, dep := range d.svc.Needs {
		s.stack = append(s.stack, edge{d, dep})
		if s.visit(dep.Service) {
			return true
		}
		s.stack = s.stack[:len(s.stack)-1]
	}
	s.state[name] = done
	return false
}

// reportCycle tells a cycle with the position of each of its edges.
func (b *builder) reportCycle(cycle []edge) {
	first := 0
	for i := range cycle {
		if cycle[i].from.name < cycle[first].from.name {
			first = i
		}
	}
	cycle = append(slices.Clone(cycle[first:]), cycle[:first]...)
	names := make([]string, 0, len(cycle)+1)
	edges := make([]string, 0, len(cycle))
	for _, e := range cycle {
		e.from.bad = true
		names = append(names, e.from.name)
		edges = append(edges, fmt.Sprintf("%s waits for %s: %s at %s", e.from.name, e.dep.Service, e.dep.Cause, e.dep.Origin))
	}
	names = append(names, names[0])
	b.report = append(b.report, cloudconfig.Problem{
		Pos:  cycle[0].dep.Origin,
		Path: cycle[0].from.at.String(),
		Msg:  fmt.Sprintf("dependency cycle %s (%s)", strings.Join(names, " → "), strings.Join(edges, "; ")),
		Hint: "remove one of these dependencies",
	})
}
