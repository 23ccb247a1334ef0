package cloudconfig

// NetworkConfig is cloud-init's network configuration: of version 1 a list, of
// version 2 (netplan) a map for each kind of interface.
type NetworkConfig struct {
	// Version of the format.
	Version int `yaml:"version" min:"1" max:"2"`
	// Of version 1, everything. The word disabled leaves the network alone.
	Config NetworkItems `yaml:"config"`
	// The program that netplan uses.
	Renderer string `yaml:"renderer"`
	// Of version 2, wired interfaces by name.
	Ethernets map[string]Ethernet `yaml:"ethernets"`
	// Interfaces made of several.
	Bonds map[string]BondConfig `yaml:"bonds"`
	// Switches made of interfaces.
	Bridges map[string]BridgeConfig `yaml:"bridges"`
	// VLANs.
	Vlans map[string]VlanConfig `yaml:"vlans"`
	// Wireless interfaces, in netplan's keys.
	Wifis map[string]Free `yaml:"wifis" secret:"true"`
	// Tunnels; this system makes those of Wireguard.
	Tunnels map[string]TunnelConfig `yaml:"tunnels"`
	// Routing tables of their own, in netplan's keys.
	VRFs map[string]Free `yaml:"vrfs"`
	// Interfaces that lead nowhere.
	DummyDevices map[string]LinkConfig `yaml:"dummy-devices"`
}

// NetworkItems is a list of version 1, or the word disabled.
type NetworkItems struct {
	Disabled bool
	Items    []NetworkItem
}

// NetworkItem is one entry of version 1: an interface, name servers or a route.
type NetworkItem struct {
	// What this is.
	Type string `yaml:"type" enum:"physical|bond|bridge|vlan|nameserver|route|loopback|infiniband" required:"true"`
	// Name of the interface.
	Name string `yaml:"name" format:"interface"`
	// Hardware address of the interface.
	MACAddress string `yaml:"mac_address" format:"mac"`
	// Largest packet in bytes.
	MTU int `yaml:"mtu" min:"68" max:"65535"`
	// Addresses of the interface.
	Subnets []Subnet `yaml:"subnets"`
	// Take routes and name servers that routers announce.
	AcceptRA *bool `yaml:"accept-ra,accept_ra"`
	// Keep the addresses that the interface has.
	KeepConfiguration bool `yaml:"keep_configuration"`
	// Parts of a bond.
	BondInterfaces []string `yaml:"bond_interfaces"`
	// Parts of a bridge.
	BridgeInterfaces []string `yaml:"bridge_interfaces"`
	// Parameters of a bond or a bridge.
	Params map[string]Texts `yaml:"params"`
	// The interface that a VLAN is on.
	VlanLink string `yaml:"vlan_link" format:"interface"`
	// Number of a VLAN.
	VlanID int `yaml:"vlan_id" min:"1" max:"4094"`
	// Addresses of name servers; the length of a network behind one does not count.
	Address Texts `yaml:"address" format:"nameserver"`
	// Domains in which short names are looked up.
	Search Texts `yaml:"search" format:"domain"`
	// The interface that name servers belong to.
	Interface string `yaml:"interface"`
	// The network that a route leads to.
	Destination string `yaml:"destination" format:"network"`
	// The same, as OpenStack calls it.
	Network string `yaml:"network" format:"network"`
	// The network's mask or length.
	Netmask string `yaml:"netmask" format:"netmask"`
	// The router of a route.
	Gateway string `yaml:"gateway" format:"ip"`
	// Routes with a lower one are preferred.
	Metric int `yaml:"metric" min:"0"`
	// An identifier of the datasource's.
	ID string `yaml:"id"`
}

// Subnet are addresses of one interface in version 1.
type Subnet struct {
	// Where the addresses come from.
	Type string `yaml:"type" enum:"dhcp|dhcp4|dhcp6|static|static6|manual|ipv6_dhcpv6-stateful|ipv6_dhcpv6-stateless|ipv6_slaac"`
	// When the interface is set up.
	Control string `yaml:"control" enum:"auto|manual|hotplug"`
	// A fixed address, perhaps with the length of its network.
	Address string `yaml:"address" format:"network"`
	// The network's mask or length.
	Netmask string `yaml:"netmask" format:"netmask"`
	// Address of all machines in the network: always the last one here.
	Broadcast string `yaml:"broadcast" format:"ip"`
	// The router to everywhere.
	Gateway string `yaml:"gateway" format:"ip"`
	// Name servers.
	DNSNameservers Texts `yaml:"dns_nameservers" format:"ip"`
	// Domains in which short names are looked up.
	DNSSearch Texts `yaml:"dns_search" format:"domain"`
	// Routes over this interface.
	Routes []SubnetRoute `yaml:"routes"`
	// How far the address is known: always everywhere (global) here.
	Scope string `yaml:"scope"`
	// Routes with a lower one are preferred.
	Metric int `yaml:"metric" min:"0"`
	// These are IPv4 addresses.
	IPv4 *bool `yaml:"ipv4"`
	// These are IPv6 addresses.
	IPv6 *bool `yaml:"ipv6"`
	// An identifier of the datasource's.
	ID string `yaml:"id"`
}

