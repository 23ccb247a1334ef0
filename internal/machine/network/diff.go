package network

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// notWanted is the cause of what is taken back.
const notWanted = "the configuration has it no more"

// applied is what the configuration gave a link, so that it can be taken back
// without touching what others gave it.
type applied struct {
	Want  want `json:"want"`
	Index int  `json:"index"` // a link that is plugged in again has another
	// Made says that the link is a device which this service made.
	Made bool `json:"made,omitempty"`
	// Was is the name that the link had before it was given its own; "" when it has
	// the one that it came with.
	Was string `json:"was,omitempty"`
	// MTU is what the link had before it was given another; 0 when it was not.
	MTU int `json:"mtu,omitempty"`
	// Endpoints are those of a tunnel's peers, as they were written, by public key.
	Endpoints map[string]string `json:"endpoints,omitempty"`
	// Owed are addresses that were given, are wanted no more, and could not be taken
	// back yet.
	Owed []netip.Prefix `json:"owed,omitempty"`
}

// before is what the link was given, with what there is still to take back.
func (a applied) before() want {
	w := a.Want
	w.Addresses = append(slices.Clone(w.Addresses), a.Owed...)
	return w
}

// byName are those of the links that are there, by the names that they have now.
func byName(given map[string]applied, links []link) map[string]applied {
	now := map[string]applied{}
	for _, l := range links {
		for _, g := range given {
			if g.Index == l.Index && l.Index != 0 {
				now[l.Name] = g
			}
		}
	}
	return now
}

// differ compares; it has what the comparisons of all links need.
type differ struct {
	desired
	have  actual
	given map[string]applied // by link
	steps []Step
	// promoted are the links that keep their addresses when the first one goes.
	promoted map[string]bool
	// sizes are those of packets, of the links that were looked at, once the steps are made.
	sizes map[string]int
	// places are those of the routes: network, table and metric alone.
	places map[Route]placed
}

// placed is a route of a link.
type placed struct {
	link string
	Route
}

// diff is what there is to do, between the settings and what the kernel has.
// given is what was done before. It is pure, and touches only what differs: an
// interface that no entry names is left alone, as is an address or a route that
// somebody else gave to a link whose addresses are not the configuration's.
func diff(settings Settings, have actual, given map[string]applied) (Plan, []want) {
	d := differ{desired: desire(settings.documents(), have.Links, given), have: have, promoted: map[string]bool{}, places: map[Route]placed{}, sizes: map[string]int{}}
	d.given = byName(given, d.links)
	d.renamesFirst()
	for _, m := range d.devices {
		d.device(m)
	}
	d.loopback()
	for _, w := range d.wants {
		d.before(w)
	}
	for _, w := range d.wants {
		d.link(w)
	}
	for _, m := range d.devices {
		if d.want(m.Name) == nil && m.Kind == Vlan {
			d.mtu(want{Name: m.Name, Cause: m.cause}, d.find(m.Name), false)
		}
	}
	d.machineRoutes()
	d.rules()
	d.released()
	for _, w := range d.wants {
		if len(w.PostUp) > 0 && d.fresh(w) {
			d.step(w, Step{Verb: RunCommands, What: "post_up", lines: w.PostUp})
		}
	}
	return Plan{Steps: d.steps, Problems: d.problems}, d.wants
}

func (d *differ) step(w want, s Step) {
	if s.Link = w.Name; s.Cause == "" {
		s.Cause = w.Cause
	}
	d.steps = append(d.steps, s)
}

