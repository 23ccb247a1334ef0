package setting

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/console"
	"github.com/ros-os/ros/internal/machine/network"
)

const defaultDHCPTimeout = 10 // seconds

// handOverNetwork gives service network what it needs.
func (p *pass) handOverNetwork(context.Context) {
	p.fail(p.handOver(network.SettingsFile, networkSettings(p.cfg)), "rancher", "network")
}

// handOverConsole gives service console what it needs.
func (p *pass) handOverConsole(context.Context) {
	p.fail(p.handOver(console.SettingsFile, consoleSettings(p.cfg)), "rancher", "ssh")
}

// handOver writes a file of its own for root alone: settings hold keys.
func (p *pass) handOver(path string, settings any) error {
	data, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return p.m.writeSecret(path, append(data, '\n'))
}

func networkSettings(cfg cloudconfig.Config) network.Settings {
	n, defaults := cfg.Rancher.Network, cfg.Rancher.Defaults
	if n.DHCPTimeout == 0 {
		n.DHCPTimeout = defaults.Network.DHCPTimeout
	}
	if n.DHCPTimeout == 0 {
		n.DHCPTimeout = defaultDHCPTimeout
	}
	if len(n.Interfaces) == 0 {
		n.Interfaces = defaults.Network.Interfaces
	}
	fallback := defaults.Network.DNS
	if len(fallback.Nameservers) == 0 {
		fallback.Nameservers = []string{"8.8.8.8", "8.8.4.4"}
	}
	s := network.Settings{HostnameSet: cfg.Hostname != "", Network: n, FallbackDNS: fallback}
	for _, name := range []string{cfg.Hostname, defaults.Hostname} {
		if short, err := shortHostname(name); err == nil && s.Hostname == "" {
			s.Hostname = short
		}
	}
	return s
}

func consoleSettings(cfg cloudconfig.Config) console.Settings {
	ssh := cfg.Rancher.SSH
	s := console.Settings{SSH: console.SSH{
		Disabled: ssh.Daemon != nil && !*ssh.Daemon, Port: ssh.Port,
		ListenAddress: ssh.ListenAddress, HostKeys: ssh.Keys,
	}}
	if slices.Contains(cfg.Rancher.Disable, "autologin") {
		return s
	}
	for _, tty := range strings.FieldsFunc(cfg.Rancher.Autologin, func(r rune) bool { return r == ',' || r == ' ' }) {
		s.Autologin = append(s.Autologin, strings.TrimPrefix(tty, "/dev/"))
	}
	return s
}