// SubnetRoute is a route in version 1.
type SubnetRoute struct {
	// The network that the route leads to.
	Destination string `yaml:"destination" format:"network"`
	// The same, as OpenStack calls it.
	Network string `yaml:"network" format:"network"`
	// The network's mask or length.
	Netmask string `yaml:"netmask" format:"netmask"`
	// The router.
	Gateway string `yaml:"gateway" format:"ip"`
	// Routes with a lower one are preferred.
	Metric int `yaml:"metric" min:"0"`
}

// LinkAddress is an address with the length of its network. Netplan lets it be a key
// that has a label or a lifetime below it.
type LinkAddress string

// ListenPort is the number of a port, 0 for any, which netplan calls auto.
type ListenPort int

// LinkConfig are the keys of version 2 that every kind of interface has.
type LinkConfig struct {
	// Ask DHCP for an IPv4 address.
	DHCP4 bool `yaml:"dhcp4" default:"false"`
	// Ask DHCP for an IPv6 address.
	DHCP6 bool `yaml:"dhcp6" default:"false"`
	// What is taken from DHCP.
	DHCP4Overrides DHCPOverrides `yaml:"dhcp4-overrides"`
	// What is taken from DHCP for IPv6.
	DHCP6Overrides DHCPOverrides `yaml:"dhcp6-overrides"`
	// What DHCP is told about who is asking: mac, the hardware address, which is the
	// only one here.
	DHCPIdentifier string `yaml:"dhcp-identifier"`
	// Addresses with the length of their network.
	Addresses []LinkAddress `yaml:"addresses" format:"cidr"`
	// The router to everywhere. Today that is a route to default.
	Gateway4 string `yaml:"gateway4" format:"ip"`
	// The router to everywhere for IPv6.
	Gateway6 string `yaml:"gateway6" format:"ipv6"`
	// Name servers of this interface.
	Nameservers LinkDNS `yaml:"nameservers"`
	// Routes over this interface.
	Routes []Route `yaml:"routes"`
	// Rules for which packets use another table of routes.
	RoutingPolicy []RoutingRule `yaml:"routing-policy"`
	// Take routes and name servers that routers announce.
	AcceptRA *bool `yaml:"accept-ra"`
	// What is taken of what routers announce; dhcp6-overrides says so where this does not.
	RAOverrides RAOverrides `yaml:"ra-overrides"`
	// Addresses that the interface gives itself.
	LinkLocal []string `yaml:"link-local" enum:"ipv4|ipv6"`
	// Use addresses of IPv6 that change.
	IPv6Privacy *bool `yaml:"ipv6-privacy"`
	// Largest packet in bytes.
	MTU int `yaml:"mtu" min:"68" max:"65535"`
	// Hardware address to use in place of the interface's own.
	MACAddress string `yaml:"macaddress" format:"mac"`
	// The boot does not wait for this interface.
	Optional bool `yaml:"optional" default:"false"`
	// Keep the address when the DHCP client ends: here, all interfaces do.
	Critical bool `yaml:"critical" default:"false"`
	// The program that netplan uses.
	Renderer string `yaml:"renderer"`
}

// Ethernet is a wired interface.
type Ethernet struct {
	LinkConfig
	// Which interface is meant; the key is only a name then.
	Match LinkMatch `yaml:"match"`
	// The name to give to the interface. When this is taken out the interface gets back
	// the one that it came with, unless another entry is for the name that it has.
	SetName string `yaml:"set-name" format:"interface"`
	// Let packets of the network switch the machine on.
	WakeOnLAN bool `yaml:"wakeonlan" default:"false"`
}

// LinkMatch chooses interfaces; all of it must fit.
type LinkMatch struct {
	// Pattern of the interface's name.
	Name string `yaml:"name"`
	// Hardware address of the interface.
	MACAddress string `yaml:"macaddress" format:"mac"`
	// Pattern of the driver's name.
	Driver Texts `yaml:"driver"`
}

// BondConfig is an interface made of several.
type BondConfig struct {
	LinkConfig
	// Its parts.
	Interfaces []string `yaml:"interfaces"`
	// How it works, in netplan's keys.
	//
	//	parameters: {mode: 802.3ad, mii-monitor-interval: 100}
	Parameters map[string]Texts `yaml:"parameters"`
}

// BridgeConfig is a switch made of interfaces.
type BridgeConfig struct {
	LinkConfig
	// Its parts.
	Interfaces []string `yaml:"interfaces"`
	// How it works, in netplan's keys.
	Parameters map[string]Free `yaml:"parameters"`
}

// VlanConfig is a VLAN on an interface.
type VlanConfig struct {
	LinkConfig
	// Its number.
	ID int `yaml:"id" min:"0" max:"4094" required:"merged"`
	// The interface that it is on.
	Link string `yaml:"link" required:"merged"`
}

