package network

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// FromNetworkConfig translates cloud-init's network-config. The paths of the
// report begin at its root. What this system has no use for is told.
func FromNetworkConfig(source string, n cloudconfig.NetworkConfig) (Document, cloudconfig.Report) {
	t := &translator{where: map[string][]string{}}
	doc := Document{Source: source}
	switch {
	case n.Config.Disabled:
		doc.Disabled = true
	case n.Version == 1:
		t.version1(&doc, n.Config.Items)
	default:
		t.version2(&doc, n)
	}
	slices.SortStableFunc(doc.Entries, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.Devices, func(a, b Device) int { return strings.Compare(a.Name, b.Name) })
	return doc, t.report
}

func (t *translator) version2(doc *Document, n cloudconfig.NetworkConfig) {
	for _, name := range sortedKeys(n.Ethernets) {
		e := n.Ethernets[name]
		l := t.link(e.LinkConfig, "ethernets", name)
		if e.WakeOnLAN {
			t.warn("is not set: the driver's own setting is left", "", "ethernets", name, "wakeonlan")
		}
		t.where[name] = []string{"ethernets", name}
		doc.Entries = append(doc.Entries, Entry{ID: name, Match: matchOf(name, e.Match), SetName: e.SetName, Link: l})
	}
	for _, name := range sortedKeys(n.Bonds) {
		b := n.Bonds[name]
		d := Device{Name: name, Kind: Bond, Options: t.bondParameters(b.Parameters, "bonds", name, "parameters")}
		t.device(doc, d, b.LinkConfig, "bonds", name)
	}
	for _, name := range sortedKeys(n.Bridges) {
		b := n.Bridges[name]
		d := Device{Name: name, Kind: Bridge, Options: t.bridgeParameters(b.Parameters, "bridges", name, "parameters")}
		t.device(doc, d, b.LinkConfig, "bridges", name)
	}
	for _, name := range sortedKeys(n.Vlans) {
		v := n.Vlans[name]
		t.device(doc, Device{Name: name, Kind: Vlan, Parent: v.Link, ID: v.ID}, v.LinkConfig, "vlans", name)
	}
	for _, name := range sortedKeys(n.DummyDevices) {
		t.device(doc, Device{Name: name, Kind: Dummy}, n.DummyDevices[name], "dummy-devices", name)
	}
	for _, name := range sortedKeys(n.Tunnels) {
		t.tunnel(doc, name, n.Tunnels[name])
	}
	for _, name := range sortedKeys(n.Bonds) {
		t.enslave(doc, name, n.Bonds[name].Interfaces)
	}
	for _, name := range sortedKeys(n.Bridges) {
		t.enslave(doc, name, n.Bridges[name].Interfaces)
		t.portParameters(doc, n.Bridges[name], "bridges", name, "parameters")
	}
	for _, kind := range []struct {
		name string
		some map[string]cloudconfig.Free
	}{{"wifis", n.Wifis}, {"vrfs", n.VRFs}} {
		for _, name := range sortedKeys(kind.some) {
			t.warn("is not made: this system has no "+kind.name, "", kind.name, name)
		}
	}
}

// matchOf is the match of an ethernet: without one, the key is its name.
func matchOf(name string, m cloudconfig.LinkMatch) Match {
	if m.Name == "" && m.MACAddress == "" && len(m.Driver) == 0 {
		return Match{Name: name}
	}
	return Match{Name: m.Name, MAC: strings.ToLower(m.MACAddress), Driver: m.Driver}
}

// device adds a link that is made, and what it is to have.
func (t *translator) device(doc *Document, d Device, c cloudconfig.LinkConfig, path ...string) {
	if !validName(d.Name) {
		t.fail(fmt.Sprintf("%q is no name of an interface", d.Name), "1 to 15 characters, no slash, colon or space", path...)
		return
	}
	t.where[d.Name] = path
	doc.Devices = append(doc.Devices, d)
	doc.Entries = append(doc.Entries, Entry{ID: d.Name, Match: Match{Name: d.Name}, Link: t.link(c, path...)})
}

