package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// firstMetric is the metric of the first link's default route; it is below that
// of every route that dhcpcd makes, so that a configured gateway wins.
const firstMetric = 100

// link compares one link, from its own attributes up to its routes. What is
// missing is added before what is too much goes: a link never is without an
// address in between.
func (d *differ) link(w want) {
	l := d.find(w.Name)
	if w.MAC != "" && w.MAC != l.MAC && d.bondPort(w) == nil {
		d.step(w, Step{Verb: SetMAC, What: w.MAC, value: w.MAC})
	}
	joins := d.master(w, l)
	d.mtu(w, l, joins)
	d.sysctl(w, l)
	if !l.Up || joins {
		d.step(w, Step{Verb: SetUp})
	}
	d.port(w, l)
	before := d.earlier(w.Name)
	for _, p := range w.Addresses {
		if !slices.ContainsFunc(d.addresses(l), func(a address) bool { return a.Prefix == p }) {
			d.step(w, Step{Verb: AddAddress, What: p.String(), address: address{Prefix: p}})
		}
	}
	routes := d.routesOf(w)
	d.addRoutes(w, *l, routes)
	d.removeRoutes(w, *l, routes)
	d.removeAddresses(w, *l, before)
	d.primary(w, l)
}

// mtu sets the size of packets. When the configuration has none any more it becomes
// what it was before.
func (d *differ) mtu(w want, l *link, joins bool) {
	have := l.MTU
	defer func() { d.sizes[w.Name] = have }()
	if w.MTU == 0 {
		w.MTU, w.Cause = d.formerMTU(l), notWanted
	}
	if parent := d.find(l.Parent); parent != nil && l.Kind == string(Vlan) {
		d.vlanMTU(&w, l, parent)
	}
	// One that leaves a bond has its own again only then: the next pass sees it.
	leaves := l.MTU == 0 && !l.missing || d.isBond(l.Master) && l.Master != w.Master && d.leaves(l)
	if w.MTU == 0 || w.MTU == l.MTU || leaves || d.sizedByBond(w, joins) {
		return
	}
	s := Step{Verb: SetMTU, What: strconv.Itoa(w.MTU), number: w.MTU, former: l.MTU}
	if l.missing {
		s.former = mtuOfNew(l)
	}
	d.step(w, s)
	have = w.MTU
}

// vlanMTU is the size of packets of a VLAN: at most that of the link that it is on, and
// just that where a VLAN of the configuration has none of its own. The kernel makes a
// VLAN smaller with its link, but not bigger again.
func (d *differ) vlanMTU(w *want, l, parent *link) {
	below, known := d.sizes[parent.Name]
	if !known {
		below = parent.MTU
	}
	if parent.missing && below == 0 {
		below = mtuOfNew(parent)
	}
	if l.missing { // made before its link gets another size
		if l.MTU = parent.MTU; parent.missing {
			l.MTU = mtuOfNew(parent)
		}
	}
	own := d.want(w.Name) != nil && d.want(w.Name).MTU != 0
	switch {
	case below == 0: // it is seen in the next pass
		w.MTU = 0
	case own && w.MTU > below:
		d.tell("%s cannot have packets of %d bytes: %s, which it is on, has %d", w.Name, w.MTU, parent.Name, below)
		w.MTU = below
	case !own && d.makes(w.Name) && len(w.PreUp)+len(w.PostUp) == 0: // commands may have chosen one
		w.MTU, w.Cause = below, "as "+parent.Name+", which it is on"
	}
}

// makes says whether a link is a device of the configuration.
func (d *differ) makes(name string) bool {
	return slices.ContainsFunc(d.devices, func(m making) bool { return m.Name == name })
}

// formerMTU is the size of packets that a link had before it was given another, 0
// when it was not. That of a VLAN is at most what the link below it takes.
func (d *differ) formerMTU(l *link) int {
	former := d.given[l.Name].MTU
	parent := d.find(l.Parent)
	if l.missing {
		return 0
	}
	if former == 0 || l.Kind != string(Vlan) || parent == nil {
		return former
	}
	below := parent.MTU
	if w := d.want(parent.Name); w != nil && w.MTU != 0 {
		below = w.MTU
	} else if before := d.formerMTU(parent); before != 0 {
		below = before
	}
	return min(former, below)
}

