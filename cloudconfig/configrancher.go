package cloudconfig

// Rancher is everything below the key "rancher".
type Rancher struct {
	// Which console the service console runs.
	Console string `yaml:"console" default:"default"`
	// Variables for services: NAME for all, service/NAME for one. A service asks
	// for them with a NAME without value, or PREFIX*, in its own environment.
	//
	//	environment:
	//	  REGISTRY_DOMAIN: registry.example.com
	//	  web/PORT: "8080"
	Environment map[string]string `yaml:"environment" keys:"variable" secret:"true"`
	// Services that the machine keeps running, by name. Keys of the compose
	// specification and of RancherOS (compose v1) may be used; a service with the
	// label io.rancher.os.scope: system runs in System Docker.
	//
	//	services:
	//	  web:
	//	    image: nginx:1.29
	//	    ports: ["80:80"]
	//	    restart: always
	Services Services `yaml:"services"`
	// User Docker, which runs the user's containers.
	//
	//	docker:
	//	  registry_mirror: https://mirror.example.com
	//	  log_opts: {max-size: 25m, max-file: "2"}
	Docker Docker `yaml:"docker"`
	// System Docker, which runs the machine's own services.
	SystemDocker Docker `yaml:"system_docker"`
	// Where user-data comes from and what is done with it.
	CloudInit CloudInit `yaml:"cloud_init"`
	// Log more, in both Docker daemons too.
	Debug bool `yaml:"debug" default:"false"`
	// Copy /usr to the state partition anew.
	RmUsr bool `yaml:"rm_usr" default:"false"`
	// Do not share the mounts of the root with containers.
	NoSharedRoot bool `yaml:"no_sharedroot" default:"false"`
	// Show what services print while they start.
	Log bool `yaml:"log" default:"false"`
	// Recreate the console once.
	ForceConsole bool `yaml:"force_console_rebuild" default:"false"`
	// Boot to the recovery console.
	Recovery bool `yaml:"recovery" default:"false"`
	// Kernel parameters that have no effect: those that set a password or log in
	// by themselves.
	//
	//	disable: [password, autologin]
	Disable []string `yaml:"disable" enum:"password|autologin"`
	// Services from a repository or a file, by name, address or path, and whether
	// they run. A name is looked for in the image, in /var/lib/rancher/conf, and in
	// the repositories in the order of their names. An address may end with
	// #sha256= and what the definition has to be; of a name see repositories.
	//
	//	services_include:
	//	  nfs: true
	//	  /var/lib/rancher/conf/backup.yml: true
	//	  https://services.example.com/web.yml: true
	ServicesInclude map[string]bool `yaml:"services_include"`
	// Kernel modules to load, with their parameters.
	//
	//	modules: [br_netfilter, nbd max_part=8]
	Modules []string `yaml:"modules"`
	// Interfaces, addresses, name servers and proxies.
	//
	//	network:
	//	  interfaces:
	//	    eth0:
	//	      address: 192.168.1.10/24
	//	      gateway: 192.168.1.1
	//	  dns:
	//	    nameservers: [9.9.9.9]
	Network Network `yaml:"network"`
	// Where service definitions come from, by name. What was fetched once is kept,
	// and used without the network.
	//
	//	repositories:
	//	  core:
	//	    url: https://services.example.com
	//	    sha256: {nfs: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae}
	Repositories map[string]Repo `yaml:"repositories"`
	// The SSH daemon of the console.
	SSH SSH `yaml:"ssh"`
	// Where the machine's state is kept.
	//
	//	state:
	//	  dev: LABEL=RANCHER_STATE
	//	  autoformat: [/dev/sda, /dev/vda]
	State State `yaml:"state"`
	// What the machine measures about itself, for Prometheus.
	//
	//	metrics:
	//	  listen: 0.0.0.0:9273
	Metrics Metrics `yaml:"metrics"`
	// Where new releases come from.
	Upgrade Upgrade `yaml:"upgrade"`
	// Credentials for registries, by the registry's name.
	//
	//	registry_auths:
	//	  registry.example.com:
	//	    username: ann
	//	    password: secret
	RegistryAuths map[string]Auth `yaml:"registry_auths" secret:"true"`
	// What holds where nothing else is said. The image sets it.
	Defaults Defaults `yaml:"defaults"`
	// The device to grow once to the size of its disk.
	ResizeDevice string `yaml:"resize_device" format:"device"`
	// Kernel settings. One that is taken out becomes what it was before.
	//
	//	sysctl:
	//	  net.ipv4.ip_forward: "1"
	Sysctl map[string]string `yaml:"sysctl" keys:"sysctl"`
	// Services to restart once user-data is there.
	RestartServices []string `yaml:"restart_services"`
	// Run the tools of the hypervisor that the machine is on.
	HypervisorSvc bool `yaml:"hypervisor_service" default:"false"`
	// Seconds that services have to end before the machine goes down anyway; 0 is
	// the default.
	ShutdownTimeout int `yaml:"shutdown_timeout" min:"5" default:"60"`
	// How often the download of a service definition is tried, before it is tried
	// more and more seldom.
	HTTPLoadRetries int `yaml:"http_load_retries" min:"0" default:"6"`
	// Pull images only when those in /var/lib/rancher/preload/system-docker and
	// /var/lib/rancher/preload/docker are loaded, as far as they can be.
	PreloadWait bool `yaml:"preload_wait" default:"false"`
	// Password of the user rancher: text or a crypt hash. It is meant for the
	// kernel command line of one machine.
	Password string `yaml:"password" secret:"true"`
	// The terminal on which rancher is logged in at boot.
	//
	//	autologin: tty1
	Autologin string `yaml:"autologin"`
	// Services that RancherOS ran before it mounted the state partition.
	Bootstrap Services `yaml:"bootstrap"`
	// Services that RancherOS ran to find its user-data.
	CloudInitSvcs Services `yaml:"cloud_init_services"`
	// The Docker daemon in which RancherOS ran its bootstrap services.
	BootstrapDocker Docker `yaml:"bootstrap_docker"`
}

