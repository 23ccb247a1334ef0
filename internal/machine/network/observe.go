package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// observer reads what the kernel and dhcpcd have.
type observer struct {
	sysctl string // /proc/sys/net, wherever it is
	leases string
}

// observe reads all that [diff] looks at.
func (o observer) observe() (actual, error) {
	all, err := steady(netlink.LinkList)
	if err != nil {
		return actual{}, fmt.Errorf("cannot list the interfaces: %w", err)
	}
	a := actual{
		Addresses: map[string][]address{}, Routes: map[string][]foundRoute{},
		Sysctl: map[string]string{}, Leases: map[string]leases{},
	}
	names := map[int]string{0: ""}
	for _, l := range all {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	for _, l := range all {
		found := linkOf(l, names)
		a.Links = append(a.Links, found)
		if !ofContainers(found) {
			o.settings(&a, found.Name)
		}
	}
	o.settings(&a, "default")
	slices.SortFunc(a.Links, func(x, y link) int { return strings.Compare(x.Name, y.Name) })
	_, err = os.Stat(filepath.Join(o.sysctl, "ipv6/conf"))
	a.IPv6 = err == nil
	err = errors.Join(addressesInto(&a, names), routesInto(&a, names), rulesInto(&a))
	for _, l := range a.Links {
		a.Leases[l.Name] = o.leasesOf(l.Name, a.Addresses[l.Name])
	}
	return a, err
}

// mostLists is how often the kernel is asked for one list: with each container that
// starts, interfaces come and go.
const mostLists = 20

// steady is a list of the kernel's that did not change while it was read; one that did
// may lack what was there all the time.
func steady[T any](list func() ([]T, error)) ([]T, error) {
	for tries := 1; ; tries++ {
		found, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) || tries == mostLists {
			return found, err
		}
	}
}

func linkOf(l netlink.Link, names map[int]string) link {
	a := l.Attrs()
	out := link{
		Name: a.Name, Index: a.Index, MAC: a.HardwareAddr.String(), Kind: l.Type(), MTU: a.MTU,
		Loopback: a.Flags&net.FlagLoopback != 0, Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0, Up: a.Flags&net.FlagUp != 0,
		Master: names[a.MasterIndex], Driver: driver(a.Name, l.Type()),
	}
	if len(a.PermHWAddr) == 6 { // Wireguard and kin have none
		out.PermMAC = a.PermHWAddr.String()
	}
	if slave, ok := a.Slave.(*netlink.BondSlave); ok && len(slave.PermHardwareAddr) > 0 {
		out.PermMAC = slave.PermHardwareAddr.String()
	}
	switch l := l.(type) {
	case *netlink.Bond:
		out.Bond = l
	case *netlink.Vlan:
		out.Parent, out.VlanID = names[a.ParentIndex], l.VlanId
	case *netlink.Bridge:
		out.Options = bridgeOptions(a.Name)
	case *netlink.Wireguard:
		out.Tunnel = readTunnel(a.Name)
	}
	if a.Slave != nil && a.Slave.SlaveType() == "bridge" || a.MasterIndex != 0 {
		out.Port = portOptions(a.Name)
	}
	return out
}

// driver is the name of a link's driver; one without a device has its kind.
func driver(name, kind string) string {
	target, err := os.Readlink(filepath.Join("/sys/class/net", name, "device/driver"))
	if err != nil {
		return kind
	}
	return filepath.Base(target)
}

// settings reads the kernel settings that may be configured.
func (o observer) settings(a *actual, name string) {
	for _, path := range []string{
		"ipv6/conf/" + name + "/accept_ra", "ipv6/conf/" + name + "/use_tempaddr", "ipv6/conf/" + name + "/addr_gen_mode",
		"ipv4/conf/" + name + "/promote_secondaries",
	} {
		if data, err := os.ReadFile(filepath.Join(o.sysctl, path)); err == nil {
			a.Sysctl[path] = strings.TrimSpace(string(data))
		}
	}
}

func addressesInto(a *actual, names map[int]string) error {
	list, err := steady(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return fmt.Errorf("cannot list the addresses: %w", err)
	}
	for _, found := range list {
		name := names[found.LinkIndex]
		a.Addresses[name] = append(a.Addresses[name], address{
			Prefix: prefixOf(found), Permanent: found.Flags&unix.IFA_F_PERMANENT != 0,
		})
	}
	return nil
}

func prefixOf(a netlink.Addr) netip.Prefix {
	ip, _ := netip.AddrFromSlice(a.IP) // the kernel gives 4 or 16 bytes
	ones, _ := a.Mask.Size()
	return netip.PrefixFrom(ip.Unmap(), ones)
}

// routesInto reads the routes of all tables that this service may change.
// Routes are told apart by their protocol: "static" are ours, default routes of
// "dhcp" are dhcpcd's and those of "ra" the kernel's, and all others are left
// alone.
func routesInto(a *actual, names map[int]string) error {
	list, err := steady(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("cannot list the routes: %w", err)
	}
	for _, r := range list {
		found, ok := foundRouteOf(r)
		if !ok {
			continue
		}
		name := names[r.LinkIndex]
		if found.Type != "" { // IPv6 has them on the loopback
			name = ""
		}
		a.Routes[name] = append(a.Routes[name], found)
	}
	return nil
}