// mtuOfNew is the size of packets with which the kernel makes a device.
func mtuOfNew(l *link) int {
	if l.Kind == string(Wireguard) {
		return 1420
	}
	return 1500
}

// addresses are those of a link that stays.
func (d *differ) addresses(l *link) []address {
	if l.missing {
		return nil
	}
	return d.have.Addresses[l.oldName()]
}

// oldName is the name that a link has until it is renamed.
func (l link) oldName() string {
	if l.was != "" {
		return l.was
	}
	return l.Name
}

// bondPort is the bond that a link is to be a port of.
func (d *differ) bondPort(w want) *link {
	if m := d.find(w.Master); m != nil && m.Kind == "bond" {
		return m
	}
	return nil
}

// sizedByBond says whether a link gets the size of packets from its bond: when it
// joins, and when the bond's changes.
func (d *differ) sizedByBond(w want, joins bool) bool {
	bond := d.bondPort(w)
	return bond != nil && (joins || bond.MTU != w.MTU)
}

// master makes a link a port, or none. It says whether that sets it down: a link
// joins a bond only while it is down, and is down when it leaves one.
func (d *differ) master(w want, l *link) bool {
	switch {
	case w.Master == l.Master:
		return false
	case w.Master == "":
		if !d.leaves(l) {
			return false
		}
		d.step(w, Step{Verb: Leave, What: l.Master, Cause: notWanted})
		return d.isBond(l.Master)
	case d.find(w.Master) == nil:
		d.tell("%s cannot join %s: there is no such interface", w.Name, w.Master)
		return false
	}
	d.step(w, Step{Verb: Join, What: w.Master, value: w.Master})
	return d.bondPort(w) != nil || d.isBond(l.Master)
}

// leaves says whether a link that is a port of something may be taken out of it:
// when the configuration put it there, or has what it is a port of.
func (d *differ) leaves(l *link) bool {
	return d.earlier(l.Name).Master == l.Master || d.want(l.Master) != nil ||
		slices.ContainsFunc(d.devices, func(m making) bool { return m.Name == l.Master })
}

func (d *differ) isBond(name string) bool {
	l := d.find(name)
	return l != nil && l.Kind == "bond"
}

// port sets the options of a bridge's port.
func (d *differ) port(w want, l *link) {
	for _, name := range sortedKeys(w.Port) {
		if have, known := l.Port[name]; !known || have != w.Port[name] {
			what := fmt.Sprintf("%s %d", name, w.Port[name])
			d.step(w, Step{Verb: SetPort, What: what, value: name, number: w.Port[name]})
		}
	}
}

// primary tells a bond which of its ports it prefers, once that has joined.
func (d *differ) primary(w want, l *link) {
	i := slices.IndexFunc(d.devices, func(m making) bool { return m.Name == w.Name && m.Kind == Bond })
	if i < 0 || d.devices[i].Options["primary"] == "" {
		return
	}
	name := d.devices[i].Options["primary"]
	port := d.find(name)
	if port == nil || l.Bond != nil && !l.missing && l.Bond.Primary == port.Index && port.Index != 0 {
		return
	}
	dev := d.devices[i].Device
	options := map[string]string{"primary": name}
	d.step(w, Step{Verb: Configure, What: optionText(options), device: &dev, options: options})
}

