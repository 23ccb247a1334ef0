package setting

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/machine/network"
)

// networkOf are the settings that service network is given.
func (h *host) networkOf() network.Settings {
	h.t.Helper()
	var s network.Settings
	if err := json.Unmarshal([]byte(h.read(network.SettingsFile)), &s); err != nil {
		h.t.Fatal(err)
	}
	return s
}

func sourcesOf(s network.Settings) string {
	var names []string
	for _, doc := range s.Documents {
		names = append(names, doc.Source)
	}
	return strings.Join(names, ", ")
}

func TestSourcesOfTheNetworkAreInOrder(t *testing.T) {
	h := newHost(t)
	line := base64.StdEncoding.EncodeToString([]byte("{version: 2, ethernets: {eth9: {dhcp4: true}}}"))
	h.write("/run/ros/cmdline", "console=ttyS0 network-config=disabled network-config="+line)
	h.write("/run/ros/source/network-config", "version: 1\nconfig: [{type: physical, name: eth1, subnets: [{type: dhcp}]}]\n")
	h.clean("rancher: {network: {interfaces: {eth0: {dhcp: true}}}, defaults: {network: {interfaces: {eth*: {dhcp: true}}}}}\n" +
		"network: {version: 2, ethernets: {eth2: {addresses: [10.0.0.2/24]}}}")
	if got := sourcesOf(h.networkOf()); got != "kernel command line, rancher.network.interfaces, network, datasource, os-config" {
		t.Errorf("sources %s", got)
	}
}

func TestADisabledNetworkIsHandedOver(t *testing.T) {
	h := newHost(t)
	h.write("/run/ros/cmdline", "network-config=disabled")
	h.clean("")
	s := h.networkOf()
	if len(s.Documents) != 1 || !s.Documents[0].Disabled {
		t.Errorf("documents %+v", s.Documents)
	}
}

func TestABadNetworkOfADatasourceIsToldAndTheRestUsed(t *testing.T) {
	h := newHost(t)
	h.write("/run/ros/source/network-config", "version: 2\nethernets:\n  eth0: {addresses: [10.0.0.2/24, 10.0.0.300/24]}\nwifis: {wlan0: {}}\n")
	h.write("/run/ros/cmdline", "network-config=%%%")
	text := h.apply("network: {version: 2, bonds: {bond0: {parameters: {mode: 1, arp-ip-targets: [nowhere]}}}}")
	want := []string{
		"network-config of the kernel command line: it is no base64",
		"network.bonds.bond0.parameters.arp-ip-targets: cannot use",
		`network-config:3:`,
		"wifis.wlan0: is not made",
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not told:\n%s", w, text)
		}
	}
	s := h.networkOf()
	last := s.Documents[len(s.Documents)-1]
	if last.Source != "datasource" || len(last.Entries) != 1 || len(last.Entries[0].Link.Addresses) != 1 {
		t.Errorf("documents %+v", s.Documents)
	}
}

func TestALookAtTheChangesSaysWhatTheNetworkWouldDo(t *testing.T) {
	h := newHost(t)
	h.m.kernel.network = func(s network.Settings) (network.Plan, error) {
		return network.Plan{Steps: []network.Step{{Verb: network.AddAddress, Link: "eth0", What: "10.0.0.2/24", Cause: sourcesOf(s)}}}, nil
	}
	p := h.m.pass(config(t, "rancher: {network: {interfaces: {eth0: {address: 10.0.0.2/24}}}}"))
	p.dry = true
	p.handOverNetwork(t.Context())
	if last := p.changes[len(p.changes)-1].What; last != "add address eth0 10.0.0.2/24 (rancher.network.interfaces)" {
		t.Errorf("changes %+v", p.changes)
	}
}

func TestWhatServiceNetworkDoesNotSucceedInIsTold(t *testing.T) {
	h := newHost(t)
	const lasting = "cannot make bond0 bond: the kernel has no support for it"
	h.write(network.StatusFile, `{"problems": ["cannot set up eth1", "`+lasting+`"], "lasting": ["`+lasting+`"]}`)
	if got := h.apply(""); got != "service network: "+lasting {
		t.Errorf("problems %q", got)
	}
	if m := h.recorded("network"); m == nil || !strings.Contains(m.Problem, lasting) {
		t.Errorf("the record is %+v", m)
	}
	h.write(network.StatusFile, `{"ready": true, "lacks": ["eth1 has no carrier"]}`)
	if got := h.apply(""); got != "warning: service network: eth1 has no carrier" {
		t.Errorf("problems %q", got)
	}
	h.write(network.StatusFile, `{"ready": true}`)
	h.clean("")
}
