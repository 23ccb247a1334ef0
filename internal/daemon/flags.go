package daemon

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// form is the kind of value that an option has.
type form int

const (
	text form = iota
	number
	boolean
	list    // a flag that may be repeated, a JSON array
	mapping // a flag that may be repeated with key=value, a JSON object
	opaque  // a flag and a JSON value of their own shapes
	flagOnly
)

// option is one option of dockerd: as a flag and in daemon.json.
type option struct {
	key  string // in daemon.json; the flag's name when empty
	form form
}

// dockerOptions are the options of Docker 29 by the name of their flags. An
// option that is not here would keep the daemon from starting.
var dockerOptions = map[string]option{
	"add-runtime":                  {"runtimes", opaque},
	"allow-direct-routing":         {"", boolean},
	"apparmor-profile":             {"", text},
	"authorization-plugin":         {"authorization-plugins", list},
	"bip":                          {"", text},
	"bip6":                         {"", text},
	"bridge":                       {"", text},
	"bridge-accept-fwmark":         {"", text},
	"cdi-spec-dir":                 {"cdi-spec-dirs", list},
	"cgroup-parent":                {"", text},
	"containerd":                   {"", text},
	"containerd-namespace":         {"", text},
	"containerd-plugins-namespace": {"", text},
	"cpu-rt-period":                {"", number},
	"cpu-rt-runtime":               {"", number},
	"cri-containerd":               {"", boolean},
	"data-root":                    {"", text},
	"debug":                        {"", boolean},
	"default-address-pool":         {"default-address-pools", opaque},
	"default-cgroupns-mode":        {"", text},
	"default-gateway":              {"", text},
	"default-gateway-v6":           {"", text},
	"default-ipc-mode":             {"", text},
	"default-network-opt":          {"default-network-opts", opaque},
	"default-runtime":              {"", text},
	"default-shm-size":             {"", opaque},
	"default-stop-timeout":         {"", number},
	"default-ulimit":               {"default-ulimits", opaque},
	"dns":                          {"", list},
	"dns-opt":                      {"dns-opts", list},
	"dns-search":                   {"", list},
	"exec-opt":                     {"exec-opts", list},
	"exec-root":                    {"", text},
	"experimental":                 {"", boolean},
	"extension-dir":                {"extension-dirs", list},
	"feature":                      {"features", mapping},
	"firewall-backend":             {"", text},
	"fixed-cidr":                   {"", text},
	"fixed-cidr-v6":                {"", text},
	"group":                        {"", text},
	"host":                         {"hosts", list},
	"host-gateway-ip":              {"host-gateway-ips", list},
	"http-proxy":                   {"", text},
	"https-proxy":                  {"", text},
	"icc":                          {"", boolean},
	"init":                         {"", boolean},
	"init-path":                    {"", text},
	"insecure-registry":            {"insecure-registries", list},
	"ip":                           {"", text},
	"ip-forward":                   {"", boolean},
	"ip-forward-no-drop":           {"", boolean},
	"ip-masq":                      {"", boolean},
	"ip6tables":                    {"", boolean},
	"iptables":                     {"", boolean},
	"ipv6":                         {"", boolean},
	"label":                        {"labels", list},
	"live-restore":                 {"", boolean},
	"log-driver":                   {"", text},
	"log-format":                   {"", text},
	"log-level":                    {"", text},
	"log-opt":                      {"log-opts", mapping},
	"max-concurrent-downloads":     {"", number},
	"max-concurrent-uploads":       {"", number},
	"max-download-attempts":        {"", number},
	"metrics-addr":                 {"", text},
	"mtu":                          {"", number},
	"network-control-plane-mtu":    {"", number},
	"network-diagnostic-port":      {"", number},
	"no-new-privileges":            {"", boolean},
	"no-proxy":                     {"", text},
	"node-generic-resource":        {"node-generic-resources", list},
	"nri-opts":                     {"", opaque},
	"pidfile":                      {"", text},
	"raw-logs":                     {"", boolean},
	"registry-mirror":              {"registry-mirrors", list},
	"restart":                      {"", flagOnly},
	"rootless":                     {"", boolean},
	"seccomp-profile":              {"", text},
	"selinux-enabled":              {"", boolean},
	"shutdown-timeout":             {"", number},
	"storage-driver":               {"", text},
	"storage-opt":                  {"storage-opts", list},
	"swarm-default-advertise-addr": {"", text},
	"tls":                          {"", boolean},
	"tlscacert":                    {"", text},
	"tlscert":                      {"", text},
	"tlskey":                       {"", text},
	"tlsverify":                    {"", boolean},
	"userland-proxy":               {"", boolean},
	"userland-proxy-path":          {"", text},
	"userns-remap":                 {"", text},
}

