package network

import (
	"net/netip"
	"slices"

	"github.com/ros-os/ros/cloudconfig"
)

// Document is what one source of the configuration says about the network. All
// sources, whatever their format, are translated into it.
type Document struct {
	// Source is named as the cause of what is done: "rancher.network".
	Source  string   `json:"source"`
	Entries []Entry  `json:"entries,omitempty"`
	Devices []Device `json:"devices,omitempty"`
	// DNS is for the whole machine.
	DNS cloudconfig.DNS `json:"dns,omitzero"`
	// Disabled says that the network is left alone: sources below this one do
	// not count.
	Disabled bool `json:"disabled,omitempty"`
}

// Entry is what a source says about one link, or about all that fit a pattern.
type Entry struct {
	ID      string `json:"id"` // the key in the source
	Match   Match  `json:"match"`
	SetName string `json:"set_name,omitempty"` // the name to give to the link
	Vlans   []VLAN `json:"vlans,omitempty"`    // to make on each link
	Link    Link   `json:"link"`
}

// Match chooses links; all that is set must fit.
type Match struct {
	Name   string   `json:"name,omitempty"` // a pattern
	MAC    string   `json:"mac,omitempty"`  // a pattern
	Driver []string `json:"driver,omitempty"`
}

// VLAN is one of the VLANs of an [Entry]; without a name it is LINK.ID.
type VLAN struct {
	ID   int    `json:"id"`
	Name string `json:"name,omitempty"`
}

// Kind is what a [Device] is, in the kernel's words.
type Kind string

// The kinds of devices.
const (
	Bond      Kind = "bond"
	Bridge    Kind = "bridge"
	Vlan      Kind = "vlan"
	Dummy     Kind = "dummy"
	Wireguard Kind = "wireguard"
)

// Device is a link that is to be made.
type Device struct {
	Name    string            `json:"name"`
	Kind    Kind              `json:"kind"`
	Options map[string]string `json:"options,omitempty"` // of a bond or a bridge, by the kernel's names
	Parent  string            `json:"parent,omitempty"`  // ID of the entry, or name of the link, that a VLAN is on
	ID      int               `json:"id,omitempty"`      // of a VLAN
	Tunnel  *Tunnel           `json:"tunnel,omitempty"`  // of Wireguard
}

// Tunnel is the settings of a Wireguard tunnel. Its keys are secret.
type Tunnel struct {
	PrivateKey string `json:"private_key"`
	Port       int    `json:"port,omitempty"`
	Mark       int    `json:"mark,omitempty"`
	Peers      []Peer `json:"peers,omitempty"`
}

// Peer is one peer of a [Tunnel].
type Peer struct {
	PublicKey    string         `json:"public_key"`
	PresharedKey string         `json:"preshared_key,omitempty"`
	Endpoint     string         `json:"endpoint,omitempty"`
	AllowedIPs   []netip.Prefix `json:"allowed_ips,omitempty"`
	Keepalive    int            `json:"keepalive,omitempty"` // seconds
}

// Link is what a link is to have.
type Link struct {
	MTU       int             `json:"mtu,omitempty"`
	MAC       string          `json:"mac,omitempty"`
	Master    string          `json:"master,omitempty"` // the bridge or bond that it is a port of
	Port      map[string]int  `json:"port,omitempty"`   // options of a bridge's port: "cost", "priority"
	Addresses []netip.Prefix  `json:"addresses,omitempty"`
	Routes    []Route         `json:"routes,omitempty"`
	Rules     []Rule          `json:"rules,omitempty"`
	DNS       cloudconfig.DNS `json:"dns,omitzero"`
	DHCP      bool            `json:"dhcp,omitempty"`
	DHCP6     bool            `json:"dhcp6,omitempty"`
	DHCPArgs  string          `json:"dhcp_args,omitempty"`
	Lease     Lease           `json:"lease,omitzero"`
	Lease6    Lease           `json:"lease6,omitzero"`
	Announced Announced       `json:"announced,omitzero"`
	IPv4LL    bool            `json:"ipv4ll,omitempty"`
	AcceptRA  *bool           `json:"accept_ra,omitempty"`
	Privacy   *bool           `json:"privacy,omitempty"`   // addresses of IPv6 that change
	NoLocal6  bool            `json:"no_local6,omitempty"` // no link-local address of IPv6
	Optional  bool            `json:"optional,omitempty"`  // nobody waits for it
	Wifi      string          `json:"wifi,omitempty"`      // wireless network to join
	PreUp     []string        `json:"pre_up,omitempty"`
	PostUp    []string        `json:"post_up,omitempty"`
}

// Lease says what of a DHCP lease is not used, and how it is asked for.
type Lease struct {
	NoDNS      bool   `json:"no_dns,omitempty"`
	NoDomains  bool   `json:"no_domains,omitempty"`
	NoHostname bool   `json:"no_hostname,omitempty"` // a name that is given
	NoNTP      bool   `json:"no_ntp,omitempty"`
	NoMTU      bool   `json:"no_mtu,omitempty"`
	NoRoutes   bool   `json:"no_routes,omitempty"`
	Metric     int    `json:"metric,omitempty"`
	Hostname   string `json:"hostname,omitempty"` // to send in place of the machine's
	Silent     bool   `json:"silent,omitempty"`   // send no name
}

// Announced says what of the advertisements of IPv6's routers is not used.
type Announced struct {
	NoDNS     bool `json:"no_dns,omitempty"`
	NoDomains bool `json:"no_domains,omitempty"`
}

// Route is a route over a link.
type Route struct {
	To     netip.Prefix `json:"to,omitzero"`
	Via    netip.Addr   `json:"via,omitzero"`  // zero when the network is on the link itself
	From   netip.Addr   `json:"from,omitzero"` // the address to send from; zero for any
	Metric int          `json:"metric,omitempty"`
	Table  int          `json:"table,omitempty"` // 0 is the main one
	MTU    int          `json:"mtu,omitempty"`
	Type   string       `json:"type,omitempty"` // "" for unicast, "blackhole" and kin
	OnLink bool         `json:"on_link,omitempty"`
	Scope  string       `json:"scope,omitempty"` // "link", "host"; "" as is usual
}

// Rule says which packets use another routing table.
type Rule struct {
	From     netip.Prefix `json:"from,omitzero"`
	To       netip.Prefix `json:"to,omitzero"`
	Table    int          `json:"table"`
	Priority int          `json:"priority,omitempty"`
	Mark     int          `json:"mark,omitempty"`
	TOS      int          `json:"tos,omitempty"`
}

// addressed says whether the link is to have an address at all.
func (l Link) addressed() bool {
	return l.DHCP || l.DHCP6 || l.IPv4LL || len(l.Addresses) > 0 || l.AcceptRA != nil && *l.AcceptRA
}

// byDHCPCD says whether dhcpcd has work on the link.
func (l Link) byDHCPCD() bool { return l.DHCP || l.DHCP6 || l.IPv4LL }

func (l *Link) addAddress(p netip.Prefix) {
	if !slices.Contains(l.Addresses, p) {
		l.Addresses = append(l.Addresses, p)
	}
}

func (l *Link) addDNS(servers, search []string) {
	l.DNS.Nameservers = appendNew(l.DNS.Nameservers, servers)
	l.DNS.Search = appendNew(l.DNS.Search, search)
}

// everywhere is the destination of a default route of the same family.
func everywhere(gateway netip.Addr) netip.Prefix {
	if gateway.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

func gatewayRoute(gateway netip.Addr) Route {
	return Route{To: everywhere(gateway), Via: gateway}
}