// CloudInit lists where to look for user-data.
type CloudInit struct {
	// Sources of user-data and meta-data, asked in this order; the first that has
	// any is used. A source may have an argument after a colon.
	//
	//	datasources: [nocloud, "configdrive:/media/config-2"]
	Datasources []string `yaml:"datasources"`
	// Seconds that each source has to answer, once the network is up. Afterwards
	// what it said at an earlier boot is used, and it is asked again now and then.
	Timeout int `yaml:"timeout" min:"1" max:"3600" default:"120" from:"ros"`
	// Take user-data and what it includes over http and tftp, too, where anybody on
	// the way can read and change it. Metadata services on the machine's own link
	// are asked in any case, and so are addresses that are pinned: #sha256= and 64
	// digits behind them say what is there.
	AllowHTTP bool `yaml:"allow_http" default:"false" from:"ros"`
	// Ask EC2's metadata service without a token when it gives none.
	IMDSv1 bool `yaml:"imds_v1" default:"false" from:"ros"`
	// How often runcmd and the user's script run: at every boot, as on RancherOS,
	// or once for each instance-id, as with cloud-init.
	RunCmd string `yaml:"runcmd" enum:"per-boot|per-instance" default:"per-boot" from:"ros"`
	// Seconds that a command of runcmd, or a script, may take. Then it is ended.
	CommandTimeout int `yaml:"command_timeout" min:"1" default:"600" from:"ros"`
}

// Repo is a repository of service definitions.
type Repo struct {
	// Address of the folder that holds index.yml. With http, anybody on the way can
	// change a definition that is not pinned.
	URL string `yaml:"url" required:"merged"`
	// What definitions have to be, by service: one with another SHA-256 is not used.
	SHA256 map[string]string `yaml:"sha256" format:"sha256"`
}

