package cloudconfig

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	notYet           = "not applied by this version"
	noPackages       = "no package manager"
	noSuchService    = "there is no such program on this system"
	asDriver         = "the driver's own setting is left"
	noNetworkManager = "there is no NetworkManager on this system"
	noBootstrap      = "there is no Bootstrap Docker on this system"
	noSuchTunnel     = "this system makes tunnels of wireguard alone"
)

// ignoredKeys are keys that are accepted and have no effect, by pattern of path,
// and why. Configurations are shared with machines that run cloud-init, so its
// keys must not be errors.
var ignoredKeys = map[string]string{
	"EXTRA_CMDLINE": "the kernel command line is read directly",

	// Keys of cloud-init that may get a meaning on this system.
	"system_info":               notYet,
	"ssh_publish_hostkeys":      notYet,
	"ssh":                       notYet,
	"no_ssh_fingerprints":       notYet,
	"ssh_fp_console_blacklist":  notYet,
	"ssh_key_console_blacklist": notYet,
	"authkey_hash":              notYet,
	"output":                    notYet,
	"reporting":                 notYet,
	"rsyslog":                   notYet,
	"wireguard":                 notYet,
	"autoinstall":               notYet,
	"updates":                   notYet,
	"datasource":                notYet + "; see rancher.cloud_init.datasources",
	"datasource_list":           notYet + "; see rancher.cloud_init.datasources",

	// Keys that RancherOS took and did not read.
	"rancher.autoformat":            "see rancher.state.autoformat",
	"rancher.state.formatzero":      "see rancher.state.autoformat",
	"rancher.docker.args":           "see rancher.docker.extra_args",
	"rancher.system_docker.args":    "see rancher.system_docker.extra_args",
	"rancher.bootstrap_docker.args": noBootstrap,
	"rancher.defaults.docker.args":  "see rancher.docker.extra_args",

	// Keys of netplan, wherever an interface has them.
	"network.modems":                                         notYet,
	"network.nm-devices":                                     noNetworkManager,
	"network.openvswitch":                                    noSuchService,
	"network.virtual-ethernets":                              notYet,
	"network.ethernets.*.activation-mode":                    notYet,
	"network.ethernets.*.auth":                               notYet,
	"network.ethernets.*.delay-virtual-functions-rebind":     notYet,
	"network.ethernets.*.embedded-switch-mode":               notYet,
	"network.ethernets.*.emit-lldp":                          noSuchService,
	"network.ethernets.*.generic-receive-offload":            asDriver,
	"network.ethernets.*.generic-segmentation-offload":       asDriver,
	"network.ethernets.*.hairpin":                            notYet,
	"network.ethernets.*.ignore-carrier":                     notYet,
	"network.ethernets.*.infiniband-mode":                    notYet,
	"network.ethernets.*.ipv6-address-generation":            notYet,
	"network.ethernets.*.ipv6-address-token":                 notYet,
	"network.ethernets.*.ipv6-mtu":                           notYet,
	"network.ethernets.*.large-receive-offload":              asDriver,
	"network.ethernets.*.link":                               "no virtual function is made: the interface has to be there",
	"network.ethernets.*.neigh-suppress":                     notYet,
	"network.ethernets.*.networkmanager":                     noNetworkManager,
	"network.ethernets.*.openvswitch":                        noSuchService,
	"network.ethernets.*.optional-addresses":                 notYet,
	"network.ethernets.*.port-mac-learning":                  notYet,
	"network.ethernets.*.ra-overrides.table":                 notYet,
	"network.ethernets.*.receive-checksum-offload":           asDriver,
	"network.ethernets.*.tcp-segmentation-offload":           asDriver,
	"network.ethernets.*.tcp6-segmentation-offload":          asDriver,
	"network.ethernets.*.transmit-checksum-offload":          asDriver,
	"network.ethernets.*.virtual-function-count":             notYet,
	"network.ethernets.*.routes.*.advertised-mss":            notYet,
	"network.ethernets.*.routes.*.advertised-receive-window": notYet,
	"network.ethernets.*.routes.*.congestion-window":         notYet,

	// Keys of tunnels other than those of wireguard, which are not made.
	"network.tunnels.*.ageing":                 noSuchTunnel,
	"network.tunnels.*.aging":                  noSuchTunnel,
	"network.tunnels.*.arp-proxy":              noSuchTunnel,
	"network.tunnels.*.checksums":              noSuchTunnel,
	"network.tunnels.*.do-not-fragment":        noSuchTunnel,
	"network.tunnels.*.extensions":             noSuchTunnel,
	"network.tunnels.*.flow-label":             noSuchTunnel,
	"network.tunnels.*.id":                     noSuchTunnel,
	"network.tunnels.*.limit":                  noSuchTunnel,
	"network.tunnels.*.link":                   noSuchTunnel,
	"network.tunnels.*.mac-learning":           noSuchTunnel,
	"network.tunnels.*.notifications":          noSuchTunnel,
	"network.tunnels.*.port-range":             noSuchTunnel,
	"network.tunnels.*.short-circuit":          noSuchTunnel,
	"network.tunnels.*.type-of-service":        noSuchTunnel,
	"network.tunnels.*.keys.input":             noSuchTunnel,
	"network.tunnels.*.keys.output":            noSuchTunnel,
	"network.tunnels.*.keys.private-key-flags": noNetworkManager,

	// How cloud-init works inside.
	"cloud_init_modules":   "the order of work is fixed on this system",
	"cloud_config_modules": "the order of work is fixed on this system",
	"cloud_final_modules":  "the order of work is fixed on this system",
	"jinja_template":       "write \"## template: jinja\" as the first line",
	"launch-index":         "the parts of user-data are all read",
	"version":              "there is one version of the format",
	"migrate":              "nothing of cloud-init's is kept",
	"disable_ec2_metadata": notYet,

	"manual_cache_clean": notYet,
	"def_log_file":       "logs are in /var/log",
	"syslog_fix_perms":   "logs are in /var/log",
	"log_cfgs":           "logs are in /var/log",

	// Packages.
	"debconf_selections":         noPackages,
	"packages":                   noPackages,
	"package_update":             noPackages,
	"package_upgrade":            noPackages,
	"package_reboot_if_required": noPackages,
	"apt":                        noPackages,
	"apt_pipelining":             noPackages,
	"apt_update":                 noPackages,
	"apt_upgrade":                noPackages,
	"apt_reboot_if_required":     noPackages,
	"apt_sources":                noPackages,
	"apt_mirror":                 noPackages,
	"apt_preserve_sources_list":  noPackages,
	"apk_repos":                  noPackages,
	"yum_repos":                  noPackages,
	"yum_repo_dir":               noPackages,
	"zypper":                     noPackages,
	"snap":                       noPackages,
	"bootstrap_packages":         noPackages,
	"rh_subscription":            noPackages,
	"ubuntu_advantage":           noPackages,
	"ubuntu_pro":                 noPackages,
	"drivers":                    noPackages,

	// Programs that are not part of this system.
	"puppet":           noSuchService,
	"chef":             noSuchService,
	"salt_minion":      noSuchService,
	"ansible":          noSuchService,
	"mcollective":      noSuchService,
	"landscape":        noSuchService,
	"spacewalk":        noSuchService,
	"lxd":              noSuchService,
	"fan":              noSuchService,
	"byobu_by_default": noSuchService,
	"bootc":            noSuchService,
	"fips":             noSuchService,
	"grub_dpkg":        noSuchService,
	"grub-dpkg":        noSuchService,
	"rpi":              noSuchService,
}

