package setting

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/network"
	"github.com/ros-os/ros/internal/source"
)

const (
	defaultDHCPTimeout = 10 // seconds
	// networkParameter is cloud-init's: a network-config in base64, or the word
	// disabled.
	networkParameter = "network-config="
)

// handOverNetwork gives service network what it needs. A look at what would
// change says what the service would do, too.
func (p *pass) handOverNetwork(context.Context) {
	settings := p.networkSettings()
	p.handOver("network", network.SettingsFile, settings, "rancher", "network")
	if !p.dry {
		p.networkProblems()
	}
	if !p.dry || p.m.kernel.network == nil {
		return
	}
	plan, err := p.m.kernel.network(settings)
	p.fail(err, "rancher", "network")
	for _, step := range plan.Steps {
		p.note(step.String())
	}
}

// networkProblems tells what service network has not succeeded in for a while, and
// what it has waited for in vain.
func (p *pass) networkProblems() {
	status, err := network.ReadStatus(p.m.path(network.StatusFile))
	if err != nil {
		return // its writer tells what is wrong
	}
	for _, problem := range status.Lasting {
		p.fail(errors.New("service network: " + problem))
	}
	for _, lack := range status.Lacks {
		p.warn("service network: "+lack, "")
	}
}

func (p *pass) networkSettings() network.Settings {
	n, defaults := p.cfg.Rancher.Network, p.cfg.Rancher.Defaults
	s := network.Settings{
		HostnameSet: p.cfg.Hostname != "" || p.cfg.FQDN != "",
		PreCmds:     n.PreCmds, PostCmds: n.PostCmds,
		DHCPTimeout: cmp.Or(n.DHCPTimeout, defaults.Network.DHCPTimeout, defaultDHCPTimeout),
		Documents:   p.networkDocuments(), DNS: resolver(p.cfg), FallbackDNS: defaults.Network.DNS, Wifi: n.WifiNetworks,
		Resolver: resolverOptions(p.cfg),
	}
	if len(s.FallbackDNS.Nameservers) == 0 {
		s.FallbackDNS.Nameservers = []string{"8.8.8.8", "8.8.4.4"}
	}
	for _, name := range []string{chosenHostname(p.cfg), p.cfg.FQDN, defaults.Hostname} {
		if short, err := shortHostname(name); err == nil && s.Hostname == "" {
			s.Hostname = short
		}
	}
	return s
}

// networkDocuments are what the sources say about the network, the highest
// first: the kernel command line, rancher.network, network, the datasource, and
// what the image has for machines about which nobody says anything.
func (p *pass) networkDocuments() []network.Document {
	own, image := map[string]cloudconfig.Interface{}, map[string]cloudconfig.Interface{}
	for name, i := range p.cfg.Rancher.Network.Interfaces {
		if p.cfg.Pos("rancher", "network", "interfaces", name).File == source.OSConfigFile {
			image[name] = i
		} else {
			own[name] = i
		}
	}
	for name, i := range p.cfg.Rancher.Defaults.Network.Interfaces {
		if _, ok := image[name]; !ok {
			image[name] = i
		}
	}
	docs := []network.Document{p.cmdlineNetwork()}
	doc, report := network.FromInterfaces("rancher.network.interfaces", own)
	docs = append(docs, doc)
	p.addAll(report)
	doc, report = network.FromNetworkConfig("network", p.cfg.NetworkConfig)
	docs = append(docs, doc)
	p.addAll(report, "network")
	docs = append(docs, p.datasourceNetwork())
	doc, report = network.FromInterfaces("os-config", image)
	docs = append(docs, doc)
	p.addAll(report)
	return said(docs)
}

// said are the documents that say something.
func said(docs []network.Document) []network.Document {
	var out []network.Document
	for _, d := range docs {
		if d.Disabled || len(d.Entries)+len(d.Devices)+len(d.DNS.Nameservers)+len(d.DNS.Search) > 0 {
			out = append(out, d)
		}
	}
	return out
}

// addAll reports problems of values below a path of the configuration.
func (p *pass) addAll(report cloudconfig.Report, base ...string) {
	for _, problem := range report {
		path, err := cloudconfig.SplitPath(problem.Path)
		if err != nil {
			path = nil
		}
		p.add(problem, append(base[:len(base):len(base)], path...))
	}
}

// cmdlineNetwork is the network-config of the kernel command line.
func (p *pass) cmdlineNetwork() network.Document {
	line, err := source.ReadCmdline(p.m.root)
	if err != nil {
		p.fail(err)
		return network.Document{}
	}
	text := ""
	for _, word := range strings.Fields(line) {
		if value, ok := strings.CutPrefix(word, networkParameter); ok {
			text = value // the last one counts
		}
	}
	switch text {
	case "":
		return network.Document{}
	case "disabled":
		return network.Document{Source: "kernel command line", Disabled: true}
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		p.fail(fmt.Errorf("cannot use network-config of the kernel command line: it is no base64: %w", err))
		return network.Document{}
	}
	return p.networkConfig("kernel command line", "network-config of the kernel command line", data)
}

// datasourceNetwork is the network-config that a datasource gave.
func (p *pass) datasourceNetwork() network.Document {
	name := filepath.Join(source.SeedDir, "network-config")
	data, err := os.ReadFile(p.m.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return network.Document{}
	}
	if err != nil {
		p.fail(fmt.Errorf("cannot read the datasource's network: %w", err))
		return network.Document{}
	}
	return p.networkConfig("datasource", name, data)
}

// networkConfig reads a document of network-config. What of it cannot be used is
// told, and the rest is used.
func (p *pass) networkConfig(name, file string, data []byte) network.Document {
	n, report := cloudconfig.ParseNetworkConfig(file, data)
	doc, more := network.FromNetworkConfig(name, n)
	for i := range more {
		more[i].Pos.File = file
	}
	p.report = append(append(p.report, report...), more...)
	return doc
}
