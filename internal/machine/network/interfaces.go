package network

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// translator collects what a source cannot have, with the path of the value.
type translator struct {
	base   []string
	where  map[string][]string // of the entries, by ID
	report cloudconfig.Report
}

func (t *translator) fail(msg, hint string, path ...string) {
	t.add(cloudconfig.Error, msg, hint, path)
}

func (t *translator) warn(msg, hint string, path ...string) {
	t.add(cloudconfig.Warning, msg, hint, path)
}

func (t *translator) add(s cloudconfig.Severity, msg, hint string, path []string) {
	t.report = append(t.report, cloudconfig.Problem{
		Path: cloudconfig.JoinPath(slices.Concat(t.base, path)...), Msg: msg, Hint: hint, Severity: s,
	})
}

// FromInterfaces translates rancher.network.interfaces, those whose key keep
// says. A value that cannot be understood is left out and told.
func FromInterfaces(source string, interfaces map[string]cloudconfig.Interface) (Document, cloudconfig.Report) {
	t := &translator{base: []string{"rancher", "network", "interfaces"}}
	doc := Document{Source: source}
	made := map[string]bool{}
	make := func(name string, kind Kind, options map[string]string) {
		if name != "" && !made[name] {
			made[name] = true
			doc.Devices = append(doc.Devices, Device{Name: name, Kind: kind, Options: options})
		}
	}
	keys := slices.Sorted(maps.Keys(interfaces))
	for _, key := range keys {
		entry := interfaces[key]
		doc.Entries = append(doc.Entries, t.entry(key, entry))
		make(asked(key, entry.Bridge), Bridge, nil)
		if bond := asked(key, entry.Bond); bond != "" {
			make(bond, Bond, interfaces[bond].BondOpts)
		} else if len(entry.BondOpts) > 0 {
			make(key, Bond, entry.BondOpts)
		}
	}
	for i, d := range doc.Devices {
		if d.Kind == Bond {
			doc.Devices[i].Options = t.bondOptions(d)
		}
	}
	slices.SortFunc(doc.Devices, func(a, b Device) int { return strings.Compare(a.Name, b.Name) })
	return doc, t.report
}

// bondOptions are bond_opts without those that the kernel would not take.
func (t *translator) bondOptions(d Device) map[string]string {
	params := map[string]cloudconfig.Texts{}
	for name, value := range d.Options {
		params[name] = cloudconfig.Texts{value}
	}
	return t.bondParameters(params, d.Name, "bond_opts")
}

func (t *translator) entry(key string, i cloudconfig.Interface) Entry {
	pattern := i.Match
	if pattern == "" {
		pattern = key
	}
	e := Entry{ID: key, Match: Match{Name: pattern}, Vlans: t.vlans(key, i.Vlans)}
	if mac, ok := macPattern(pattern); ok {
		e.Match = Match{MAC: mac}
	}
	l := Link{MTU: i.MTU, PreUp: i.PreUp, PostUp: i.PostUp, Master: masterOf(key, i)}
	if l.Master == "" { // a port has no address of its own
		l.DHCP, l.DHCPArgs, l.IPv4LL, l.Wifi = i.DHCP, i.DHCPArgs, i.IPV4LL, i.WifiNetwork
		t.addresses(&l, key, i)
	}
	e.Link = l
	return e
}

func (t *translator) addresses(l *Link, key string, i cloudconfig.Interface) {
	for n, text := range append([]string{i.Address}, i.Addresses...) {
		if text == "" {
			continue
		}
		path := []string{key, "address"}
		if n > 0 {
			path = []string{key, "addresses", strconv.Itoa(n - 1)}
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			t.fail("cannot use address "+strconv.Quote(text), "it must look like 192.0.2.7/24", path...)
			continue
		}
		// The loopback has its own addresses from the kernel as soon as it is up.
		if !prefix.Addr().IsLoopback() {
			l.addAddress(prefix)
		}
	}
	for _, g := range []struct{ text, name string }{{i.Gateway, "gateway"}, {i.GatewayIPv6, "gateway_ipv6"}} {
		if g.text == "" {
			continue
		}
		gateway, err := netip.ParseAddr(g.text)
		if err != nil {
			t.fail("cannot use gateway "+strconv.Quote(g.text), "it must be an IP address", key, g.name)
			continue
		}
		l.Routes = append(l.Routes, gatewayRoute(gateway.WithZone("")))
	}
}

// masterOf is the bridge or bond that a link is made a port of.
func masterOf(name string, entry cloudconfig.Interface) string {
	for _, master := range []string{entry.Bond, entry.Bridge} {
		if master != "" && master != name && !isTrue(master) && !isFalse(master) {
			return master
		}
	}
	return ""
}

// isTrue says that "bridge: true" was written: this entry is the bridge.
func isTrue(s string) bool { b, err := strconv.ParseBool(s); return err == nil && b }

func isFalse(s string) bool { b, err := strconv.ParseBool(s); return err == nil && !b }

// asked is the name of the bridge or bond that a value asks for: the entry's own
// key for "true", else the name itself.
func asked(key, value string) string {
	switch {
	case value == "" || isFalse(value):
		return ""
	case isTrue(value):
		return key
	}
	return value
}

// vlans reads "100,200:name": VLAN 100, and VLAN 200 named "name".
func (t *translator) vlans(key, text string) []VLAN {
	var out []VLAN
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		number, name, _ := strings.Cut(part, ":")
		name = strings.TrimSpace(name)
		id, err := strconv.Atoi(strings.TrimSpace(number))
		switch {
		case err != nil || id < 1 || id > 4094:
			t.fail("cannot use VLAN "+strconv.Quote(part), "its number must be 1 to 4094", key, "vlans")
		case name != "" && !validName(name):
			t.fail("cannot use VLAN "+strconv.Quote(part)+": "+strconv.Quote(name)+" is no name of an interface", "", key, "vlans")
		default:
			out = append(out, VLAN{ID: id, Name: name})
		}
	}
	return out
}

// validName is the kernel's rule: 1 to 15 bytes, no slash, colon or space.
func validName(name string) bool {
	return name != "" && len(name) < 16 && name != "." && name != ".." && !strings.ContainsAny(name, "/: \t\n\v\f\r\x00")
}