// notApplied are the keys of the schema that have no effect in this version, by
// pattern of path ("*" is any key or item), and why. All others are applied.
var notApplied = map[string]string{
	// RancherOS's.
	"rancher.console":                notYet,
	"rancher.bootstrap":              noBootstrap,
	"rancher.bootstrap_docker":       noBootstrap,
	"rancher.cloud_init_services":    noBootstrap,
	"rancher.rm_usr":                 "/usr is never copied on this system",
	"rancher.no_sharedroot":          "the root is always shared on this system",
	"rancher.log":                    notYet,
	"rancher.force_console_rebuild":  notYet,
	"rancher.upgrade":                notYet,
	"rancher.restart_services":       "services are recreated when their configuration changes",
	"rancher.hypervisor_service":     notYet,
	"rancher.network.modem_networks": notYet,
	"rancher.state.mdadm_scan":       notYet,
	"rancher.state.lvm_scan":         notYet,
	"rancher.state.cryptsetup":       notYet,
	"rancher.state.rngd":             notYet,
	"rancher.state.script":           notYet,
	"rancher.state.oem_fstype":       notYet,
	"rancher.state.oem_dev":          notYet,
	"rancher.state.boot_fstype":      notYet,
	"rancher.state.boot_dev":         notYet,
	"rancher.docker.engine":          "the engine of this version cannot be switched",
	"rancher.docker.storage_context": "User Docker runs in a container of its own",
	"rancher.defaults.docker.engine": "the engine of this version cannot be switched",

	// cloud-init's.
	"disable_root_opts":    "where root may not log in, he has no keys",
	"users.*.doas":         "there is no doas on this system",
	"users.*.selinux_user": "there is no SELinux on this system",
	"users.*.snapuser":     "there is no Snap on this system: give the user a name and keys",
	"users.*.no_log_init":  "logins are not noted on this system",
	"ntp.config":           "chrony is configured by this system",
	"power_state.timeout":  "the machine goes down when all else has ended",
	"ssh_quiet_keygen":     notYet,
	"network.wifis":        "wireless networks are in rancher.network.wifi_networks",
	"network.vrfs":         notYet,
	"vendor_data.prefix":   notYet,
}

