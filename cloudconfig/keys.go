package cloudconfig

import (
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	notYet        = "not applied by this version"
	noPackages    = "no package manager"
	noSuchService = "there is no such program on this system"
)

// requiredKeys are keys without which a map makes no sense, by pattern of path.
var requiredKeys = map[string]string{
	"write_files.*":          "path",
	"rancher.repositories.*": "url",
}

// ignoredKeys are keys that are accepted and have no effect, by pattern of path,
// and why. Configurations are shared with machines that run cloud-init, so its
// keys must not be errors. A key without a reason is read elsewhere.
var ignoredKeys = map[string]string{
	"merge_how":  "",
	"merge_type": "",

	"EXTRA_CMDLINE": "the kernel command line is read directly",

	// Keys of cloud-init that have a meaning on this system.
	"users":                     notYet,
	"groups":                    notYet,
	"user":                      notYet,
	"system_info":               notYet,
	"chpasswd":                  notYet,
	"password":                  notYet + "; see rancher.password",
	"ssh_pwauth":                "logins over SSH are with keys only",
	"disable_root":              "root cannot log in over SSH",
	"disable_root_opts":         "root cannot log in over SSH",
	"ssh_import_id":             notYet,
	"ssh_keys":                  notYet + "; see rancher.ssh.keys",
	"ssh_deletekeys":            "host keys are made once for each machine",
	"ssh_genkeytypes":           notYet,
	"ssh_publish_hostkeys":      notYet,
	"ssh_quiet_keygen":          notYet,
	"ssh":                       notYet,
	"allow_public_ssh_keys":     notYet,
	"no_ssh_fingerprints":       notYet,
	"ssh_fp_console_blacklist":  notYet,
	"ssh_key_console_blacklist": notYet,
	"authkey_hash":              notYet,
	"fqdn":                      notYet + "; see hostname",
	"prefer_fqdn_over_hostname": notYet,
	"preserve_hostname":         notYet,
	"create_hostname_file":      notYet,
	"manage_etc_hosts":          "/etc/hosts is kept by this system",
	"manage_resolv_conf":        notYet + "; see rancher.network.dns",
	"resolv_conf":               notYet + "; see rancher.network.dns",
	"ntp":                       notYet,
	"timezone":                  notYet,
	"locale":                    notYet,
	"locale_configfile":         notYet,
	"keyboard":                  notYet,
	"growpart":                  notYet,
	"resize_rootfs":             notYet,
	"disk_setup":                notYet,
	"fs_setup":                  notYet,
	"device_aliases":            notYet,
	"swap":                      notYet,
	"mount_default_fields":      notYet,
	"ca_certs":                  notYet,
	"ca-certs":                  notYet,
	"power_state":               notYet,
	"final_message":             notYet,
	"phone_home":                notYet,
	"random_seed":               notYet,
	"output":                    notYet,
	"reporting":                 notYet,
	"rsyslog":                   notYet,
	"vendor_data":               notYet,
	"vendor_data2":              notYet,
	"network":                   notYet + "; see rancher.network",
	"wireguard":                 notYet,
	"autoinstall":               notYet,
	"updates":                   notYet,
	"datasource":                notYet + "; see rancher.cloud_init.datasources",
	"datasource_list":           notYet + "; see rancher.cloud_init.datasources",
	"write_files.*.defer":       "all files are written once the users exist",

	// Keys that RancherOS took and did not read.
	"rancher.autoformat":            "see rancher.state.autoformat",
	"rancher.state.formatzero":      "see rancher.state.autoformat",
	"rancher.docker.args":           "see rancher.docker.extra_args",
	"rancher.system_docker.args":    "see rancher.system_docker.extra_args",
	"rancher.bootstrap_docker.args": "there is no Bootstrap Docker on this system",

	// How cloud-init works inside.
	"cloud_init_modules":   "the order of work is fixed on this system",
	"cloud_config_modules": "the order of work is fixed on this system",
	"cloud_final_modules":  "the order of work is fixed on this system",
	"jinja_template":       "templates are not read",

	// Packages.
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
	"grub_dpkg":        noSuchService,
	"grub-dpkg":        noSuchService,
	"rpi":              noSuchService,
}