// enslave makes entries ports of a bond or bridge; a port that has no entry gets
// one, as an interface of that name. A port has no address of its own.
func (t *translator) enslave(doc *Document, master string, ports []string) {
	for _, port := range ports {
		i := slices.IndexFunc(doc.Entries, func(e Entry) bool { return e.ID == port })
		if i < 0 {
			i = len(doc.Entries)
			doc.Entries = append(doc.Entries, Entry{ID: port, Match: Match{Name: port}})
		}
		l := &doc.Entries[i].Link
		if l.addressed() || len(l.Routes)+len(l.Rules)+len(l.DNS.Nameservers)+len(l.DNS.Search) > 0 {
			t.warn("a part of "+master+" has neither addresses nor routes nor name servers of its own: they are left out",
				"write them below "+master, t.where[port]...)
		}
		*l = Link{Master: master, MTU: l.MTU, MAC: l.MAC, NoLocal6: l.NoLocal6, Optional: l.Optional, Port: l.Port}
	}
}

// link translates what every kind of link has.
func (t *translator) link(c cloudconfig.LinkConfig, path ...string) Link {
	at := func(keys ...string) []string { return slices.Concat(path, keys) }
	l := Link{
		MTU: c.MTU, MAC: strings.ToLower(c.MACAddress), DHCP: c.DHCP4, DHCP6: c.DHCP6,
		AcceptRA: c.AcceptRA, Privacy: c.IPv6Privacy, Optional: c.Optional,
		IPv4LL:   slices.Contains(c.LinkLocal, "ipv4"),
		NoLocal6: c.LinkLocal != nil && !slices.Contains(c.LinkLocal, "ipv6"),
		Lease:    leaseOf(c.DHCP4Overrides), Lease6: leaseOf(c.DHCP6Overrides), Announced: announcedOf(c),
	}
	if c.DHCPIdentifier != "" && c.DHCPIdentifier != "mac" {
		t.warn("is not used: DHCP is told the hardware address", "", at("dhcp-identifier")...)
	}
	if l.DHCP6 && l.AcceptRA == nil {
		yes := true // DHCPv6 gives no router
		l.AcceptRA = &yes
	}
	t.overrides6(l, at("dhcp6-overrides")...)
	for i, text := range c.Addresses {
		prefix, err := netip.ParsePrefix(string(text))
		if err != nil {
			t.fail(fmt.Sprintf("cannot use address %q", text), "it must look like 192.0.2.7/24", at("addresses", strconv.Itoa(i))...)
			continue
		}
		l.addAddress(prefix)
	}
	for _, g := range []struct{ text, name string }{{c.Gateway4, "gateway4"}, {c.Gateway6, "gateway6"}} {
		if gateway, ok := t.address(g.text, at(g.name)...); ok {
			l.Routes = append(l.Routes, gatewayRoute(gateway))
		}
	}
	for i, r := range c.Routes {
		if route, ok := t.route(r, at("routes", strconv.Itoa(i))...); ok {
			l.Routes = append(l.Routes, route)
		}
	}
	for i, r := range c.RoutingPolicy {
		if rule, ok := t.rule(r, at("routing-policy", strconv.Itoa(i))...); ok {
			l.Rules = append(l.Rules, rule)
		}
	}
	l.addDNS(c.Nameservers.Addresses, c.Nameservers.Search)
	return l
}

// overrides6 warns of what of dhcp6-overrides has no effect.
func (t *translator) overrides6(l Link, path ...string) {
	if l.DHCP6 && (l.Lease6.NoRoutes || l.Lease6.Metric != 0) {
		t.warn("use-routes and route-metric are left out: routes of IPv6 come from routers, not from DHCP",
			"accept-ra: false takes none of them", path...)
	}
	if l.DHCP && l.DHCP6 && l.Lease6.Hostname != "" && l.Lease6.Hostname != l.Lease.Hostname {
		t.warn("hostname is left out: DHCP is told one name, that of dhcp4-overrides", "", below(path, "hostname")...)
	}
}