func foundRouteOf(r netlink.Route) (foundRoute, bool) {
	out := foundRoute{Route: Route{Metric: r.Priority, Table: r.Table, MTU: r.MTU, Type: routeTypes()[r.Type]}}
	switch r.Protocol {
	case unix.RTPROT_STATIC:
		out.Origin = ours
	case unix.RTPROT_DHCP:
		out.Origin = fromDHCP
	case unix.RTPROT_RA:
		out.Origin = fromRA
	default:
		return foundRoute{}, false
	}
	if via, ok := netip.AddrFromSlice(r.Gw); ok {
		out.Via = via.Unmap()
	}
	if from, ok := netip.AddrFromSlice(r.Src); ok {
		out.From = from.Unmap()
	}
	to, ok := destinationOf(r)
	if !ok || out.Origin != ours && (to.Bits() != 0 || !out.Via.IsValid()) {
		return foundRoute{}, false
	}
	out.To = to
	out.Route = normal(out.Route, 0)
	return out, true
}

func destinationOf(r netlink.Route) (netip.Prefix, bool) {
	if r.Dst == nil {
		if r.Family == netlink.FAMILY_V6 {
			return everywhere(netip.IPv6Unspecified()), true
		}
		return everywhere(netip.IPv4Unspecified()), true
	}
	ip, ok := netip.AddrFromSlice(r.Dst.IP)
	ones, bits := r.Dst.Mask.Size()
	if bits == 32 {
		ip = ip.Unmap()
	}
	return netip.PrefixFrom(ip, ones), ok
}

func routeTypes() map[int]string {
	return map[int]string{unix.RTN_BLACKHOLE: "blackhole", unix.RTN_UNREACHABLE: "unreachable", unix.RTN_PROHIBIT: "prohibit"}
}

func rulesInto(a *actual) error {
	list, err := steady(func() ([]netlink.Rule, error) { return netlink.RuleList(netlink.FAMILY_ALL) })
	if err != nil {
		return fmt.Errorf("cannot list the routing rules: %w", err)
	}
	for _, r := range list {
		if r.Protocol == unix.RTPROT_STATIC {
			rule := Rule{Table: r.Table, Priority: r.Priority, Mark: int(r.Mark), TOS: int(r.Tos)}
			rule.From, rule.To = prefix(r.Src), prefix(r.Dst)
			if r.Src == nil && r.Dst == nil && r.Family == netlink.FAMILY_V6 {
				rule.From = everywhere(netip.IPv6Unspecified())
			}
			a.Rules = append(a.Rules, rule)
		}
	}
	return nil
}

func prefix(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	ip, _ := netip.AddrFromSlice(n.IP) // the kernel gives 4 or 16 bytes
	ones, bits := n.Mask.Size()
	if bits == 32 {
		ip = ip.Unmap()
	}
	return netip.PrefixFrom(ip, ones)
}

func ipNet(p netip.Prefix) *net.IPNet {
	if !p.IsValid() {
		return nil
	}
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// leasesOf are the leases in effect: those whose address the link has.
func (o observer) leasesOf(name string, have []address) leases {
	var out leases
	for _, l := range []struct {
		ending string
		parse  func([]byte) (lease, error)
		to     *lease
	}{{".lease", parseLease, &out.IPv4}, {".lease6", parseLease6, &out.IPv6}} {
		for _, file := range o.leaseFiles(name, l.ending) {
			found, ok := readLease(file, l.parse)
			has := slices.ContainsFunc(have, func(a address) bool { return a.Prefix.Addr() == found.Address })
			if ok && has {
				*l.to = found
			}
		}
	}
	return out
}

// leaseFiles are the files of a link's leases: dhcpcd has one for each wireless network.
func (o observer) leaseFiles(name, ending string) []string {
	files := []string{filepath.Join(o.leases, name+ending)}
	entries, err := os.ReadDir(o.leases)
	if err != nil {
		return files
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), name+"-") && strings.HasSuffix(e.Name(), ending) {
			files = append(files, filepath.Join(o.leases, e.Name()))
		}
	}
	return files
}

// The options of a bridge and its ports, which netlink's library does not read.

func bridgeOptions(name string) map[string]string {
	options := map[string]string{}
	for _, option := range sortedKeys(bridgeAttributes) {
		if data, err := os.ReadFile(filepath.Join("/sys/class/net", name, "bridge", option)); err == nil {
			options[option] = strings.TrimSpace(string(data))
		}
	}
	return options
}

func portOptions(name string) map[string]int {
	options := map[string]int{}
	for option, file := range map[string]string{"cost": "path_cost", "priority": "priority"} {
		data, err := os.ReadFile(filepath.Join("/sys/class/net", name, "brport", file))
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			options[option] = n
		}
	}
	return options
}