// unused warns of values that somebody wrote and that have no effect. What the
// image's own configuration says is not the user's to change.
func unused(m Merged) Report {
	var report Report
	if m.Doc.Root == nil {
		return nil
	}
	for _, pattern := range slices.Sorted(maps.Keys(notApplied)) {
		path := strings.Split(pattern, ".")
		f, ok := fieldAt(path)
		if !ok {
			continue
		}
		for _, spelling := range strings.Split(f.from.Tag.Get("yaml"), ",") {
			path[len(path)-1] = spelling
			eachMatch(m.Doc.Root, path, nil, func(n *yaml.Node, path []string) {
				if asksForSomething(n, f) && !m.onlyOSConfig(path) {
					report = append(report, Problem{
						Pos: m.Doc.Pos(n), Path: JoinPath(m.Doc.asWritten(path)...), Msg: "is ignored: " + notApplied[pattern], Severity: Warning,
					})
				}
			})
		}
	}
	return slices.Concat(report, unknownDatasources(m), withoutEffect(m))
}

// fieldAt is the field that a path of keys leads to.
func fieldAt(path []string) (field, bool) {
	parent := schemaRoot.below(path[:len(path)-1]...)
	if parent.shape == nil {
		return field{}, false
	}
	f, ok := parent.shape.fields().byKey[path[len(path)-1]]
	return f, ok
}

// eachMatch calls f for the values that a pattern leads to.
func eachMatch(n *yaml.Node, pattern, path []string, f func(*yaml.Node, []string)) {
	switch {
	case n == nil:
		return
	case len(pattern) == 0:
		f(n, path)
		return
	case pattern[0] != "*":
		eachMatch(child(n, pattern[0]), pattern[1:], append(path[:len(path):len(path)], pattern[0]), f)
		return
	}
	for i, v := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			eachMatch(v, pattern[1:], append(path[:len(path):len(path)], strconv.Itoa(i)), f)
		case n.Kind == yaml.MappingNode && i%2 == 1:
			eachMatch(v, pattern[1:], append(path[:len(path):len(path)], n.Content[i-1].Value), f)
		}
	}
}

