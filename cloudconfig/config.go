package cloudconfig

import "gopkg.in/yaml.v3"

// Config is the typed, merged, validated configuration: what the machine should
// be. It is built once by [Merged.Config] and never changed afterwards.
//
// The yaml tags are the schema: strict decoding walks them, and a key that is
// not here is an error with a suggestion.
type Config struct {
	SSHAuthorizedKeys []string    `yaml:"ssh_authorized_keys"`
	WriteFiles        []WriteFile `yaml:"write_files"`
	Hostname          string      `yaml:"hostname"`
	Mounts            [][]string  `yaml:"mounts"`
	RunCmd            []Command   `yaml:"runcmd"`
	BootCmd           []Command   `yaml:"bootcmd"`
	Rancher           Rancher     `yaml:"rancher"`

	merged Merged // for positions of values
}

// Command is a shell line (one element, Shell set) or an argument vector.
type Command struct {
	Shell string
	Args  []string
}

// WriteFile is a file to write at boot.
type WriteFile struct {
	Path        string `yaml:"path"`
	Content     string `yaml:"content" secret:"true"`
	Encoding    string `yaml:"encoding"`    // "", b64, base64, gz, gzip, gz+b64, gzip+base64 and the like
	Owner       string `yaml:"owner"`       // user, or user:group
	Permissions string `yaml:"permissions"` // octal, "0644" when empty
	Container   string `yaml:"container"`   // "console" when empty
	Append      bool   `yaml:"append"`
}

// Rancher is everything below the key "rancher".
type Rancher struct {
	Console         string            `yaml:"console"`
	Environment     map[string]string `yaml:"environment" secret:"true"`
	Services        Services          `yaml:"services"`
	Bootstrap       Services          `yaml:"bootstrap"`
	CloudInitSvcs   Services          `yaml:"cloud_init_services"`
	BootstrapDocker Docker            `yaml:"bootstrap_docker"`
	SystemDocker    Docker            `yaml:"system_docker"`
	Docker          Docker            `yaml:"docker"`
	CloudInit       CloudInit         `yaml:"cloud_init"`
	Debug           bool              `yaml:"debug"`
	RmUsr           bool              `yaml:"rm_usr"`
	NoSharedRoot    bool              `yaml:"no_sharedroot"`
	Log             bool              `yaml:"log"`
	ForceConsole    bool              `yaml:"force_console_rebuild"`
	Recovery        bool              `yaml:"recovery"`
	Disable         []string          `yaml:"disable"`
	ServicesInclude map[string]bool   `yaml:"services_include"`
	Modules         []string          `yaml:"modules"`
	Network         Network           `yaml:"network"`
	Repositories    map[string]Repo   `yaml:"repositories"`
	SSH             SSH               `yaml:"ssh"`
	State           State             `yaml:"state"`
	Upgrade         Upgrade           `yaml:"upgrade"`
	RegistryAuths   map[string]Auth   `yaml:"registry_auths" secret:"true"`
	Defaults        Defaults          `yaml:"defaults"`
	ResizeDevice    string            `yaml:"resize_device"`
	Sysctl          map[string]string `yaml:"sysctl"`
	RestartServices []string          `yaml:"restart_services"`
	HypervisorSvc   bool              `yaml:"hypervisor_service"`
	ShutdownTimeout int               `yaml:"shutdown_timeout"` // seconds; 0 is 60, at least 5
	HTTPLoadRetries int               `yaml:"http_load_retries"`
	PreloadWait     bool              `yaml:"preload_wait"`
	Password        string            `yaml:"password" secret:"true"`
	Autologin       string            `yaml:"autologin"`
}

// Services are service definitions by name, in compose v1 keys or today's
// compose specification; package compose gives them their meaning.
type Services map[string]Definition

// Definition is one service as written, with its positions.
type Definition struct {
	Name string
	Node *yaml.Node // the mapping below the service's name
	Doc  Document   // for Doc.Pos of any node below Node
}