// flagAliases are the short flags, and the names that options once had.
var flagAliases = map[string]string{
	"b": "bridge", "D": "debug", "G": "group", "H": "host", "l": "log-level",
	"p": "pidfile", "r": "restart", "s": "storage-driver",
	"g": "data-root", "graph": "data-root", "exec-opts": "exec-opt",
}

// arg is one flag as written.
type arg struct {
	flag     string // canonical name
	value    string
	hasValue bool
}

// flags reads extra_args, and tls_args when TLS is on. What daemon.json can say
// goes there, since dockerd refuses an option that is in both; the rest is
// returned, to be passed as flags.
func (b *builder) flags(o cloudconfig.Docker) []string {
	extra := b.flagList("extra_args", o.ExtraArgs)
	if verified, _ := b.doc["tlsverify"].(bool); verified {
		extra = append(extra, b.flagList("tls_args", o.TLSArgs)...)
	}
	return extra
}

func (b *builder) flagList(from string, args []string) []string {
	var rest []string
	fresh := map[string]bool{} // lists that these args have begun anew
	for len(nonEmpty(args)) > 0 {
		word := args[0]
		args = args[1:]
		if word == "" {
			continue
		}
		a, ok := parseArg(word)
		opt, known := dockerOptions[a.flag]
		if !ok || !known {
			b.warn(from, "dockerd has no flag %q", flagWord(word))
			args = dropValue(args, a)
			continue
		}
		if takesValue(a.flag, opt) && !a.hasValue {
			if len(args) == 0 {
				b.warn(from, "flag %q has no value", word)
				continue
			}
			a.value, args = args[0], args[1:]
		}
		rest = append(rest, b.flag(from, a, opt, fresh)...)
	}
	return rest
}

// parseArg splits --name=value, -n=value and -nvalue.
func parseArg(word string) (arg, bool) {
	name, ok := strings.CutPrefix(word, "--")
	if !ok {
		name, ok = strings.CutPrefix(word, "-")
		if ok && len(name) > 1 && flagAliases[name[:1]] != "" && !strings.HasPrefix(name[1:], "=") {
			name = name[:1] + "=" + name[1:]
		}
	}
	if !ok || name == "" {
		return arg{}, false
	}
	var a arg
	a.flag, a.value, a.hasValue = strings.Cut(name, "=")
	if full, ok := flagAliases[a.flag]; ok {
		a.flag = full
	}
	return a, true
}

// flagWord is a flag without its value, which may be secret.
func flagWord(word string) string {
	name, _, _ := strings.Cut(word, "=")
	return name
}

// dropValue drops what looks like the value of a flag that nobody knows.
func dropValue(args []string, a arg) []string {
	if len(args) > 0 && !a.hasValue && !strings.HasPrefix(args[0], "-") {
		return args[1:]
	}
	return args
}

func takesValue(flag string, opt option) bool {
	return opt.form != boolean && flag != "restart"
}

// flag puts one flag into the configuration, or returns it.
func (b *builder) flag(from string, a arg, opt option, fresh map[string]bool) []string {
	key := opt.keyOf(a.flag)
	switch opt.form {
	case text:
		b.set(key, a.value)
	case boolean:
		b.setParsed(from, a, func() (any, error) { return strconv.ParseBool(orTrue(a)) })
	case number:
		b.setParsed(from, a, func() (any, error) { return strconv.Atoi(a.value) })
	case list:
		b.appendTo(key, a.value, fresh)
	case mapping:
		b.putInto(key, a.value)
	case opaque, flagOnly:
		if key != "runtimes" { // runtimes may be in both
			delete(b.doc, key)
		}
		return []string{"--" + a.flag + "=" + orTrue(a)}
	}
	return nil
}

func orTrue(a arg) string {
	if a.value == "" && !a.hasValue {
		return "true"
	}
	return a.value
}

func (o option) keyOf(flag string) string {
	if o.key != "" {
		return o.key
	}
	return flag
}

func (b *builder) setParsed(from string, a arg, parse func() (any, error)) {
	v, err := parse()
	if err != nil {
		b.warn(from, "flag --%s cannot have the value %q", a.flag, a.value)
		return
	}
	b.set(dockerOptions[a.flag].keyOf(a.flag), v)
}

// appendTo adds to a list; the first flag of its name replaces what was there,
// except for the sockets and registries, which add up.
func (b *builder) appendTo(key, value string, fresh map[string]bool) {
	if key == "hosts" {
		b.addHost(value)
		return
	}
	old, _ := b.doc[key].([]string)
	if !fresh[key] && key != "insecure-registries" {
		old = nil
	}
	fresh[key] = true
	b.set(key, append(slices.Clone(old), value))
}

func (b *builder) putInto(key, pair string) {
	name, value, _ := strings.Cut(pair, "=")
	if key == "features" {
		object(b.doc[key])[name] = value == "" || value == "true"
		return
	}
	m, _ := b.doc[key].(map[string]string)
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[name] = value
	b.set(key, m)
}
