package daemon

import (
	"maps"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// options puts what the cloud-config says over what is there.
func (b *builder) options(o cloudconfig.Docker) {
	b.places(o)
	b.network(o)
	b.registries(o)
	b.logs(o)
	b.storage(o)
	for key, value := range map[string]*bool{
		"debug": o.Debug, "live-restore": o.LiveRestore, "selinux-enabled": o.SelinuxEnabled,
		"userland-proxy": o.UserlandProxy,
	} {
		if value != nil {
			b.set(key, *value)
		}
	}
	if o.UsernsEnabled != nil && *o.UsernsEnabled {
		b.warn("userns_enabled", "Docker has no such option; use extra_args: [--userns-remap=default]")
	}
	b.unused(o)
}

// unused warns about options of RancherOS that mean nothing here.
func (b *builder) unused(o cloudconfig.Docker) {
	if o.Containerd != "" {
		b.warn("containerd", "containerd is part of the daemon")
	}
	if o.StorageContext != "" && o.StorageContext != "console" {
		b.warn("storage_context", "User Docker runs in a container of its own")
	}
}

func (b *builder) places(o cloudconfig.Docker) {
	b.place("data-root", "data_root", o.DataRoot)
	if o.DataRoot == "" {
		b.place("data-root", "graph", o.Graph)
	}
	b.place("exec-root", "exec_root", o.ExecRoot)
	b.place("pidfile", "pid_file", o.PidFile)
	switch {
	case o.Group == "":
	case b.role.fixed && o.Group != "root":
		b.warn("group", "the socket of System Docker is root's alone")
	case !b.hasGroup(o.Group):
		b.warn("group", "there is no group %q", o.Group)
	default:
		b.set("group", o.Group)
	}
	for _, h := range o.Host {
		b.addHost(h)
	}
}

// place sets a path, which System Docker's clients and the machine's own
// services rely on.
func (b *builder) place(key, option, value string) {
	switch {
	case value == "" || value == b.doc[key]:
	case b.role.fixed && !samePlace(value, b.doc[key]):
		b.warn(option, "%s keeps this at %v", b.role.name, b.doc[key])
	case !strings.HasPrefix(value, "/"):
		b.warn(option, "%q is not an absolute path", value)
	default:
		b.set(key, value)
	}
}

// samePlace knows that /var/run is a link to /run.
func samePlace(a string, b any) bool {
	s, ok := b.(string)
	return ok && strings.TrimPrefix(a, "/var") == strings.TrimPrefix(s, "/var")
}

// addHost adds a socket to listen on. The machine's own socket always stays.
func (b *builder) addHost(host string) {
	hosts, _ := b.doc["hosts"].([]string)
	path, unix := strings.CutPrefix(host, "unix://")
	switch {
	case host == "" || slices.Contains(hosts, host) || unix && samePlace(path, b.role.socket):
		return
	case strings.HasPrefix(host, "fd://"):
		b.warn("host", "%q: the daemon is not started through a socket", host)
		return
	case !strings.Contains(host, "://"):
		host = "tcp://" + host
	}
	b.set("hosts", append(slices.Clone(hosts), host))
}

func (b *builder) network(o cloudconfig.Docker) {
	switch {
	case b.role.fixed && o.BIP != "":
		b.warn("bip", "System Docker has no bridge: its services use the machine's network")
	case o.BIP != "" && o.Bridge != "":
		b.warn("bip", "only one of bip and bridge is possible")
	case o.BIP != "":
		b.set("bip", o.BIP)
		delete(b.doc, "bridge") // of the user's daemon.json; dockerd refuses both
	}
	switch {
	case o.Bridge == "" || o.Bridge == b.doc["bridge"]:
	case b.role.fixed:
		b.warn("bridge", "System Docker has no bridge: its services use the machine's network")
	default:
		b.set("bridge", o.Bridge)
		delete(b.doc, "bip")
	}
}

func (b *builder) registries(o cloudconfig.Docker) {
	if insecure := nonEmpty(o.InsecureRegistry); len(insecure) > 0 {
		b.set("insecure-registries", insecure)
	}
	switch m := o.RegistryMirror; {
	case m == "":
	case !strings.HasPrefix(m, "http://") && !strings.HasPrefix(m, "https://") || strings.ContainsAny(m, "?#@"):
		b.warn("registry_mirror", "is not a plain http:// or https:// address")
	default:
		b.set("registry-mirrors", []string{m})
	}
}

func nonEmpty(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
}

func (b *builder) logs(o cloudconfig.Docker) {
	if o.LogDriver != "" && o.LogDriver != b.doc["log-driver"] {
		b.set("log-driver", o.LogDriver)
		delete(b.doc, "log-opts") // they were those of another driver
	}
	if len(o.LogOpts) > 0 {
		b.set("log-opts", maps.Clone(o.LogOpts))
	}
}

// goneDrivers are storage drivers that Docker no longer has.
var goneDrivers = []string{"aufs", "devicemapper", "overlay"}

func (b *builder) storage(o cloudconfig.Docker) {
	switch d := o.StorageDriver; {
	case d == "" || d == "overlay2" || d == "overlayfs":
		// overlay2 was RancherOS's default; overlayfs is its successor and Docker's.
	case slices.Contains(goneDrivers, d):
		b.warn("storage_driver", "Docker no longer has %q; overlayfs is used", d)
	case b.role.fixed:
		b.warn("storage_driver", "System Docker uses overlayfs")
	default:
		b.set("storage-driver", d)
	}
}

func (b *builder) hasGroup(name string) bool { return b.env.HasGroup == nil || b.env.HasGroup(name) }
func (b *builder) exists(path string) bool   { return b.env.Exists == nil || b.env.Exists(path) }

// tls lets the daemon serve the network, to clients with a certificate.
func (b *builder) tls(o cloudconfig.Docker) {
	if !o.TLS {
		return
	}
	for _, f := range []struct{ path, option, content string }{
		{tlsCA, "ca_cert", o.CACert}, {tlsCert, "server_cert", o.ServerCert}, {tlsKey, "server_key", o.ServerKey},
	} {
		if f.content == "" && !b.exists(f.path) {
			b.out.Files, b.local = nil, true
			b.warn("tls", "%s is missing, and so is %s: the daemon does not serve the network", f.option, f.path)
			return
		}
		if f.content != "" {
			b.out.Files = append(b.out.Files, File{Path: f.path, Content: f.content})
		}
	}
	b.set("tlsverify", true)
	b.set("tlscacert", tlsCA)
	b.set("tlscert", tlsCert)
	b.set("tlskey", tlsKey)
	if len(o.TLSArgs) == 0 {
		b.addHost("tcp://0.0.0.0:2376")
	}
}

// settle drops what would keep the daemon from starting.
func (b *builder) settle() {
	if b.doc["bridge"] != nil && b.doc["bip"] != nil {
		delete(b.doc, "bip")
	}
	if b.doc["userland-proxy"] == true && b.doc["userland-proxy-path"] == nil {
		b.set("userland-proxy", false)
		b.warn("userland_proxy", "this system has no userland proxy")
	}
	object(b.doc["features"])["embedded-containerd"] = true // there is no containerd to start
	hosts, _ := b.doc["hosts"].([]string)
	if b.local {
		hosts = slices.DeleteFunc(slices.Clone(hosts), isTCP)
		b.set("hosts", hosts)
	}
	verified, _ := b.doc["tlsverify"].(bool)
	if slices.ContainsFunc(hosts, isTCP) && !verified && b.doc["tls"] == nil {
		b.set("tls", false) // without it Docker delays its start by 16 s to say what this says
		if slices.ContainsFunc(hosts, isPublic) {
			b.warn("host", "everyone on the network can become root through %v; use tls: true", hosts)
		}
	}
}

func isTCP(host string) bool { return strings.HasPrefix(host, "tcp://") }

func isPublic(host string) bool {
	return isTCP(host) && !strings.HasPrefix(host, "tcp://127.") && !strings.HasPrefix(host, "tcp://localhost:")
}
