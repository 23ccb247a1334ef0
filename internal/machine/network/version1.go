package network

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// version1 translates a list of interfaces, name servers and routes.
func (t *translator) version1(doc *Document, items []cloudconfig.NetworkItem) {
	var ports []func()
	for i, item := range items {
		path := []string{"config", strconv.Itoa(i)}
		e := Entry{ID: item.Name, Match: Match{Name: item.Name}}
		switch item.Type {
		case "physical", "infiniband":
			if item.MACAddress != "" {
				e.Match, e.SetName = Match{MAC: strings.ToLower(item.MACAddress)}, item.Name
			}
		case "bond":
			doc.Devices = append(doc.Devices, Device{Name: item.Name, Kind: Bond, Options: t.bondParameters(item.Params, below(path, "params")...)})
			ports = append(ports, func() { t.enslave(doc, item.Name, item.BondInterfaces) })
		case "bridge":
			at := below(path, "params")
			doc.Devices = append(doc.Devices, Device{Name: item.Name, Kind: Bridge, Options: t.bridgeParams(item, at...)})
			ports = append(ports, func() {
				t.enslave(doc, item.Name, item.BridgeInterfaces)
				t.portParams(doc, item, at...)
			})
		case "vlan":
			doc.Devices = append(doc.Devices, Device{Name: item.Name, Kind: Vlan, Parent: item.VlanLink, ID: item.VlanID})
		case "loopback":
			e = Entry{ID: "lo", Match: Match{Name: "lo"}}
		default: // nameserver and route belong to others, and come when those are there
			continue
		}
		e.Link = t.item(item, path...)
		t.where[e.ID] = path
		doc.Entries = append(doc.Entries, e)
	}
	for _, enslave := range ports {
		enslave()
	}
	for i, item := range items {
		switch item.Type {
		case "nameserver":
			doc.nameserver(item)
		case "route":
			t.globalRoute(doc, item, "config", strconv.Itoa(i))
		}
	}
}

func below(path []string, keys ...string) []string { return slices.Concat(path, keys) }

// bridgeParams are a bridge's options by the kernel's names. Those of its ports come
// when these are there, and its hardware address is the link's.
func (t *translator) bridgeParams(item cloudconfig.NetworkItem, path ...string) map[string]string {
	options := map[string]string{}
	for _, key := range sortedKeys(item.Params) {
		name, value := plainOption(key, "bridge_"), strings.Join(item.Params[key], " ")
		switch {
		case name == "hw" || portOptions1[name] != "":
		case name == "ports" || name == "maxwait" || name == "waitport":
			if value != "none" && value != "0" && value != strings.Join(item.BridgeInterfaces, " ") {
				t.warn("is not used: ports are those of bridge_interfaces, and join whenever they come", "", below(path, key)...)
			}
		default:
			t.bridgeOption(options, name, value, below(path, key)...)
		}
	}
	return options
}

// bridgeMAC is the hardware address that a bridge is given among its parameters.
func (t *translator) bridgeMAC(item cloudconfig.NetworkItem, path ...string) string {
	for key, values := range item.Params {
		if plainOption(key, "bridge_") != "hw" || item.Type != "bridge" {
			continue
		}
		mac, err := net.ParseMAC(strings.Join(values, " "))
		if err != nil || len(mac) != 6 {
			t.warn("is not used: it is no hardware address", "such as 52:54:00:12:34:56", below(path, "params", key)...)
			continue
		}
		return mac.String()
	}
	return ""
}

// portParams gives ports what is written as "eth0 50" in a bridge's parameters.
func (t *translator) portParams(doc *Document, item cloudconfig.NetworkItem, path ...string) {
	for _, key := range sortedKeys(item.Params) {
		option, ok := portOptions1[plainOption(key, "bridge_")]
		if !ok {
			continue
		}
		for _, text := range item.Params[key] {
			words := strings.Fields(text)
			if len(words) != 2 {
				t.fail(fmt.Sprintf("cannot use %q", text), "the name of a port and a number, such as eth0 50", below(path, key)...)
				continue
			}
			t.portOption(doc, item.BridgeInterfaces, [3]string{words[0], option, words[1]}, below(path, key)...)
		}
	}
}

// item translates what an interface of version 1 has.
func (t *translator) item(item cloudconfig.NetworkItem, path ...string) Link {
	l := Link{MTU: item.MTU, AcceptRA: item.AcceptRA}
	if item.Type == "bond" || item.Type == "bridge" || item.Type == "vlan" {
		l.MAC = cmp.Or(strings.ToLower(item.MACAddress), t.bridgeMAC(item, path...))
	}
	for i, s := range item.Subnets {
		t.subnet(&l, s, below(path, "subnets", strconv.Itoa(i))...)
	}
	return l
}

func (t *translator) subnet(l *Link, s cloudconfig.Subnet, path ...string) {
	yes := true
	switch s.Type {
	case "dhcp", "dhcp4":
		l.DHCP, l.Lease.Metric = true, s.Metric
	case "dhcp6", "ipv6_dhcpv6-stateful":
		l.DHCP6, l.AcceptRA = true, &yes
	case "ipv6_slaac", "ipv6_dhcpv6-stateless":
		l.AcceptRA = &yes
		if s.Type == "ipv6_dhcpv6-stateless" && len(s.DNSNameservers) == 0 {
			t.warn("DHCPv6 is not asked for name servers: those that routers announce are used", "dns_nameservers names others", below(path, "type")...)
		}
	case "manual": // it is set up, and nothing more
	default:
		t.static(l, s, path...)
	}
	if s.Type != "static" && s.Type != "static6" {
		for _, unused := range [][2]string{{"address", s.Address}, {"netmask", s.Netmask}, {"gateway", s.Gateway}} {
			if unused[1] != "" {
				t.warn(fmt.Sprintf("is not used: a subnet of type %s has none of its own", s.Type), "type static has", below(path, unused[0])...)
			}
		}
	}
	if s.Control == "manual" {
		l.Optional = true
	}
	t.unusedOf(s, path...)
	l.addDNS(s.DNSNameservers, domains(s.DNSSearch))
	for i, r := range s.Routes {
		t.route1(l, r, s.Metric, below(path, "routes", strconv.Itoa(i))...)
	}
}