// DHCPOverrides say what is taken from DHCP.
type DHCPOverrides struct {
	// The name that DHCP is told.
	Hostname string `yaml:"hostname"`
	// Tell DHCP the machine's name.
	SendHostname *bool `yaml:"send-hostname" default:"true"`
	// Routes with a lower one are preferred.
	RouteMetric int `yaml:"route-metric" min:"0"`
	// Take name servers.
	UseDNS *bool `yaml:"use-dns" default:"true"`
	// Take the domain: true, false, or route for look-ups alone.
	UseDomains string `yaml:"use-domains" enum:"true|false|route"`
	// Take the machine's name.
	UseHostname *bool `yaml:"use-hostname" default:"true"`
	// Take the size of packets.
	UseMTU *bool `yaml:"use-mtu" default:"true"`
	// Take time servers.
	UseNTP *bool `yaml:"use-ntp" default:"true"`
	// Take routes.
	UseRoutes *bool `yaml:"use-routes" default:"true"`
}

// RAOverrides say what is taken of what routers of IPv6 announce.
type RAOverrides struct {
	// Take name servers.
	UseDNS *bool `yaml:"use-dns" default:"true"`
	// Take the domain: true, false, or route for look-ups alone.
	UseDomains string `yaml:"use-domains" enum:"true|false|route"`
}

// LinkDNS are name servers of one interface.
type LinkDNS struct {
	// Their addresses.
	Addresses []string `yaml:"addresses" format:"ip"`
	// Domains in which short names are looked up.
	Search []string `yaml:"search" format:"domain"`
}

// Route is a route of version 2.
type Route struct {
	// The network that it leads to, or default.
	To string `yaml:"to" format:"destination" required:"true"`
	// The router.
	Via string `yaml:"via" format:"ip"`
	// The address to send from.
	From string `yaml:"from" format:"ip"`
	// The router is on this network, whatever its address says.
	OnLink bool `yaml:"on-link" default:"false"`
	// Routes with a lower one are preferred.
	Metric int `yaml:"metric" min:"0"`
	// The routing table that it is in.
	Table int `yaml:"table" min:"0"`
	// Largest packet in bytes.
	MTU int `yaml:"mtu" min:"68" max:"65535"`
	// What kind of route it is.
	Type string `yaml:"type"`
	// How far its addresses are known.
	Scope string `yaml:"scope"`
}

// RoutingRule says which packets use another table of routes.
type RoutingRule struct {
	// The network that packets come from.
	From string `yaml:"from" format:"destination"`
	// The network that packets go to.
	To string `yaml:"to" format:"destination"`
	// The routing table that is used.
	Table int `yaml:"table" min:"0" required:"merged"`
	// Rules with a lower one come first.
	Priority int `yaml:"priority" min:"0"`
	// The firewall's mark of packets.
	Mark int `yaml:"mark" min:"0"`
	// The type of service of packets.
	TypeOfService int `yaml:"type-of-service" min:"0" max:"255"`
}

// TunnelConfig is a tunnel to other machines.
type TunnelConfig struct {
	LinkConfig
	// What kind of tunnel this is; this system makes wireguard.
	Mode string `yaml:"mode" required:"merged"`
	// This machine's end, which wireguard has not.
	Local string `yaml:"local" format:"ip"`
	// The other end; of wireguard it is a peer's endpoint.
	Remote string `yaml:"remote" format:"ip"`
	// The tunnel's key; of wireguard the private one.
	Key Free `yaml:"key" secret:"true"`
	// The same as a map.
	Keys TunnelKeys `yaml:"keys"`
	// The port that wireguard listens on; auto is any.
	Port ListenPort `yaml:"port" min:"0" max:"65535"`
	// The firewall's mark of packets that wireguard sends.
	Mark int `yaml:"mark" min:"0"`
	// How far packets go; not of wireguard.
	TTL int `yaml:"ttl" min:"0" max:"255"`
	// The other machines of wireguard.
	Peers []TunnelPeer `yaml:"peers"`
}

// TunnelKeys are the keys of a tunnel, or of one of its peers.
type TunnelKeys struct {
	// This machine's own key.
	Private string `yaml:"private" secret:"true"`
	// The peer's key.
	Public string `yaml:"public"`
	// A key that both have, besides.
	Shared string `yaml:"shared" secret:"true"`
}

// TunnelPeer is another machine of a wireguard tunnel.
type TunnelPeer struct {
	// Its keys, public and perhaps shared.
	Keys TunnelKeys `yaml:"keys"`
	// Where it is: an address or a name, and a port.
	Endpoint string `yaml:"endpoint"`
	// Networks that are behind it.
	AllowedIPs []string `yaml:"allowed-ips" format:"cidr"`
	// Seconds between signs of life.
	Keepalive int `yaml:"keepalive" min:"0" max:"65535"`
}