// Docker holds the options of one Docker daemon (RancherOS's DockerConfig).
type Docker struct {
	// Engine options.
	Bridge           string            `yaml:"bridge"`
	BIP              string            `yaml:"bip"`
	ConfigFile       string            `yaml:"config_file"`
	Containerd       string            `yaml:"containerd"`
	Debug            *bool             `yaml:"debug"`
	ExecRoot         string            `yaml:"exec_root"`
	Group            string            `yaml:"group"`
	Graph            string            `yaml:"graph"`     // RancherOS's name of data_root
	DataRoot         string            `yaml:"data_root"` // BurmillaOS's name of graph
	Host             []string          `yaml:"host"`
	InsecureRegistry []string          `yaml:"insecure_registry"`
	LiveRestore      *bool             `yaml:"live_restore"`
	LogDriver        string            `yaml:"log_driver"`
	LogOpts          map[string]string `yaml:"log_opts"`
	PidFile          string            `yaml:"pid_file"`
	RegistryMirror   string            `yaml:"registry_mirror"`
	Restart          *bool             `yaml:"restart"`
	SelinuxEnabled   *bool             `yaml:"selinux_enabled"`
	StorageDriver    string            `yaml:"storage_driver"`
	UserlandProxy    *bool             `yaml:"userland_proxy"`
	UsernsEnabled    *bool             `yaml:"userns_enabled"`
	// Around the engine.
	ExtraArgs      []string `yaml:"extra_args"`
	Environment    []string `yaml:"environment" secret:"true"`
	Engine         string   `yaml:"engine"`
	StorageContext string   `yaml:"storage_context"`
	Exec           bool     `yaml:"exec"`
	TLS            bool     `yaml:"tls"`
	TLSArgs        []string `yaml:"tls_args"`
	ServerCert     string   `yaml:"server_cert" secret:"true"`
	ServerKey      string   `yaml:"server_key" secret:"true"`
	CACert         string   `yaml:"ca_cert" secret:"true"`
	CAKey          string   `yaml:"ca_key" secret:"true"`
}

// CloudInit lists where to look for user-data.
type CloudInit struct {
	Datasources []string `yaml:"datasources"`
}

// Network is the machine's network (RancherOS's netconf).
type Network struct {
	PreCmds       []string             `yaml:"pre_cmds" json:"pre_cmds,omitempty"`
	PostCmds      []string             `yaml:"post_cmds" json:"post_cmds,omitempty"`
	DHCPTimeout   int                  `yaml:"dhcp_timeout" json:"dhcp_timeout,omitempty"` // seconds
	DNS           DNS                  `yaml:"dns" json:"dns"`
	HTTPProxy     string               `yaml:"http_proxy" json:"http_proxy,omitempty"`
	HTTPSProxy    string               `yaml:"https_proxy" json:"https_proxy,omitempty"`
	NoProxy       string               `yaml:"no_proxy" json:"no_proxy,omitempty"`
	Interfaces    map[string]Interface `yaml:"interfaces" json:"interfaces,omitempty"`
	WifiNetworks  map[string]Wifi      `yaml:"wifi_networks" json:"-" secret:"true"`
	ModemNetworks map[string]Modem     `yaml:"modem_networks" json:"-"`
}

// DNS is the resolver's configuration.
type DNS struct {
	Nameservers []string `yaml:"nameservers" json:"nameservers,omitempty"`
	Search      []string `yaml:"search" json:"search,omitempty"`
}

// Interface is one interface, chosen by key, Match ("eth*", "mac:aa:*") or both.
type Interface struct {
	Match       string            `yaml:"match" json:"match,omitempty"`
	DHCP        bool              `yaml:"dhcp" json:"dhcp,omitempty"`
	DHCPArgs    string            `yaml:"dhcp_args" json:"dhcp_args,omitempty"`
	Address     string            `yaml:"address" json:"address,omitempty"` // CIDR
	Addresses   []string          `yaml:"addresses" json:"addresses,omitempty"`
	IPV4LL      bool              `yaml:"ipv4ll" json:"ipv4ll,omitempty"`
	Gateway     string            `yaml:"gateway" json:"gateway,omitempty"`
	GatewayIPv6 string            `yaml:"gateway_ipv6" json:"gateway_ipv6,omitempty"`
	MTU         int               `yaml:"mtu" json:"mtu,omitempty"`
	Bridge      string            `yaml:"bridge" json:"bridge,omitempty"`
	Bond        string            `yaml:"bond" json:"bond,omitempty"`
	BondOpts    map[string]string `yaml:"bond_opts" json:"bond_opts,omitempty"`
	PreUp       []string          `yaml:"pre_up" json:"pre_up,omitempty"`
	PostUp      []string          `yaml:"post_up" json:"post_up,omitempty"`
	Vlans       string            `yaml:"vlans" json:"vlans,omitempty"`
	WifiNetwork string            `yaml:"wifi_network" json:"wifi_network,omitempty"`
}

