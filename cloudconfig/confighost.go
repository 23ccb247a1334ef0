package cloudconfig

// HostConfig are cloud-init's keys for the machine's name, its resolver, its
// network and whom it trusts.
type HostConfig struct {
	// The machine's whole name with its domain. The part before the first dot is
	// its host name, unless hostname says another; what the datasource has for a
	// host name does not count then.
	//
	//	fqdn: web1.example.com
	FQDN string `yaml:"fqdn" format:"domain-name" from:"cloud-init"`
	// Use the whole name as host name where both are known.
	PreferFQDN bool `yaml:"prefer_fqdn_over_hostname" default:"false" from:"cloud-init"`
	// Leave the host name as it is.
	PreserveHostname bool `yaml:"preserve_hostname" default:"false" from:"cloud-init"`
	// Make /etc/hostname when it is missing.
	CreateHostnameFile bool `yaml:"create_hostname_file" default:"true" from:"cloud-init"`
	// Keep the machine's own names in /etc/hosts: in a whole new file (true, or
	// template), or only in the line of 127.0.1.1 (localhost).
	ManageEtcHosts string `yaml:"manage_etc_hosts" enum:"true|false|localhost|template" default:"false" from:"cloud-init"`
	// Write /etc/resolv.conf from resolv_conf. See rancher.network.dns for this
	// system's own key.
	ManageResolvConf bool `yaml:"manage_resolv_conf" default:"false" from:"cloud-init"`
	// What the resolver is told, where manage_resolv_conf says so.
	//
	//	manage_resolv_conf: true
	//	resolv_conf:
	//	  nameservers: [9.9.9.9, 149.112.112.112]
	//	  searchdomains: [example.com]
	//	  options: {rotate: true, timeout: 1}
	ResolvConf ResolvConf `yaml:"resolv_conf" from:"cloud-init"`
	// Certificates of authorities that the machine trusts, and its Docker daemons
	// from their next start on.
	//
	//	ca_certs:
	//	  trusted:
	//	    - |
	//	      -----BEGIN CERTIFICATE-----
	//	      MIIB…
	//	      -----END CERTIFICATE-----
	CACerts CACerts `yaml:"ca_certs,ca-certs" from:"cloud-init"`
	// The network in cloud-init's format, version 1 or 2 (netplan). Datasources
	// give it; in a cloud-config it stands below the interfaces of rancher.network.
	//
	//	network:
	//	  version: 2
	//	  ethernets:
	//	    eth0:
	//	      addresses: [192.168.1.10/24]
	//	      routes: [{to: default, via: 192.168.1.1}]
	//	      nameservers: {addresses: [9.9.9.9]}
	NetworkConfig NetworkConfig `yaml:"network" from:"cloud-init"`
	// Whether configuration of the machine's vendor is used.
	//
	//	vendor_data: {enabled: false}
	VendorData VendorData `yaml:"vendor_data" from:"cloud-init"`
	// The same for the vendor's second set, which OpenStack has.
	VendorData2 VendorData `yaml:"vendor_data2" from:"cloud-init"`
}

// ResolvConf is what goes into /etc/resolv.conf.
type ResolvConf struct {
	// Addresses of name servers.
	Nameservers []string `yaml:"nameservers" format:"ip"`
	// Domains in which short names are looked up.
	SearchDomains []string `yaml:"searchdomains" format:"domain"`
	// The machine's own domain.
	Domain string `yaml:"domain" format:"domain"`
	// Networks whose addresses come first.
	SortList []string `yaml:"sortlist"`
	// Options of the resolver; one without a value is true.
	Options map[string]string `yaml:"options"`
}

// CACerts are authorities that are trusted.
type CACerts struct {
	// Trust none of those that the image trusts.
	RemoveDefaults bool `yaml:"remove_defaults,remove-defaults" default:"false"`
	// Certificates to trust, as PEM.
	Trusted []string `yaml:"trusted"`
}

// VendorData says what happens with the vendor's configuration.
type VendorData struct {
	// Use it.
	Enabled *bool `yaml:"enabled" default:"true"`
	// A command to put before each of the vendor's scripts.
	Prefix Texts `yaml:"prefix"`
}