// unusedOf warns of what of a subnet this system does not set. The broadcast address
// that a network has anyway, and the scope of any address, are no news.
func (t *translator) unusedOf(s cloudconfig.Subnet, path ...string) {
	if prefix, ok := network(s.Address, s.Netmask); s.Broadcast != "" && (!ok || s.Broadcast != broadcast(prefix).String()) {
		t.warn("is not set: it is the last address of the network", "", below(path, "broadcast")...)
	}
	if s.Scope != "" && s.Scope != "global" {
		t.warn("is not set: an address is known everywhere", "", below(path, "scope")...)
	}
}

// broadcast is the last address of a network of IPv4; it is zero for IPv6, which has
// none.
func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() {
		return netip.Addr{}
	}
	last := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(last)
}

// domains splits texts that have several domains.
func domains(texts []string) []string {
	var out []string
	for _, text := range texts {
		out = append(out, strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	return out
}

func (t *translator) static(l *Link, s cloudconfig.Subnet, path ...string) {
	prefix, ok := network(s.Address, s.Netmask)
	if !ok {
		t.fail(fmt.Sprintf("cannot use address %q", s.Address), "write its length, or a netmask", path...)
		return
	}
	if !prefix.Addr().IsLoopback() {
		l.addAddress(prefix)
	}
	if gateway, ok := t.address(s.Gateway, path...); ok {
		r := gatewayRoute(gateway)
		r.Metric = s.Metric
		l.Routes = append(l.Routes, r)
	}
}

// network is an address with the length of its network, which is behind it or
// in a mask; without either it is a host of its own.
func network(address, mask string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(address); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	if mask == "" {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	bits, ok := maskBits(mask)
	if !ok || bits > a.BitLen() {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, bits), true
}

// maskBits is the length that a mask says: "255.255.255.0", "ffff:ffff::", "24".
func maskBits(mask string) (int, bool) {
	if n, err := strconv.Atoi(strings.TrimPrefix(mask, "/")); err == nil {
		return n, n >= 0 && n <= 128
	}
	a, err := netip.ParseAddr(mask)
	if err != nil {
		return 0, false
	}
	bits, ended := 0, false
	for _, b := range a.AsSlice() {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return 0, false
			}
			if ended = !one; one {
				bits++
			}
		}
	}
	return bits, true
}

func (t *translator) route1(l *Link, r cloudconfig.SubnetRoute, metric int, path ...string) {
	text := r.Destination
	if text == "" {
		text = r.Network
	}
	if r.Metric != 0 {
		metric = r.Metric
	}
	via, ok := t.address(r.Gateway, path...)
	if !ok && r.Gateway != "" {
		return
	}
	to, ok := network(text, r.Netmask)
	if !ok {
		if to, ok = destination(text, via); !ok {
			t.fail(fmt.Sprintf("%q is no network", text), "", path...)
			return
		}
	}
	if to.Addr().IsUnspecified() && r.Netmask == "" {
		to = netip.PrefixFrom(to.Addr(), 0)
	}
	if via.IsValid() && via.Is4() != to.Addr().Is4() {
		t.fail(fmt.Sprintf("the router %s cannot lead to %s", via, to), "both must be IPv4 or both IPv6", path...)
		return
	}
	l.Routes = append(l.Routes, Route{To: to.Masked(), Via: via, Metric: metric})
}

// nameserver gives name servers to their interface, or to the whole machine.
func (doc *Document) nameserver(item cloudconfig.NetworkItem) {
	servers := make([]string, len(item.Address))
	for i, text := range item.Address {
		servers[i], _, _ = strings.Cut(text, "/")
	}
	for i := range doc.Entries {
		if item.Interface != "" && doc.Entries[i].ID == item.Interface {
			doc.Entries[i].Link.addDNS(servers, domains(item.Search))
			return
		}
	}
	doc.DNS.Nameservers = appendNew(doc.DNS.Nameservers, servers)
	doc.DNS.Search = appendNew(doc.DNS.Search, domains(item.Search))
}

// globalRoute gives a route of its own to the interface that reaches its router.
func (t *translator) globalRoute(doc *Document, item cloudconfig.NetworkItem, path ...string) {
	gateway, ok := t.address(item.Gateway, path...)
	if !ok {
		t.fail("the route has no router", "write gateway", path...)
		return
	}
	for i := range doc.Entries {
		if l := &doc.Entries[i].Link; reaches(l.Addresses, gateway) && !gateway.IsLinkLocalUnicast() {
			t.route1(l, cloudconfig.SubnetRoute{
				Destination: item.Destination, Network: item.Network, Netmask: item.Netmask, Gateway: item.Gateway, Metric: item.Metric,
			}, 0, path...)
			return
		}
	}
	t.fail(fmt.Sprintf("no interface reaches the router %s", gateway), "put the route below the interface that it goes through", path...)
}

// reaches says whether a gateway is in the network of an address.
func reaches(addresses []netip.Prefix, gateway netip.Addr) bool {
	return gateway.IsLinkLocalUnicast() ||
		slices.ContainsFunc(addresses, func(p netip.Prefix) bool { return p.Contains(gateway) })
}