// Wifi is one wireless network.
type Wifi struct {
	Address           string   `yaml:"address"`
	Gateway           string   `yaml:"gateway"`
	ScanSSID          int      `yaml:"scan_ssid"`
	SSID              string   `yaml:"ssid"`
	PSK               string   `yaml:"psk" secret:"true"`
	Priority          int      `yaml:"priority"`
	Pairwise          string   `yaml:"pairwise"`
	Group             string   `yaml:"group"`
	EAP               string   `yaml:"eap"`
	Identity          string   `yaml:"identity"`
	AnonymousIdentity string   `yaml:"anonymous_identity"`
	CACerts           []string `yaml:"ca_certs"`
	ClientCerts       []string `yaml:"client_certs"`
	PrivateKeys       []string `yaml:"private_keys" secret:"true"`
	PrivateKeyPasswds []string `yaml:"private_key_passwds" secret:"true"`
	Phases            []string `yaml:"phases"`
	EapolFlags        int      `yaml:"eapol_flags"`
	KeyMgmt           string   `yaml:"key_mgmt"`
	Password          string   `yaml:"password" secret:"true"`
}

// Modem is one mobile network.
type Modem struct {
	APN       string `yaml:"apn"`
	ExtraArgs string `yaml:"extra_args"`
}

// Repo is a repository of service definitions.
type Repo struct {
	URL string `yaml:"url"`
}

// SSH configures the console's SSH daemon.
type SSH struct {
	Keys          map[string]string `yaml:"keys" secret:"true"`
	Daemon        *bool             `yaml:"daemon"` // nil is true
	Port          int               `yaml:"port"`
	ListenAddress string            `yaml:"listen_address"`
}

// State says where the machine's state is kept.
type State struct {
	Directory  string   `yaml:"directory"`
	FSType     string   `yaml:"fstype"`
	Dev        string   `yaml:"dev"` // path, LABEL= or UUID=
	Wait       bool     `yaml:"wait"`
	Required   bool     `yaml:"required"`
	Autoformat []string `yaml:"autoformat"` // blank disks that may be formatted
	MdadmScan  bool     `yaml:"mdadm_scan"`
	LvmScan    bool     `yaml:"lvm_scan"`
	Cryptsetup bool     `yaml:"cryptsetup"`
	Rngd       bool     `yaml:"rngd"`
	Script     string   `yaml:"script"`
	OemFSType  string   `yaml:"oem_fstype"`
	OemDev     string   `yaml:"oem_dev"`
	BootFSType string   `yaml:"boot_fstype"`
	BootDev    string   `yaml:"boot_dev"`
}

// Upgrade says where new releases come from.
type Upgrade struct {
	URL      string `yaml:"url"`
	Image    string `yaml:"image"`
	Rollback string `yaml:"rollback"`
	Policy   string `yaml:"policy"`
}

// Auth is a registry credential.
type Auth struct {
	Username      string `yaml:"username"`
	Password      string `yaml:"password" secret:"true"`
	Auth          string `yaml:"auth" secret:"true"` // base64 of user:password
	Email         string `yaml:"email"`
	ServerAddress string `yaml:"serveraddress"`
	IdentityToken string `yaml:"identitytoken" secret:"true"`
	RegistryToken string `yaml:"registrytoken" secret:"true"`
}

// Defaults are used where the configuration says nothing.
type Defaults struct {
	Hostname         string  `yaml:"hostname"`
	Docker           Docker  `yaml:"docker"`
	Network          Network `yaml:"network"`
	SystemDockerLogs string  `yaml:"system_docker_logs"`
}
