package network

import (
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// link is one interface as the kernel has it.
type link struct {
	Name     string
	Index    int
	MAC      string // lower case, colons
	PermMAC  string // its own, when MAC is another one
	Kind     string // "device", "bridge", "bond", "vlan", "veth" and so on
	Driver   string
	Loopback bool
	Carrier  bool
	Up       bool
	MTU      int
	Master   string
	Parent   string // the link that a VLAN is on
	VlanID   int
	Bond     *netlink.Bond     // options of a bond
	Options  map[string]string // of a bridge
	Port     map[string]int    // options of a port of a bridge
	Tunnel   *Tunnel           // of Wireguard

	missing bool   // is to be made
	was     string // the name that it still has
}

// ownMAC is the address that the link was made with: a port of a bond has the
// bond's.
func (l link) ownMAC() string {
	if l.PermMAC != "" {
		return l.PermMAC
	}
	return l.MAC
}

// address is one address that a link has.
type address struct {
	Prefix    netip.Prefix
	Permanent bool // without a lifetime: neither a lease nor autoconfigured
}

// origin is who made a route.
type origin int

const (
	ours     origin = iota // "static"
	fromDHCP               // dhcpcd's default routes
	fromRA                 // default routes that routers announced
)

// foundRoute is a route that a link has.
type foundRoute struct {
	Route
	Origin origin
}

// actual is all that [diff] looks at. It is read from the kernel, and nothing in
// it is of containers.
type actual struct {
	Links     []link // sorted by name
	Addresses map[string][]address
	// Routes are by link, with "" for those without, such as blackhole. They are
	// those that this service or DHCP made: all others are left alone.
	Routes map[string][]foundRoute
	Rules  []Rule // ours
	// Sysctl has the kernel settings of links below /proc/sys/net.
	Sysctl map[string]string
	Leases map[string]leases
	IPv6   bool // the kernel has it
}

// leases are what DHCP servers gave a link.
type leases struct {
	IPv4, IPv6 lease
}

func (a actual) link(name string) (link, bool) {
	i := slices.IndexFunc(a.Links, func(l link) bool { return l.Name == name })
	if i < 0 {
		return link{}, false
	}
	return a.Links[i], true
}
