package compose

import (
	"cmp"
	"fmt"
	"slices"
)

// The services that others depend on without saying so.
const (
	serviceDocker = "docker"
	serviceSyslog = "syslog"
)

// connect adds the dependencies of labels, and those that nobody writes.
func (b *builder) connect() {
	b.each(func(d *draft) {
		if d.svc.Scope == User && d.name != serviceDocker {
			d.need(serviceDocker, IsReady, true, d.svc.Origin, "scope user")
		}
		logging := d.svc.Spec.Logging
		if logging != nil && logging.Driver == "syslog" && d.name != serviceSyslog && b.drafts[serviceSyslog] != nil {
			d.need(serviceSyslog, IsReady, false, d.tree.posOf("logging"), "log driver syslog")
		}
		for _, to := range b.ordered(d, LabelAfter) {
			d.need(to.name, IsReady, false, d.labelPos(LabelAfter), "label "+LabelAfter)
		}
		for _, to := range b.ordered(d, LabelBefore) {
			to.need(d.name, IsReady, false, d.labelPos(LabelBefore), "label "+LabelBefore)
		}
	})
	b.checkDocker()
}

// checkDocker warns, once, when services need a User Docker that nobody defines.
func (b *builder) checkDocker() {
	if b.drafts[serviceDocker] != nil {
		return
	}
	for _, name := range b.order {
		if d := b.drafts[name]; d.usable() && !d.inactive && d.svc.Scope == User {
			d.warn(d.svc.Origin, d.at, "needs User Docker: "+noSuchService(serviceDocker),
				fmt.Sprintf("define it, or set the label %s to system", LabelScope))
			return
		}
	}
}

// notHere are names that RancherOS's services could order themselves by, and
// that are no services here: their work is done before any service starts.
var notHere = []string{"cloud-init", "cloud-init-execute", "cloud-init-save"}

// ordered are the services that an ordering label names. Unknown ones are
// ignored, as RancherOS did, but not quietly.
func (b *builder) ordered(d *draft, label string) []*draft {
	var out []*draft
	for _, name := range list(d.svc.Spec.Labels[label]) {
		to := b.find(d, name)
		if to == nil {
			to = b.drafts[name] // one of the machine's
		}
		switch {
		case to != nil:
			out = append(out, to)
		case slices.Contains(notHere, name) || isVolumeSet(name):
		default:
			d.warn(d.labelPos(label), d.at.below("labels"), label+": "+noSuchService(name), didYouMean(name, b.known(d)))
		}
	}
	return out
}

// merged is needs with one dependency for each service, sorted by name: the
// strongest condition, required if one of them is, and the cause of that one.
func merged(needs []Dependency) []Dependency {
	slices.SortStableFunc(needs, func(a, b Dependency) int {
		return cmp.Or(
			cmp.Compare(a.Service, b.Service),
			cmp.Compare(rank(b), rank(a)),
		)
	})
	var out []Dependency
	for _, dep := range needs {
		if last := len(out) - 1; last >= 0 && out[last].Service == dep.Service {
			if strength[dep.Condition] > strength[out[last].Condition] {
				out[last].Condition = dep.Condition
			}
			continue
		}
		out = append(out, dep)
	}
	return out
}

var strength = map[Condition]int{Started: 0, IsReady: 1, Completed: 2}

// rank orders the causes of one dependency, the strongest highest.
func rank(d Dependency) int {
	r := strength[d.Condition]
	if d.Required {
		r += len(strength)
	}
	return r
}