// sysctl sets what the kernel has no other way for. What is configured no more
// becomes what it is for new links.
func (d *differ) sysctl(w want, l *link) {
	if !d.have.IPv6 {
		return
	}
	before := d.earlier(w.Name)
	for _, s := range []struct {
		name         string
		want, before *bool
		yes          string
	}{
		{"accept_ra", w.AcceptRA, before.AcceptRA, "2"}, // 2: also on a machine that forwards
		{"use_tempaddr", w.Privacy, before.Privacy, "2"},
		{"addr_gen_mode", only(w.NoLocal6), only(before.NoLocal6), "1"},
	} {
		value := "0"
		switch {
		case s.want == nil && s.before == nil:
			continue // whatever somebody else chose
		case s.want == nil:
			value = d.have.Sysctl["ipv6/conf/default/"+s.name]
		case *s.want:
			value = s.yes
		}
		have := d.have.Sysctl["ipv6/conf/"+l.oldName()+"/"+s.name]
		if value != "" && (have != value || l.missing) {
			path := "ipv6/conf/" + w.Name + "/" + s.name
			d.step(w, Step{Verb: SetSysctl, What: s.name + " " + value, path: path, value: value})
		}
	}
}

// only is nil for what is not wanted.
func only(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}

// removeAddresses takes away what does not belong on a link.
func (d *differ) removeAddresses(w want, l link, before want) {
	for _, a := range d.addresses(&l) {
		if keepsAddress(a, w, before, d.have.Leases[l.oldName()].IPv4.Address) {
			continue
		}
		cause := w.Cause
		if slices.Contains(before.Addresses, a.Prefix) {
			cause = notWanted
		}
		d.promote(w, l, a)
		d.step(w, Step{Verb: RemoveAddress, What: a.Prefix.String(), address: a, Cause: cause})
	}
}

// promote has the kernel keep the other addresses of a network when its first
// one goes.
func (d *differ) promote(w want, l link, goes address) {
	others := slices.ContainsFunc(d.addresses(&l), func(a address) bool {
		return a != goes && a.Prefix.Addr().Is4() && a.Prefix.Masked() == goes.Prefix.Masked()
	})
	const setting = "promote_secondaries"
	have, known := d.have.Sysctl["ipv4/conf/"+l.oldName()+"/"+setting]
	if !others || !known || have == "1" || d.promoted[w.Name] {
		return
	}
	d.promoted[w.Name] = true
	path := "ipv4/conf/" + w.Name + "/" + setting
	d.step(w, Step{Verb: SetSysctl, What: setting + " 1", path: path, value: "1", Cause: "other addresses of the network stay"})
}

// keepsAddress says whether an address that a link has may stay. A link without
// DHCP that is taken over has exactly the IPv4 addresses of the configuration, and a
// port has none; what others give it afterwards, such as the address of a cluster
// that moves between machines, is theirs. From a link with DHCP, and of IPv6, which
// the kernel configures by itself, only what an earlier configuration gave is taken
// back. A link that was and is to have no address here belongs to others.
func keepsAddress(a address, w, before want, lease netip.Addr) bool {
	ip := a.Prefix.Addr()
	switch {
	case slices.Contains(w.Addresses, a.Prefix), ip.IsLoopback():
		return true
	case ip.Is6():
		return keepsIPv6(a, w, before)
	case w.Master == "" && !w.addressed() && !before.addressed():
		return true
	case w.IPv4LL && ip.IsLinkLocalUnicast():
		return true
	case w.DHCP:
		return ip == lease || !a.Permanent || !slices.Contains(before.Addresses, a.Prefix)
	}
	ofAnother := a.Permanent && !ip.IsLinkLocalUnicast() && !slices.Contains(before.Addresses, a.Prefix)
	leased := before.DHCP && ip == lease
	return ofAnother && !leased && w.Master == before.Master && before.addressed()
}

func keepsIPv6(a address, w, before want) bool {
	switch {
	case slices.Contains(before.Addresses, a.Prefix):
		return false
	case w.NoLocal6 && a.Prefix.Addr().IsLinkLocalUnicast():
		return false
	case a.Permanent || a.Prefix.Addr().IsLinkLocalUnicast() || w.DHCP6:
		return true
	case a.Prefix.Bits() == 128: // a lease
		return !before.DHCP6
	}
	return w.AcceptRA == nil || *w.AcceptRA
}
