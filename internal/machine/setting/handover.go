package setting

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/console"
	"github.com/ros-os/ros/internal/machine/device"
	"github.com/ros-os/ros/internal/machine/network"
	"github.com/ros-os/ros/internal/source"
)

// handOverConsole gives service console what it needs.
func (p *pass) handOverConsole(context.Context) {
	settings := consoleSettings(p.cfg)
	if folder, settled := source.Instance(p.m.root); settled && folder != source.InstanceFolder("") && !isFalse(p.cfg.SSHDeleteKeys) {
		settings.SSH.Instance = path.Base(folder)
	}
	given, _, _ := source.GivenPassword(p.m.root) // who sets it says what is wrong with it
	if said := p.cfg.SSHPwauth; said == "" || said == "unchanged" {
		// One that something of the configuration ranks above opens nothing.
		settings.SSH.Passwords = given.SSH && p.wantedPasswords()[defaultName(p.cfg)].given
	}
	p.handOver("console", console.SettingsFile, settings, "rancher", "ssh")
}

// handOver writes a file of its own for root alone: settings hold keys.
func (p *pass) handOver(service, name string, settings any, path ...string) {
	data, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		p.fail(fmt.Errorf("cannot write %s: %w", name, err), path...)
		return
	}
	f := file{path: name, data: append(data, '\n'), mode: 0o600, uid: os.Getuid(), gid: os.Getgid()}
	if !isFile(p.m.path(name), f) {
		p.do("change the settings of service "+service, path, func() error { return p.m.writeFile(f) })
	}
}

// resolver is rancher.network.dns, and for what it does not say resolv_conf.
func resolver(cfg cloudconfig.Config) cloudconfig.DNS {
	dns := cfg.Rancher.Network.DNS
	if !cfg.ManageResolvConf {
		return dns
	}
	if len(dns.Nameservers) == 0 {
		dns.Nameservers = cfg.ResolvConf.Nameservers
	}
	if len(dns.Search) == 0 {
		dns.Search = cfg.ResolvConf.SearchDomains
		if d := cfg.ResolvConf.Domain; d != "" && !slices.Contains(dns.Search, d) {
			dns.Search = append([]string{d}, dns.Search...)
		}
	}
	return dns
}

// resolverOptions are what resolv_conf has besides servers and domains.
func resolverOptions(cfg cloudconfig.Config) network.Resolver {
	if !cfg.ManageResolvConf {
		return network.Resolver{}
	}
	r := network.Resolver{SortList: cfg.ResolvConf.SortList}
	for _, name := range slices.Sorted(maps.Keys(cfg.ResolvConf.Options)) {
		switch value := cfg.ResolvConf.Options[name]; value {
		case "false":
		case "", "true":
			r.Options = append(r.Options, name)
		default:
			r.Options = append(r.Options, name+":"+value)
		}
	}
	return r
}

func consoleSettings(cfg cloudconfig.Config) console.Settings {
	ssh := cfg.Rancher.SSH
	s := console.Settings{SSH: console.SSH{
		Disabled: isFalse(ssh.Daemon), Port: ssh.Port,
		ListenAddress: ssh.ListenAddress, HostKeys: hostKeys(cfg), KeyTypes: cfg.SSHGenKeyTypes,
		Users: sshUsers(cfg), Root: rootMayLogIn(cfg), Passwords: cfg.SSHPwauth == "true",
	}}
	if slices.Contains(cfg.Rancher.Disable, "autologin") {
		return s
	}
	for _, tty := range strings.FieldsFunc(cfg.Rancher.Autologin, func(r rune) bool { return r == ',' || r == ' ' }) {
		s.Autologin = append(s.Autologin, strings.TrimPrefix(tty, "/dev/"))
	}
	return s
}

// hostKeys are rancher.ssh.keys, and below them those of ssh_keys: there the
// kinds have _private, _public or _certificate behind.
func hostKeys(cfg cloudconfig.Config) map[string]string {
	if len(cfg.SSHKeys) == 0 {
		return cfg.Rancher.SSH.Keys
	}
	keys := map[string]string{}
	for name, text := range cfg.SSHKeys {
		if kind, ok := strings.CutSuffix(name, "_private"); ok {
			keys[kind] = text
		} else if kind, ok := strings.CutSuffix(name, "_public"); ok {
			keys[kind+"-pub"] = text
		} else if kind, ok := strings.CutSuffix(name, "_certificate"); ok {
			keys[kind+"-cert"] = text
		}
	}
	for name, text := range cfg.Rancher.SSH.Keys {
		keys[name] = text
	}
	return keys
}

// sshUsers are the users of the configuration that may log in over SSH, besides
// those that the image has.
func sshUsers(cfg cloudconfig.Config) []string {
	var out []string
	all := slices.Clone([]cloudconfig.User(cfg.Users))
	if cfg.User != nil {
		all = append(all, cloudconfig.User{Name: "default"})
	}
	for _, u := range all {
		name := realName(cfg, u.Name)
		known := name == rootUser || slices.Contains(loginUsers(), name)
		if !known && !u.SSHRedirectUser && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func rootMayLogIn(cfg cloudconfig.Config) bool { return isFalse(cfg.DisableRoot) }

// isFalse says that somebody said no to what is done otherwise.
func isFalse(b *bool) bool { return b != nil && !*b }

// handOverTime gives service ntp what it needs.
func (p *pass) handOverTime(context.Context) {
	n := p.cfg.NTP
	if n.NTPClient != "" && n.NTPClient != "auto" && n.NTPClient != "chrony" {
		p.warn(fmt.Sprintf("ntp_client %q is not used: this system has chrony", n.NTPClient), "", "ntp", "ntp_client")
	}
	settings := device.Time{
		Disabled: isFalse(n.Enabled),
		Servers:  n.Servers, Pools: n.Pools, Peers: n.Peers, Allow: n.Allow,
	}
	p.handOver("ntp", device.TimeFile, settings, "ntp")
}