// SSH configures the console's SSH daemon.
type SSH struct {
	// Host keys by type, as rsa and rsa-pub. They are made when there are none.
	Keys map[string]string `yaml:"keys" secret:"true"`
	// Run the daemon.
	Daemon *bool `yaml:"daemon" default:"true"`
	// The port to listen on.
	Port int `yaml:"port" min:"1" max:"65535" default:"22"`
	// The address to listen on; all when empty.
	ListenAddress string `yaml:"listen_address" format:"host"`
}

// State says where the machine's state is kept.
type State struct {
	// A folder of the device that holds the state, rather than its root.
	Directory string `yaml:"directory" format:"folder"`
	// Type of the file system.
	FSType string `yaml:"fstype" default:"auto"`
	// The device: a path, or a file system by LABEL= or UUID=.
	Dev string `yaml:"dev" format:"device" default:"LABEL=RANCHER_STATE"`
	// Wait for the device.
	Wait bool `yaml:"wait" default:"false"`
	// Stop the boot when the device is not there, rather than keep state in
	// memory.
	Required bool `yaml:"required" default:"false"`
	// Disks of which the first blank one is formatted when there is no state
	// device.
	Autoformat []string `yaml:"autoformat" format:"device"`
	// Assemble software RAIDs first.
	MdadmScan bool `yaml:"mdadm_scan" default:"false"`
	// Activate logical volumes first.
	LvmScan bool `yaml:"lvm_scan" default:"false"`
	// Open encrypted disks first, asking for their passphrases.
	Cryptsetup bool `yaml:"cryptsetup" default:"false"`
	// Run a daemon that gathers randomness first.
	Rngd bool `yaml:"rngd" default:"false"`
	// A script to run before the device is looked for.
	Script string `yaml:"script"`
	// Type of the OEM file system.
	OemFSType string `yaml:"oem_fstype" default:"auto"`
	// Device of the OEM file system.
	OemDev string `yaml:"oem_dev" format:"device" default:"LABEL=RANCHER_OEM"`
	// Type of the boot file system.
	BootFSType string `yaml:"boot_fstype" default:"auto"`
	// Device of the boot file system.
	BootDev string `yaml:"boot_dev" format:"device" default:"LABEL=RANCHER_BOOT"`
}

// Metrics says who may read what the machine measures about itself.
type Metrics struct {
	// Address and port where whoever can reach it reads the controller's metrics,
	// without a password; the path is /metrics. Where nothing is said, only root
	// reads them, from the controller's socket.
	Listen string `yaml:"listen" format:"listen"`
}

// Upgrade says where new releases come from.
type Upgrade struct {
	// Address of the list of releases.
	URL string `yaml:"url"`
	// The image that upgrades the machine.
	Image string `yaml:"image"`
	// The release to go back to.
	Rollback string `yaml:"rollback"`
	// What to do about a new release by itself.
	Policy string `yaml:"policy" enum:"auto|download|none"`
}

// Auth is a registry credential.
type Auth struct {
	// Name of the account.
	Username string `yaml:"username"`
	// Its password.
	Password string `yaml:"password" secret:"true"`
	// Both in one: base64 of username:password.
	Auth string `yaml:"auth" format:"registry-auth" secret:"true"`
	// Mail address of the account.
	Email string `yaml:"email"`
	// Address of the registry, when it is not the key.
	ServerAddress string `yaml:"serveraddress"`
	// A token that stands for the account.
	IdentityToken string `yaml:"identitytoken" secret:"true"`
	// A token that is sent to the registry as it is.
	RegistryToken string `yaml:"registrytoken" secret:"true"`
}

// Defaults are used where the configuration says nothing.
type Defaults struct {
	// Name of a machine that nobody named.
	Hostname string `yaml:"hostname" format:"hostname" default:"rancher"`
	// Options of User Docker.
	Docker Docker `yaml:"docker"`
	// Name servers and the time limit of DHCP.
	Network Network `yaml:"network"`
	// Where System Docker logs.
	SystemDockerLogs string `yaml:"system_docker_logs" format:"file" default:"/var/log/system-docker.log"`
}
