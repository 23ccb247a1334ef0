package cloudconfig

// Docker holds the options of one Docker daemon (RancherOS's DockerConfig).
type Docker struct {
	// Bridge of the daemon's default network; none is without.
	Bridge string `yaml:"bridge"`
	// Address of the bridge.
	//
	//	bip: 172.18.42.1/16
	BIP string `yaml:"bip" format:"cidr"`
	// The daemon's configuration file, in JSON.
	ConfigFile string `yaml:"config_file"`
	// Socket of a containerd that runs already.
	Containerd string `yaml:"containerd"`
	// Log more.
	Debug *bool `yaml:"debug"`
	// Folder of what the daemon keeps while it runs.
	ExecRoot string `yaml:"exec_root"`
	// Group that may use the socket.
	Group string `yaml:"group"`
	// Folder of images, containers and volumes: RancherOS's name of data_root.
	Graph string `yaml:"graph"`
	// Folder of images, containers and volumes.
	DataRoot string `yaml:"data_root" from:"BurmillaOS"`
	// Where the daemon listens.
	//
	//	host: ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375"]
	Host []string `yaml:"host"`
	// Registries that are used without TLS, or with certificates nobody vouches
	// for.
	InsecureRegistry []string `yaml:"insecure_registry"`
	// Keep containers running while the daemon is down.
	LiveRestore *bool `yaml:"live_restore"`
	// How the output of containers is kept.
	LogDriver string `yaml:"log_driver"`
	// Options of the log driver.
	LogOpts map[string]string `yaml:"log_opts"`
	// The file with the daemon's process number.
	PidFile string `yaml:"pid_file"`
	// A mirror of Docker Hub to pull from first.
	RegistryMirror string `yaml:"registry_mirror"`
	// Start containers that ran before.
	Restart *bool `yaml:"restart"`
	// Use SELinux.
	SelinuxEnabled *bool `yaml:"selinux_enabled"`
	// How images are laid over each other on disk.
	StorageDriver string `yaml:"storage_driver"`
	// Use a process for each published port.
	UserlandProxy *bool `yaml:"userland_proxy"`
	// Run containers under user numbers of their own.
	UsernsEnabled *bool `yaml:"userns_enabled" from:"BurmillaOS"`

	// Further arguments of dockerd.
	ExtraArgs []string `yaml:"extra_args"`
	// The daemon's environment: a list of NAME=VALUE, or a map.
	Environment []string `yaml:"environment" keys:"variable" secret:"true"`
	// Which version of Docker runs.
	Engine string `yaml:"engine"`
	// The container in whose namespaces RancherOS ran the daemon.
	StorageContext string `yaml:"storage_context" default:"console"`
	// Let RancherOS's PID 1 become the daemon.
	Exec bool `yaml:"exec" default:"false"`
	// Listen with TLS too, as tls_args say.
	TLS bool `yaml:"tls" default:"false"`
	// Arguments that are added with tls.
	TLSArgs []string `yaml:"tls_args"`
	// Certificate of the daemon.
	ServerCert string `yaml:"server_cert" secret:"true"`
	// Key of the daemon's certificate.
	ServerKey string `yaml:"server_key" secret:"true"`
	// Certificate that clients' certificates are signed with.
	CACert string `yaml:"ca_cert" secret:"true"`
	// Key of that certificate.
	CAKey string `yaml:"ca_key" secret:"true"`
}
