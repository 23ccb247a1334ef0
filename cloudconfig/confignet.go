package cloudconfig

// Network is the machine's network (RancherOS's netconf).
type Network struct {
	// Commands to run before interfaces are set up.
	PreCmds []string `yaml:"pre_cmds" json:"pre_cmds,omitempty"`
	// Commands to run once interfaces are set up.
	PostCmds []string `yaml:"post_cmds" json:"post_cmds,omitempty"`
	// Seconds that DHCP has for an answer.
	DHCPTimeout int `yaml:"dhcp_timeout" json:"dhcp_timeout,omitempty" min:"0" default:"10"`
	// Name servers; those of DHCP are used where none are given.
	DNS DNS `yaml:"dns" json:"dns"`
	// Proxy for http, given to Docker, services and shells.
	HTTPProxy string `yaml:"http_proxy" json:"http_proxy,omitempty"`
	// Proxy for https.
	HTTPSProxy string `yaml:"https_proxy" json:"https_proxy,omitempty"`
	// Hosts that are reached without a proxy, with commas between.
	NoProxy string `yaml:"no_proxy" json:"no_proxy,omitempty"`
	// Interfaces by name, or by a pattern of names such as eth*.
	Interfaces map[string]Interface `yaml:"interfaces" json:"interfaces,omitempty"`
	// Wireless networks by name.
	WifiNetworks map[string]Wifi `yaml:"wifi_networks" json:"-"`
	// Mobile networks by name.
	ModemNetworks map[string]Modem `yaml:"modem_networks" json:"-"`
}

// DNS is the resolver's configuration.
type DNS struct {
	// Addresses of the name servers, the first being asked first.
	Nameservers []string `yaml:"nameservers" json:"nameservers,omitempty" format:"ip"`
	// Domains in which short names are looked up.
	Search []string `yaml:"search" json:"search,omitempty" format:"domain"`
}

// Interface is one interface, chosen by key, Match ("eth*", "mac:aa:*") or both.
type Interface struct {
	// The interface that is meant, when the key is only a name: a pattern of
	// names, or mac: and a pattern of hardware addresses.
	//
	//	match: "mac:52:54:00:*"
	Match string `yaml:"match" json:"match,omitempty"`
	// Ask DHCP for an address.
	DHCP bool `yaml:"dhcp" json:"dhcp,omitempty" default:"false"`
	// Arguments of the DHCP client, in place of its usual ones.
	DHCPArgs string `yaml:"dhcp_args" json:"dhcp_args,omitempty"`
	// An address with the length of its network.
	Address string `yaml:"address" json:"address,omitempty" format:"cidr"`
	// Further addresses.
	Addresses []string `yaml:"addresses" json:"addresses,omitempty" format:"cidr"`
	// Take an address of 169.254.0.0/16.
	IPV4LL bool `yaml:"ipv4ll" json:"ipv4ll,omitempty" default:"false"`
	// The router to everywhere.
	Gateway string `yaml:"gateway" json:"gateway,omitempty" format:"ip"`
	// The router to everywhere for IPv6.
	GatewayIPv6 string `yaml:"gateway_ipv6" json:"gateway_ipv6,omitempty" format:"ipv6"`
	// Largest packet in bytes; 0 leaves it as it is.
	MTU int `yaml:"mtu" json:"mtu,omitempty" min:"68" max:"65535"`
	// "true" makes the interface a bridge; a name puts it into that bridge.
	Bridge string `yaml:"bridge" json:"bridge,omitempty"`
	// The bond that the interface becomes part of.
	Bond string `yaml:"bond" json:"bond,omitempty"`
	// Options of the bond.
	//
	//	bond_opts: {mode: "4", miimon: "100"}
	BondOpts map[string]string `yaml:"bond_opts" json:"bond_opts,omitempty"`
	// Commands to run before the interface is set up; $iface is its name.
	PreUp []string `yaml:"pre_up" json:"pre_up,omitempty"`
	// Commands to run once the interface is set up; $iface is its name.
	PostUp []string `yaml:"post_up" json:"post_up,omitempty"`
	// VLANs on the interface, by number, or number:name.
	//
	//	vlans: "100,200:storage"
	Vlans string `yaml:"vlans" json:"vlans,omitempty" format:"vlans"`
	// The network of wifi_networks to join.
	WifiNetwork string `yaml:"wifi_network" json:"wifi_network,omitempty"`
}

// Wifi is one wireless network.
type Wifi struct {
	// A fixed address, in place of DHCP.
	Address string `yaml:"address"`
	// The router that goes with it.
	Gateway string `yaml:"gateway"`
	// 1 asks for a network that hides its name.
	ScanSSID int `yaml:"scan_ssid"`
	// Name of the network.
	SSID string `yaml:"ssid"`
	// The shared key.
	PSK string `yaml:"psk" secret:"true"`
	// Networks with a higher one are preferred.
	Priority int `yaml:"priority"`
	// Ciphers for one machine.
	Pairwise string `yaml:"pairwise"`
	// Ciphers for all machines.
	Group string `yaml:"group"`
	// Ways of proving who one is.
	EAP string `yaml:"eap"`
	// Who one is.
	Identity string `yaml:"identity"`
	// Who one is while nothing is encrypted.
	AnonymousIdentity string `yaml:"anonymous_identity"`
	// Files with certificates of authorities.
	CACerts []string `yaml:"ca_certs"`
	// Files with certificates of this machine.
	ClientCerts []string `yaml:"client_certs"`
	// Files with their keys.
	PrivateKeys []string `yaml:"private_keys" secret:"true"`
	// Passwords of those files.
	PrivateKeyPasswds []string `yaml:"private_key_passwds" secret:"true"`
	// Parameters of the two phases of EAP.
	Phases []string `yaml:"phases"`
	// Which keys change with time.
	EapolFlags int `yaml:"eapol_flags"`
	// How keys are agreed on.
	KeyMgmt string `yaml:"key_mgmt"`
	// Password for EAP.
	Password string `yaml:"password" secret:"true"`
}

// Modem is one mobile network.
type Modem struct {
	// The provider's access point.
	APN string `yaml:"apn"`
	// Further arguments of the modem's program.
	ExtraArgs string `yaml:"extra_args"`
}