// asksForSomething says that a value is another than what holds without it.
func asksForSomething(n *yaml.Node, f field) bool {
	if n.Kind != yaml.ScalarNode {
		return len(n.Content) > 0
	}
	unasked := f.from.Tag.Get("default")
	if b, ok := yamlBool(n); ok {
		return strconv.FormatBool(b) != cmp.Or(unasked, "false")
	}
	return n.Value != "" && n.Value != "0" && n.Value != unasked && !isNull(n)
}

// onlyOSConfig says that no layer of a user's spoke about a path.
func (m Merged) onlyOSConfig(path []string) bool {
	for _, l := range m.layers {
		if l.Name != layerOSConfig && lookup(l.Doc.Root, path) != nil {
			return false
		}
	}
	return true
}

// datasources are the sources of user-data that can be asked.
var datasources = []string{
	"*", "aliyun", "azure", "cloudstack", "cmdline", "configdrive", "digitalocean", "ec2", "exoscale", "file", "gce", "hetzner",
	"nocloud", "openstack", "proxmox", "tftp", "url", "vmware", "vultr",
}

// unknownDatasources warns of sources of user-data that are not asked.
func unknownDatasources(m Merged) Report {
	path := []string{"rancher", "cloud_init", "datasources"}
	list := lookup(m.Doc.Root, path)
	if list == nil || list.Kind != yaml.SequenceNode || m.onlyOSConfig(path) {
		return nil
	}
	var report Report
	for _, n := range list.Content {
		kind, _, _ := strings.Cut(n.Value, ":")
		if kind = strings.ToLower(strings.TrimSpace(kind)); kind == "" || slices.Contains(datasources, kind) {
			continue
		}
		msg, hint := "datasource "+kind+" is ignored: there is none of that name", "one of "+strings.Join(datasources, ", ")
		if near := Nearest(kind, datasources); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		if kind == "packet" {
			msg, hint = "datasource packet is ignored: that cloud has ended", ""
		}
		report = append(report, Problem{Pos: m.Doc.Pos(n), Path: JoinPath(m.Doc.asWritten(path)...), Severity: Warning, Msg: msg, Hint: hint})
	}
	return report
}

// whyNotApplied is why a field has no effect in this version, "" when it has.
func whyNotApplied(f field) string {
	for pattern, why := range notApplied {
		if at, ok := fieldAt(strings.Split(pattern, ".")); ok && at.owner == f.owner && at.key == f.key {
			return why
		}
	}
	return ""
}

// whyIgnored is why a key that is not known has no effect, by its path, or by what it
// is in.
func whyIgnored(path []string, in reflect.Type) (why string, ok bool) {
	if why, ok = ignoredKeys[strings.Join(path, ".")]; ok {
		return why, true
	}
	key := path[len(path)-1]
	if prefix, found := ignoredBelow(in); found {
		why, ok = ignoredKeys[prefix+key]
	}
	if !ok && in == reflect.TypeFor[TunnelConfig]() { // it has what every interface has, too
		why, ok = ignoredKeys["network.ethernets.*."+key]
	}
	return why, ok
}

// ignoredBelow is where the ignored keys beside those of a type are.
func ignoredBelow(t reflect.Type) (prefix string, found bool) {
	switch t {
	case reflect.TypeFor[Config]():
		return "", true
	case reflect.TypeFor[Rancher]():
		return "rancher.", true
	case reflect.TypeFor[Docker]():
		return "rancher.docker.", true
	case reflect.TypeFor[State]():
		return "rancher.state.", true
	case reflect.TypeFor[NetworkConfig]():
		return "network.", true
	case reflect.TypeFor[Ethernet](), reflect.TypeFor[BondConfig](), reflect.TypeFor[BridgeConfig](), reflect.TypeFor[VlanConfig](),
		reflect.TypeFor[LinkConfig]():
		return "network.ethernets.*.", true
	case reflect.TypeFor[TunnelConfig]():
		return "network.tunnels.*.", true
	case reflect.TypeFor[TunnelKeys]():
		return "network.tunnels.*.keys.", true
	case reflect.TypeFor[Route]():
		return "network.ethernets.*.routes.*.", true
	}
	return "", false
}