// announcedOf is what of routers' advertisements is not used. What is said of DHCP for
// IPv6 is for them, too, unless they are named.
func announcedOf(c cloudconfig.LinkConfig) Announced {
	dns, domains := c.DHCP6Overrides.UseDNS, c.DHCP6Overrides.UseDomains
	if c.RAOverrides.UseDNS != nil {
		dns = c.RAOverrides.UseDNS
	}
	domains = cmp.Or(c.RAOverrides.UseDomains, domains)
	return Announced{NoDNS: dns != nil && !*dns, NoDomains: domains == "false"}
}

func leaseOf(o cloudconfig.DHCPOverrides) Lease {
	no := func(b *bool) bool { return b != nil && !*b }
	return Lease{
		NoDNS: no(o.UseDNS), NoDomains: o.UseDomains == "false", NoHostname: no(o.UseHostname), NoNTP: no(o.UseNTP),
		NoMTU: no(o.UseMTU), NoRoutes: no(o.UseRoutes), Metric: o.RouteMetric,
		Hostname: o.Hostname, Silent: no(o.SendHostname),
	}
}

// address reads an address; ok is false for none and for one that cannot be
// understood, which is told.
func (t *translator) address(text string, path ...string) (a netip.Addr, ok bool) {
	if text == "" {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.fail(fmt.Sprintf("%q is no IP address", text), "", path...)
		return netip.Addr{}, false
	}
	return a.WithZone("").Unmap(), true
}

func (t *translator) route(r cloudconfig.Route, path ...string) (Route, bool) {
	out := Route{Metric: r.Metric, Table: r.Table, MTU: r.MTU, OnLink: r.OnLink}
	out.Via, _ = t.address(r.Via, path...)
	out.From, _ = t.address(r.From, path...)
	switch r.Type {
	case "", "unicast":
	case "blackhole", "unreachable", "prohibit":
		out.Type = r.Type
	default:
		t.warn(fmt.Sprintf("a route of type %q is not made", r.Type), "one of unicast, blackhole, unreachable, prohibit", path...)
		return Route{}, false
	}
	if r.Scope == "link" || r.Scope == "host" {
		out.Scope = r.Scope
	}
	to, ok := destination(r.To, out.Via)
	if !ok {
		t.fail(fmt.Sprintf("%q is no network", r.To), "", path...)
		return Route{}, false
	}
	out.To = to
	if out.Via.IsValid() && out.Via.Is4() != to.Addr().Is4() {
		t.fail(fmt.Sprintf("the router %s cannot lead to %s", out.Via, to), "both must be IPv4 or both IPv6", path...)
		return Route{}, false
	}
	return out, true
}

// destination reads a network, an address, or the word default, of the family
// that the router is of.
func destination(text string, via netip.Addr) (netip.Prefix, bool) {
	if text == "default" || text == "0/0" {
		if via.IsValid() {
			return everywhere(via), true
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a.WithZone(""), a.BitLen()), true
	}
	return netip.Prefix{}, false
}

func (t *translator) rule(r cloudconfig.RoutingRule, path ...string) (Rule, bool) {
	out := Rule{Table: r.Table, Priority: r.Priority, Mark: r.Mark, TOS: r.TypeOfService}
	for _, p := range []struct {
		text string
		to   *netip.Prefix
	}{{r.From, &out.From}, {r.To, &out.To}} {
		if p.text == "" {
			continue
		}
		prefix, ok := destination(p.text, netip.Addr{})
		if !ok {
			t.fail(fmt.Sprintf("%q is no network", p.text), "", path...)
			return Rule{}, false
		}
		*p.to = prefix
	}
	if out.Table == 0 {
		t.fail("a rule needs a table", "write table", path...)
		return Rule{}, false
	}
	return out, true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
