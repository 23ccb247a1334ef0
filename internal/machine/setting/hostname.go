package setting

import (
	"context"
	"fmt"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/network"
)

const longestHostname = 63 // what the kernel and DNS take

// hostname sets the name that the user chose, else the one that DHCP gave, else
// the default. Without any the name is left alone.
func (p *pass) hostname(context.Context) {
	name, full, key := p.names()
	if name == "" {
		return
	}
	short, err := shortHostname(name)
	if err == nil && p.cfg.PreferFQDN && key == "fqdn" {
		short, err = wholeHostname(name)
	}
	if err != nil {
		p.fail(err, key)
		return
	}
	if !p.cfg.PreserveHostname {
		p.setHostname(short, key)
	}
	hosts, err := p.m.read("/etc/hosts")
	if err != nil {
		p.fail(err, key)
		return
	}
	switch p.cfg.ManageEtcHosts {
	case "true", "template":
		hosts = "" // a whole new file
	}
	p.putText("/etc/hosts", withHost(hosts, full, short), key)
}

func (p *pass) setHostname(short, key string) {
	if current, err := p.m.kernel.hostname(); err != nil || current != short {
		p.do("set the host name to "+short, []string{key}, func() error {
			if err := p.m.kernel.setHostname(short); err != nil {
				return fmt.Errorf("cannot set the host name to %s: %w", short, err)
			}
			return nil
		})
	}
	if p.cfg.CreateHostnameFile || !p.createSaid() || p.m.exists("/etc/hostname") {
		p.putText("/etc/hostname", short+"\n", key)
	}
}

// createSaid says whether somebody wrote create_hostname_file: what is not
// written is true.
func (p *pass) createSaid() bool { return p.cfg.Pos("create_hostname_file") != cloudconfig.Pos{} }

// names are the host name that is wanted, the machine's whole name, and the key
// that said the first.
func (p *pass) names() (name, full, key string) {
	name, key = chosenHostname(p.cfg), "hostname"
	fqdn := strings.TrimRight(p.cfg.FQDN, ".")
	if fqdn != "" && (name == "" || p.cfg.PreferFQDN) {
		return fqdn, fqdn, "fqdn"
	}
	if name == "" {
		name = p.givenHostname()
	}
	if full = name; fqdn != "" {
		full = fqdn
	}
	return name, full, key
}

// chosenHostname is hostname, unless it is only the name that the datasource has
// for the machine, and who wrote the configuration wrote its whole name.
func chosenHostname(cfg cloudconfig.Config) string {
	if cfg.FQDN != "" && ofMetaData(cfg.Pos("hostname")) && !ofVendor(cfg.Pos("fqdn")) {
		return ""
	}
	return cfg.Hostname
}

// ofMetaData says that a value is the datasource's, about the machine.
func ofMetaData(at cloudconfig.Pos) bool { return strings.HasPrefix(at.File, "meta-data") }

// ofVendor says that a value ranks below those of the meta-data.
func ofVendor(at cloudconfig.Pos) bool { return strings.HasPrefix(at.File, "vendor-data") }

func (p *pass) givenHostname() string {
	status, err := network.ReadStatus(p.m.path(network.StatusFile))
	if err == nil && status.Hostname != "" { // an unreadable status is told by its writer
		return status.Hostname
	}
	return p.cfg.Rancher.Defaults.Hostname
}

// wholeHostname is a name with its domain, as the kernel takes it.
func wholeHostname(full string) (string, error) {
	if len(full) > longestHostname {
		return "", fmt.Errorf("cannot use %q as host name: it has more than %d characters", full, longestHostname)
	}
	return full, nil
}

// shortHostname is a name up to its first dot, cut to what the kernel takes.
func shortHostname(full string) (string, error) {
	short, _, _ := strings.Cut(full, ".")
	short = short[:min(len(short), longestHostname)]
	short = strings.TrimRight(short, "-")
	if short == "" || short[0] == '-' {
		return "", fmt.Errorf("cannot use %q as host name", full)
	}
	for _, r := range full {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_' // which the kernel takes
		if !plain {
			return "", fmt.Errorf("cannot use %q as host name: it may have letters, digits, hyphens, underscores and dots", full)
		}
	}
	return short, nil
}

// withHost is /etc/hosts with this machine's name on 127.0.1.1, and all other
// lines as they were.
func withHost(hosts, full, short string) string {
	own := "127.0.1.1\t" + short
	if full = strings.TrimRight(full, "."); full != short {
		own = "127.0.1.1\t" + full + " " + short
	}
	if strings.TrimSpace(hosts) == "" {
		return "127.0.0.1\tlocalhost\n" + own + "\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	}
	var out []string
	placed := false
	for line := range strings.Lines(hosts) {
		line = strings.TrimRight(line, "\n")
		if f := strings.Fields(line); len(f) == 0 || f[0] != "127.0.1.1" {
			out = append(out, line)
		} else if !placed {
			out, placed = append(out, own), true
		}
	}
	if !placed {
		out = append(out, own)
	}
	return strings.Join(out, "\n") + "\n"
}