// renamesFirst renames links. One that goes to a name that is still taken gets a
// name in between.
func (d *differ) renamesFirst() {
	var second []Step
	for i, r := range d.renames {
		from := r.from
		if slices.ContainsFunc(d.renames[i:], func(o rename) bool { return o.from == r.to }) {
			between := d.nameBetween()
			d.steps = append(d.steps, Step{Verb: Rename, Link: from, What: between, Cause: r.cause, value: between})
			second = append(second, Step{Verb: Rename, Link: between, What: r.to, Cause: r.cause, value: r.to})
			continue
		}
		d.steps = append(d.steps, Step{Verb: Rename, Link: from, What: r.to, Cause: r.cause, value: r.to})
	}
	d.steps = append(d.steps, second...)
	for _, r := range d.renames { // it was set down for that
		d.find(r.to).Up = false
	}
}

// nameBetween is a name that nobody has: a run that was killed may have left one.
func (d *differ) nameBetween() string {
	for n := 0; ; n++ {
		name := "ros-" + strconv.Itoa(n)
		_, taken := d.have.link(name)
		if !taken && d.find(name) == nil && !slices.ContainsFunc(d.steps, func(s Step) bool { return s.value == name }) {
			return name
		}
	}
}

// device makes a device, or makes it anew when what differs cannot be changed.
func (d *differ) device(m making) {
	l := d.find(m.Name)
	w := want{Name: m.Name, Cause: m.cause}
	if !l.missing && d.mustBeAnew(m, l) {
		d.step(w, Step{Verb: Remove, What: string(m.Kind), Cause: m.cause + ", which changes what cannot be changed"})
		d.gone(m.Name)
	}
	changes := m.Options
	if l.missing {
		dev := m.Device
		d.step(w, Step{Verb: Make, What: describe(dev), device: &dev})
		if m.Kind == Bond {
			changes = nil // made with them
		}
	} else {
		changes = optionChanges(m, *l)
	}
	if len(changes) > 0 {
		d.step(w, Step{Verb: Configure, What: optionText(changes), device: &m.Device, options: changes})
	}
	if m.Kind == Wireguard && (l.missing || !sameTunnel(m.Tunnel, l.Tunnel) || d.moved(m)) {
		d.step(w, Step{Verb: Configure, What: "tunnel", device: &m.Device})
	}
}

// moved says whether a peer of a tunnel is written to be elsewhere than before.
func (d *differ) moved(m making) bool {
	g := d.given[m.Name]
	return g.Index == d.index(m.Name) && g.Endpoints != nil && !maps.Equal(g.Endpoints, m.Tunnel.written())
}

func (d *differ) mustBeAnew(m making, l *link) bool {
	switch m.Kind {
	case Bond:
		_, anew := bondChanges(m.Options, l.Bond)
		return anew
	case Vlan:
		return l.Parent != m.Parent || l.VlanID != m.ID
	case Bridge, Dummy, Wireguard:
	}
	return false
}

// gone notes that a link will have nothing of what it has, since it is made
// anew, and with it the VLANs on it.
func (d *differ) gone(name string) {
	for i := range d.links {
		l := &d.links[i]
		if l.Master == name {
			if l.Master = ""; d.isBond(name) { // it lets its ports go down, with the size that they had
				l.Up, l.MTU = false, 0
			}
		}
		if l.Kind == "vlan" && l.Parent == name && !l.missing {
			l.missing = true
			d.gone(l.Name)
		}
	}
	if l := d.find(name); l != nil {
		*l = link{Name: l.Name, Kind: l.Kind, Parent: l.Parent, VlanID: l.VlanID, missing: true}
	}
}

func describe(dev Device) string {
	switch dev.Kind {
	case Vlan:
		return fmt.Sprintf("vlan %d on %s", dev.ID, dev.Parent)
	case Bond, Bridge, Dummy, Wireguard:
	}
	return string(dev.Kind)
}

// optionChanges are the options that a device has otherwise.
func optionChanges(m making, l link) map[string]string {
	changes := map[string]string{}
	switch m.Kind {
	case Bond:
		changes, _ = bondChanges(m.Options, l.Bond)
	case Bridge:
		for name, value := range m.Options {
			if have, known := l.Options[name]; known && have != value {
				changes[name] = value
			}
		}
	case Vlan, Dummy, Wireguard:
	}
	return changes
}

