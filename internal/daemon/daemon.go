package daemon

import (
	"encoding/json"
	"fmt"

	"github.com/ros-os/ros/cloudconfig"
)

// The files of the two daemons.
const (
	SystemSocket     = "/var/run/system-docker.sock"
	SystemConfigFile = "/etc/docker/system-docker.json"
	UserSocket       = "/var/run/docker.sock"
	UserConfigFile   = "/run/ros/docker.json"
	// UserFile is the daemon.json that a user may write for User Docker.
	UserFile = "/etc/docker/daemon.json"

	tlsCA   = "/etc/docker/tls/ca.pem"
	tlsCert = "/etc/docker/tls/server-cert.pem"
	tlsKey  = "/etc/docker/tls/server-key.pem"
)

// Env is what the machine is asked about. Functions that are nil say yes.
type Env struct {
	Exists   func(path string) bool
	HasGroup func(name string) bool
	// File is the content of the daemon.json that the user wrote, or nil. Its
	// keys rank between the defaults and the cloud-config.
	File []byte
}

// File is a file that a daemon needs besides its configuration; it is secret.
type File struct {
	Path    string
	Content string
}

// Daemon is how one dockerd is started.
type Daemon struct {
	ConfigFile string
	JSON       []byte   // for ConfigFile; secret
	Args       []string // of dockerd, without its name; they name ConfigFile
	Environ    []string // to add to the environment
	Files      []File
	Socket     string
	// Warnings are options that are not used, and why. None of them keeps the
	// daemon from starting.
	Warnings cloudconfig.Report
}

// System is how System Docker is started.
func System(cfg cloudconfig.Config, env Env) Daemon {
	b := newBuilder(cfg, env, systemRole)
	b.set("bridge", "none") // system services live on the host's network, and User Docker has docker0
	b.set("iptables", false)
	b.set("ip6tables", false)
	b.set("data-root", "/var/lib/system-docker")
	b.set("exec-root", "/run/system-docker")
	b.set("pidfile", "/run/system-docker.pid")
	b.set("group", "root")
	return b.build(cfg.Rancher.SystemDocker)
}

// User is how User Docker is started.
func User(cfg cloudconfig.Config, env Env) Daemon {
	b := newBuilder(cfg, env, userRole)
	b.set("data-root", "/var/lib/docker")
	b.set("exec-root", "/run/docker")
	b.set("pidfile", "/run/docker.pid")
	b.set("group", "docker")
	return b.build(cfg.Rancher.Docker)
}

// role is what differs between the daemons.
type role struct {
	name       string
	path       []string // of its options in the configuration
	socket     string
	configFile string
	userFile   string // what config_file may say without a warning
	fixed      bool   // the machine depends on its places, network and image store
}

var systemRole = role{
	name: "System Docker", path: []string{"rancher", "system_docker"}, fixed: true,
	socket: SystemSocket, configFile: SystemConfigFile, userFile: SystemConfigFile,
}

var userRole = role{
	name: "User Docker", path: []string{"rancher", "docker"},
	socket: UserSocket, configFile: UserConfigFile, userFile: UserFile,
}

// builder gathers one daemon's configuration.
type builder struct {
	cfg  cloudconfig.Config
	env  Env
	role role
	doc  map[string]any // daemon.json
	out  Daemon
	// local means that TLS is wanted and impossible: the network is not served.
	local bool
}

func newBuilder(cfg cloudconfig.Config, env Env, r role) *builder {
	b := &builder{cfg: cfg, env: env, role: r, doc: map[string]any{
		"features":       map[string]any{"embedded-containerd": true},
		"hosts":          []string{"unix://" + r.socket},
		"live-restore":   true,
		"log-driver":     "json-file",
		"log-opts":       map[string]string{"max-size": "25m", "max-file": "2"},
		"userland-proxy": false, // no docker-proxy is shipped
	}}
	b.out.ConfigFile, b.out.Socket = r.configFile, r.socket
	return b
}

func (b *builder) build(opts cloudconfig.Docker) Daemon {
	b.file(opts)
	b.proxies()
	b.options(opts)
	if b.cfg.Rancher.Debug {
		b.set("debug", true)
	}
	b.tls(opts)
	extra := b.flags(opts)
	b.settle()
	b.out.Args = append([]string{"--config-file", b.role.configFile}, append(b.restart(opts), extra...)...)
	b.out.Environ = opts.Environment
	b.out.JSON = b.encode()
	return b.out
}

func (b *builder) set(key string, value any) { b.doc[key] = value }

// warn reports that an option is not used.
func (b *builder) warn(option, format string, args ...any) {
	path := append(append([]string{}, b.role.path...), option)
	p := cloudconfig.Problem{Msg: fmt.Sprintf(format, args...), Severity: cloudconfig.Warning}
	p.Pos = b.cfg.Pos(path...)
	for i, key := range path {
		if i > 0 {
			p.Path += "."
		}
		p.Path += key
	}
	b.out.Warnings = append(b.out.Warnings, p)
}

// proxies are what the daemon pulls through.
func (b *builder) proxies() {
	n := b.cfg.Rancher.Network
	proxies := map[string]any{}
	for key, value := range map[string]string{
		"http-proxy": n.HTTPProxy, "https-proxy": n.HTTPSProxy, "no-proxy": n.NoProxy,
	} {
		if value != "" {
			proxies[key] = value
		}
	}
	if len(proxies) > 0 {
		b.set("proxies", proxies)
	}
}

// restart is a flag only: daemon.json has no such key.
func (b *builder) restart(opts cloudconfig.Docker) []string {
	if opts.Restart == nil {
		return nil
	}
	return []string{fmt.Sprintf("--restart=%t", *opts.Restart)}
}

func (b *builder) encode() []byte {
	data, err := json.MarshalIndent(b.doc, "", "  ")
	if err != nil {
		// Every value is text, a number or a bool, or came out of JSON.
		b.warn("", "cannot be written as JSON: %v", err)
		return []byte("{}\n")
	}
	return append(data, '\n')
}
