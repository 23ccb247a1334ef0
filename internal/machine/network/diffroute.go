package network

import (
	"net/netip"
	"slices"
)

// mainTable is what routes are in that name no other.
const mainTable = 254

// ipv6Metric is what the kernel makes of a route of IPv6 without a metric.
const ipv6Metric = 1024

// routesOf are the routes that a link is to have, as the kernel will tell them. One
// whose place another has taken is told: replacing each other they would never rest.
func (d *differ) routesOf(w want) []Route {
	var out []Route
	for _, r := range w.Routes {
		if r.Type != "" {
			continue // of no link
		}
		r = normal(r, d.metric(w.Name))
		if r.Via.IsValid() && !reaches(w.Addresses, r.Via) {
			r.OnLink = true // hosts with a /32 and a gateway outside of it
		}
		if d.takePlace(w.Name, r) {
			out = append(out, r)
		}
	}
	return out
}

// takePlace says whether a route has its place to itself: there is one for each
// network, metric and table.
func (d *differ) takePlace(name string, r Route) bool {
	place := Route{To: r.To, Table: r.Table, Metric: r.Metric}
	first, taken := d.places[place]
	switch {
	case !taken:
		d.places[place] = placed{name, r}
		return true
	case !sameRoute(first.Route, r), first.link != name && r.Type == "":
		d.tell("%s cannot have the route %s: %s has %s (give one of them another metric, or a table of its own)",
			name, r, first.link, first.Route)
	}
	return false
}

// metric tells the default routes of several links apart, always the same way.
func (d *differ) metric(name string) int {
	at := 0
	for _, w := range d.wants {
		if w.Name < name {
			at++
		}
	}
	return firstMetric + at
}

// normal fills in what the kernel fills in.
func normal(r Route, metric int) Route {
	r.To = r.To.Masked()
	if r.Table == mainTable {
		r.Table = 0
	}
	switch {
	case r.Metric == 0 && r.To.Bits() == 0 && r.Via.IsValid() && r.Table == 0 && metric != 0:
		r.Metric = metric
	case r.Metric == 0 && r.To.Addr().Is6():
		r.Metric = ipv6Metric
	}
	return r
}

// sameRoute says whether two routes are one, as far as the kernel tells.
func sameRoute(a, b Route) bool {
	return sameKey(a, b) && a.Via == b.Via && a.From == b.From && a.MTU == b.MTU && a.Type == b.Type
}

// sameKey says whether the kernel has only one of two routes.
func sameKey(a, b Route) bool {
	return a.To == b.To && a.Table == b.Table && a.Metric == b.Metric
}

// addRoutes adds what is missing. A route of ours that is to lead elsewhere is
// replaced: there is no moment without it.
func (d *differ) addRoutes(w want, l link, routes []Route) {
	have := d.routes(l)
	for _, r := range routes {
		is := func(same func(a, b Route) bool) bool {
			return slices.ContainsFunc(have, func(f foundRoute) bool { return f.Origin == ours && same(f.Route, r) })
		}
		switch {
		case is(sameRoute):
		case is(sameKey):
			d.step(w, Step{Verb: ReplaceRoute, What: r.String(), route: r})
		default:
			d.step(w, Step{Verb: AddRoute, What: r.String(), route: r})
		}
	}
}

func (d *differ) routes(l link) []foundRoute {
	if l.missing {
		return nil
	}
	return d.have.Routes[l.oldName()]
}

// removeRoutes takes away our routes that are not wanted, and those of DHCP and
// of routers where they are not asked any more.
func (d *differ) removeRoutes(w want, l link, routes []Route) {
	for _, f := range d.routes(l) {
		cause := w.Cause
		switch f.Origin {
		case ours:
			if slices.ContainsFunc(routes, func(r Route) bool { return sameKey(r, f.Route) }) {
				continue // is right, or was replaced
			}
			cause = notWanted
		case fromDHCP:
			if w.DHCP && !w.Lease.NoRoutes {
				continue
			}
		case fromRA:
			if w.AcceptRA == nil || *w.AcceptRA {
				continue
			}
		}
		d.step(w, Step{Verb: RemoveRoute, What: f.String(), route: f.Route, Cause: cause})
	}
}

// machineRoutes are those that lead nowhere, and so through no link.
func (d *differ) machineRoutes() {
	var wanted []Route
	var all want
	for _, w := range d.wants {
		for _, r := range w.Routes {
			if r.Type != "" {
				if r = normal(r, 0); d.takePlace(w.Name, r) {
					wanted, all.Cause = append(wanted, r), w.Cause
				}
			}
		}
	}
	there := link{}
	d.addRoutes(all, there, wanted)
	all.Cause = notWanted
	d.removeRoutes(all, there, wanted)
}

// rules compares the rules for which table is used.
func (d *differ) rules() {
	var wanted []Rule
	for _, w := range d.wants {
		for _, r := range w.Rules {
			r = r.normal()
			if slices.ContainsFunc(wanted, r.same) {
				continue
			}
			wanted = append(wanted, r)
			if !slices.ContainsFunc(d.have.Rules, r.same) {
				d.step(want{Cause: w.Cause}, Step{Verb: AddRule, What: r.String(), rule: r})
			}
		}
	}
	for _, r := range d.have.Rules {
		if !slices.ContainsFunc(wanted, func(o Rule) bool { return o.same(r) }) {
			d.step(want{Cause: notWanted}, Step{Verb: RemoveRule, What: r.String(), rule: r})
		}
	}
}

// normal is a rule as the kernel tells it: a network that has all addresses is
// none. Of a rule for all packets of IPv6, ::/0 is left to tell the family.
func (r Rule) normal() Rule {
	ipv6 := r.From.Addr().Is6() || r.To.Addr().Is6()
	if r.From.Bits() <= 0 {
		r.From = netip.Prefix{}
	}
	if r.To.Bits() <= 0 {
		r.To = netip.Prefix{}
	}
	if ipv6 && !r.From.IsValid() && !r.To.IsValid() {
		r.From = everywhere(netip.IPv6Unspecified())
	}
	return r
}

// same says whether a rule that the kernel has is this one; it chooses a
// priority for one that has none.
func (r Rule) same(have Rule) bool {
	if r.Priority == 0 {
		have.Priority = 0
	}
	return r == have
}
