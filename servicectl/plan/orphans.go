package plan

import (
	"slices"
	"strings"
)

// unwanted removes containers of services that nobody wants, those started last
// first: what depends on others was started after them.
func (p *planner) unwanted() {
	for _, group := range p.groupOrphans() {
		name := group[0].owner()
		if p.have.Busy[name] != "" {
			continue
		}
		mem := p.have.Memory[name].about("")
		b := &branch{service: name, scope: group[0].scope}
		for _, c := range group {
			if why := p.spares(&c.Container); why != "" {
				b.waits = []string{why}
			}
			b.discard(c, defaultGrace, "not in the configuration")
		}
		if due := p.sane(mem.NotBefore); due.After(p.now) {
			p.postpone(b, due)
		}
		p.append(b)
	}
}

// owner is the service that a container of ours was made for.
func (c located) owner() string {
	if c.Service == "" {
		return c.Name
	}
	return c.Service
}

// groupOrphans are the containers that nobody wants, by service, the service
// that was started last first.
func (p *planner) groupOrphans() [][]located {
	slices.SortFunc(p.orphans, func(a, b located) int {
		if c := b.Started.Compare(a.Started); c != 0 {
			return c
		}
		return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID)
	})
	at := map[string]int{}
	var out [][]located
	for _, c := range p.orphans {
		i, known := at[c.owner()]
		if !known {
			i = len(out)
			at[c.owner()] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], c)
	}
	return out
}