func optionText(options map[string]string) string {
	var words []string
	for _, name := range sortedKeys(options) {
		words = append(words, name+"="+options[name])
	}
	return strings.Join(words, " ")
}

func (d *differ) loopback() {
	for _, l := range d.links {
		if l.Loopback && !l.Up {
			d.step(want{Name: l.Name, Cause: "every machine has it"}, Step{Verb: SetUp})
			d.find(l.Name).Up = true
		}
	}
}

// fresh says whether a link was not yet given what it is to have: then its
// commands have not run.
func (d *differ) fresh(w want) bool {
	return !d.given[w.Name].isFor(w, d.index(w.Name))
}

// index is the kernel's number of a link, 0 for one that is to be made.
func (d *differ) index(name string) int {
	if l := d.find(name); l != nil && !l.missing {
		return l.Index
	}
	return 0
}

// earlier is what a link was given before, the zero value when nothing.
func (d *differ) earlier(name string) want {
	if g := d.given[name]; g.Index != 0 && g.Index == d.index(name) {
		return g.before()
	}
	return want{}
}

// before is what comes before a link is set up.
func (d *differ) before(w want) {
	before := d.earlier(w.Name)
	switch {
	case w.byDHCPCD() && (!before.byDHCPCD() || before.Name != w.Name):
		d.step(w, Step{Verb: StartDHCP})
	case !w.byDHCPCD() && before.byDHCPCD():
		d.step(w, Step{Verb: StopDHCP, Cause: notWanted})
	}
	if len(w.PreUp) > 0 && d.fresh(w) {
		d.step(w, Step{Verb: RunCommands, What: "pre_up", lines: w.PreUp})
	}
}

// released takes back what links have that the configuration names no more.
func (d *differ) released() {
	for _, name := range slices.Sorted(maps.Keys(d.given)) {
		g, l := d.given[name], d.find(name)
		if d.want(name) != nil || l == nil || l.missing || l.Index != g.Index || g.Index == 0 {
			continue
		}
		w := want{Name: name, Cause: notWanted}
		if g.Want.byDHCPCD() {
			d.step(w, Step{Verb: StopDHCP})
		}
		if g.Want.Master != "" && l.Master == g.Want.Master {
			d.step(w, Step{Verb: Leave, What: l.Master})
		}
		if !g.Made {
			d.mtu(w, l, false)
		}
		d.sysctl(w, l)
		d.removeRoutes(w, *l, nil)
		if before := g.before(); before.addressed() {
			d.removeAddresses(w, *l, before)
		}
	}
	d.abandoned()
}

// abandoned removes the devices that this service made and the configuration
// names no more, those that stand on others first. One that somebody else has put
// a port or a VLAN on stays: that one is still used.
func (d *differ) abandoned() {
	var last []Step
	for _, name := range slices.Sorted(maps.Keys(d.given)) {
		g, l := d.given[name], d.find(name)
		if !g.Made || d.want(name) != nil || l == nil || l.missing || l.Index != g.Index || d.isUsed(name) {
			continue
		}
		s := Step{Verb: Remove, Link: name, What: l.Kind, Cause: notWanted}
		if l.Kind == string(Vlan) {
			d.steps = append(d.steps, s)
		} else {
			last = append(last, s)
		}
	}
	d.steps = append(d.steps, last...)
}

// isUsed says whether the configuration has a port of a device, or a VLAN on it,
// or somebody else has put one there.
func (d *differ) isUsed(name string) bool {
	return slices.ContainsFunc(d.devices, func(m making) bool { return m.Parent == name }) ||
		slices.ContainsFunc(d.wants, func(w want) bool { return w.Master == name }) ||
		slices.ContainsFunc(d.links, func(o link) bool {
			return (o.Parent == name || o.Master == name) && !o.missing && d.want(o.Name) == nil && d.given[o.Name].Index != o.Index
		})
}