// unusedKey is a key that RancherOS had and that this version does not apply.
type unusedKey struct {
	path  string
	why   string
	quiet []string // values that ask for nothing
}

// unusedKeys are looked for in the effective values; "*" is any key or item.
var unusedKeys = []unusedKey{
	{path: "mounts", why: notYet},
	{path: "runcmd", why: notYet},
	{path: "bootcmd", why: notYet},
	{path: "rancher.console", why: notYet, quiet: []string{"default"}},
	{path: "rancher.bootstrap", why: "there is no Bootstrap Docker on this system"},
	{path: "rancher.bootstrap_docker", why: "there is no Bootstrap Docker on this system"},
	{path: "rancher.cloud_init_services", why: "there is no Bootstrap Docker on this system"},
	{path: "rancher.rm_usr", why: "/usr is never copied on this system"},
	{path: "rancher.no_sharedroot", why: "the root is always shared on this system"},
	{path: "rancher.log", why: notYet},
	{path: "rancher.force_console_rebuild", why: notYet},
	{path: "rancher.repositories", why: notYet},
	{path: "rancher.upgrade", why: notYet},
	{path: "rancher.resize_device", why: notYet},
	{path: "rancher.restart_services", why: "services are recreated when their configuration changes"},
	{path: "rancher.hypervisor_service", why: notYet},
	{path: "rancher.http_load_retries", why: notYet},
	{path: "rancher.preload_wait", why: notYet},
	{path: "rancher.network.wifi_networks", why: notYet},
	{path: "rancher.network.modem_networks", why: notYet},
	{path: "rancher.network.interfaces.*.wifi_network", why: notYet},
	{path: "rancher.state.mdadm_scan", why: notYet},
	{path: "rancher.state.lvm_scan", why: notYet},
	{path: "rancher.state.cryptsetup", why: notYet},
	{path: "rancher.state.rngd", why: notYet},
	{path: "rancher.state.script", why: notYet},
	{path: "rancher.state.oem_fstype", why: notYet},
	{path: "rancher.state.oem_dev", why: notYet},
	{path: "rancher.state.boot_fstype", why: notYet},
	{path: "rancher.state.boot_dev", why: notYet},
	{path: "rancher.docker.engine", why: "the engine of this version cannot be switched"},
	{path: "rancher.docker.storage_context", why: "User Docker runs in a container of its own"},
	{path: "rancher.defaults.docker.engine", why: "the engine of this version cannot be switched"},
}

// unused warns of values that somebody wrote and that have no effect. What the
// image's own configuration says is not the user's to change.
func unused(m Merged) Report {
	var report Report
	for _, u := range unusedKeys {
		eachMatch(m.Doc.Root, strings.Split(u.path, "."), nil, func(n *yaml.Node, path []string) {
			if !asksForSomething(n, u.quiet) || m.onlyOSConfig(path) {
				return
			}
			report = append(report, Problem{
				Pos: m.Doc.Pos(n), Path: JoinPath(path...), Msg: "is ignored: " + u.why, Severity: Warning,
			})
		})
	}
	return append(report, unknownDatasources(m)...)
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
	case n.Kind != yaml.MappingNode:
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		eachMatch(n.Content[i+1], pattern[1:], append(path[:len(path):len(path)], n.Content[i].Value), f)
	}
}

func asksForSomething(n *yaml.Node, quiet []string) bool {
	if n.Kind != yaml.ScalarNode {
		return len(n.Content) > 0
	}
	for _, q := range append([]string{"", "false", "no", "off", "0", "null", "~"}, quiet...) {
		if n.Value == q {
			return false
		}
	}
	return true
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
		switch strings.ToLower(kind) {
		case "", "nocloud", "configdrive":
			continue
		}
		report = append(report, Problem{
			Pos: m.Doc.Pos(n), Path: JoinPath(path...), Severity: Warning,
			Msg: "datasource " + kind + " is ignored: " + notYet, Hint: "this version asks nocloud and configdrive",
		})
	}
	return report
}
