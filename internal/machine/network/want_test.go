package network

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func TestFromInterfaces(t *testing.T) {
	tests := []struct {
		name    string
		entry   cloudconfig.Interface
		want    Link
		problem string
	}{
		{
			"addresses are collected once each",
			cloudconfig.Interface{Address: "10.0.0.2/24", Addresses: []string{"10.0.0.3/24", "10.0.0.2/24"}, MTU: 1400},
			Link{MTU: 1400, Addresses: prefixes("10.0.0.2/24", "10.0.0.3/24")},
			"",
		},
		{
			"what the kernel gives the loopback is not ours",
			cloudconfig.Interface{Addresses: []string{"127.0.0.1/8", "::1/128", "10.0.0.9/32"}},
			Link{Addresses: prefixes("10.0.0.9/32")},
			"",
		},
		{
			"both gateways are taken",
			cloudconfig.Interface{Gateway: "10.0.0.1", GatewayIPv6: "fe80::1"},
			Link{Routes: []Route{gatewayRoute(netip.MustParseAddr("10.0.0.1")), gatewayRoute(netip.MustParseAddr("fe80::1"))}},
			"",
		},
		{
			"an address without a length is told and the rest is made",
			cloudconfig.Interface{Address: "10.0.0.2", Addresses: []string{"10.0.0.3/24"}},
			Link{Addresses: prefixes("10.0.0.3/24")},
			`rancher.network.interfaces.eth0.address: cannot use address "10.0.0.2"`,
		},
		{
			"a bad gateway is told",
			cloudconfig.Interface{Gateway: "router"},
			Link{},
			`cannot use gateway "router"`,
		},
		{
			"a port of a bridge has no address of its own",
			cloudconfig.Interface{Bridge: "br0", DHCP: true, Address: "10.0.0.2/24"},
			Link{Master: "br0"},
			"",
		},
		{
			"a bond beats a bridge",
			cloudconfig.Interface{Bridge: "br0", Bond: "bond0"},
			Link{Master: "bond0"},
			"",
		},
		{
			"bridge: true is the bridge itself",
			cloudconfig.Interface{Bridge: "true", DHCP: true},
			Link{DHCP: true},
			"",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, report := FromInterfaces("test", map[string]cloudconfig.Interface{"eth0": tt.entry})
			if got := doc.Entries[0].Link; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if text := fmt.Sprint(report); !strings.Contains(text, tt.problem) || (len(report) == 0) != (tt.problem == "") {
				t.Errorf("problems %q, want %q", text, tt.problem)
			}
		})
	}
}

func TestBridgesBondsAndVlansAreNamed(t *testing.T) {
	doc, report := FromInterfaces("test", map[string]cloudconfig.Interface{
		"br0":   {Bridge: "true", DHCP: true},
		"eth0":  {Bridge: "br0"},
		"eth1":  {Bond: "bond0"},
		"bond0": {BondOpts: map[string]string{"mode": "4"}},
		"eth2":  {Vlans: "100,200:storage"},
		"eth3":  {Bridge: "br1"},
		"eth4":  {Bridge: "false", Bond: "false"},
	})
	got := desire([]Document{doc}, []link{{Name: "eth2", Kind: "device"}, {Name: "eth9", Kind: "device"}}, nil)
	var texts []string
	for _, m := range got.devices {
		texts = append(texts, m.Name+": "+describe(m.Device))
	}
	want := "bond0: bond; br0: bridge; br1: bridge; eth2.100: vlan 100 on eth2; storage: vlan 200 on eth2"
	if text := strings.Join(texts, "; "); text != want || len(report)+len(got.problems) != 0 {
		t.Errorf("got  %s, %v %v\nwant %s", text, report, got.problems, want)
	}
}

func TestBadVlansAreToldAndTheOthersMade(t *testing.T) {
	var tr translator
	got := tr.vlans("eth0", "5, 0,4095,x,7:a/b,,8:ok")
	if want := []VLAN{{5, ""}, {8, "ok"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(tr.report) != 4 {
		t.Errorf("%d problems, want 4: %q", len(tr.report), tr.report)
	}
}

func FuzzVlans(f *testing.F) {
	for _, seed := range []string{"100", "100,200:name", ":", ",,", "1:2:3", "4096", "-1", "1: "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var tr translator
		for _, v := range tr.vlans("eth0", text) {
			if v.ID < 1 || v.ID > 4094 || v.Name != "" && !validName(v.Name) {
				t.Errorf("%q gives %+v", text, v)
			}
		}
	})
}

func TestKeepsAddress(t *testing.T) {
	static := want{Link: Link{Addresses: prefixes("10.0.0.2/24")}}
	dhcp := want{Link: Link{DHCP: true}}
	lease := netip.MustParseAddr("10.0.0.9")
	tests := []struct {
		name      string
		address   string
		permanent bool
		w, before want
		want      bool
	}{
		{"a configured one stays", "10.0.0.2/24", true, static, want{}, true},
		{"another on a static link goes", "10.0.0.3/24", true, static, want{}, false},
		{"what somebody gives to a static link afterwards is his", "10.0.0.3/24", true, static, static, true},
		{"and stays when the link belongs to the configuration no more", "10.0.0.3/24", true, want{}, static, true},
		{"and when the lease goes", "10.0.0.3/24", true, static, dhcp, true},
		{"but not when the link becomes a port", "10.0.0.3/24", true, want{Link: Link{Master: "br0"}}, static, false},
		{"what was configured before goes from a static link", "10.0.0.3/24", true, static, want{Link: Link{Addresses: prefixes("10.0.0.3/24")}}, false},
		{"a lease for ever goes from a static link", "10.0.0.9/24", true, static, dhcp, false},
		{"a lease on a static link goes", "10.0.0.9/24", false, static, dhcp, false},
		{"the same address with another length goes", "10.0.0.2/16", true, static, want{}, false},
		{"a lease on a link with DHCP stays", "10.0.0.9/24", false, dhcp, want{}, true},
		{"a lease for ever stays", "10.0.0.9/24", true, dhcp, static, true},
		{"one that was configured before goes from a link with DHCP", "10.0.0.2/24", true, dhcp, static, false},
		{"a stranger stays on a link with DHCP", "10.0.0.5/24", true, dhcp, static, true},
		{"an autoconfigured IPv6 address stays", "2001:db8::5/64", false, static, want{}, true},
		{"a link-local IPv6 address stays", "fe80::5/64", true, static, want{}, true},
		{"and goes where there are to be none", "fe80::5/64", true, want{Link: Link{NoLocal6: true}}, want{}, false},
		{
			"an IPv6 address that was configured before goes", "2001:db8::2/64", true, static,
			want{Link: Link{Addresses: prefixes("2001:db8::2/64")}},
			false,
		},
		{"the loopback address stays", "127.0.0.1/8", true, static, want{}, true},
		{"a link-local address stays where it is wanted", "169.254.3.4/16", true, want{Link: Link{IPv4LL: true}}, want{}, true},
		{"a link-local address goes where it is not", "169.254.3.4/16", true, static, want{}, false},
		{"all go from a port of a bridge", "10.0.0.3/24", true, want{Link: Link{Master: "br0"}}, want{}, false},
		{"all stay where nothing was configured", "10.0.0.3/24", true, want{Link: Link{MTU: 1400}}, want{}, true},
		{"a lease goes where nothing is configured any more", "10.0.0.9/24", false, want{}, dhcp, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := address{Prefix: netip.MustParsePrefix(tt.address), Permanent: tt.permanent}
			if got := keepsAddress(a, tt.w, tt.before, lease); got != tt.want {
				t.Errorf("keepsAddress = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestReady(t *testing.T) {
	up := func(name string) linkState { return linkState{Name: name, Carrier: true, Addressed: true} }
	pending := func(name string) linkState { return linkState{Name: name, Carrier: true} }
	unplugged := func(name string) linkState { return linkState{Name: name} }
	tests := []struct {
		name     string
		states   []linkState
		timedOut bool
		want     bool
		waiting  string
	}{
		{"not before a link is there", nil, false, false, "no interface is there yet"},
		{"without a link after the time-out", nil, true, true, ""},
		{"with an address", []linkState{up("eth0")}, false, true, ""},
		{"not before the lease", []linkState{pending("eth0")}, false, false, "eth0 has no address yet"},
		{"not without any address, also after the time-out", []linkState{pending("eth0")}, true, false, "eth0 has no address yet"},
		{"not before the second lease", []linkState{up("eth0"), pending("eth1")}, false, false, "eth1 has no address yet"},
		{"with one of two after the time-out", []linkState{up("eth0"), pending("eth1")}, true, true, ""},
		{"without waiting for a cable", []linkState{up("eth0"), unplugged("eth1")}, false, true, ""},
		{"not with no cable at all", []linkState{unplugged("eth0")}, true, false, "eth0 has no carrier"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok, waiting := ready(tt.states, tt.timedOut)
			if ok != tt.want || because(waiting) != tt.waiting {
				t.Errorf("ready = %v, %q; want %v, %q", ok, because(waiting), tt.want, tt.waiting)
			}
		})
	}
}

func TestBondOptions(t *testing.T) {
	tests := []struct {
		name    string
		options map[string]string
		problem string
	}{
		{"names and numbers are understood", map[string]string{"mode": "802.3ad", "miimon": "100", "lacp_rate": "1"}, ""},
		{"targets are addresses", map[string]string{"arp_ip_target": "10.0.0.1,10.0.0.2", "arp_interval": "50"}, ""},
		{"an unknown option is told", map[string]string{"speed": "fast"}, "speed is not known"},
		{"an unknown mode is told with the known ones", map[string]string{"mode": "fast"}, "balance-rr"},
		{"a bad number is told", map[string]string{"miimon": "often"}, `"often" is not a number`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newBond(linkAttrs("bond0"), tt.options)
			if tt.problem == "" && err != nil || tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)) {
				t.Errorf("error %v, want %q", err, tt.problem)
			}
		})
	}
}

func TestABondIsMadeAnewOnlyForWhatCannotChange(t *testing.T) {
	have, err := newBond(linkAttrs("bond0"), map[string]string{"mode": "active-backup", "miimon": "0"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options map[string]string
		changes string
		anew    bool
	}{
		{"what is not written does not count", map[string]string{"mode": "1"}, "", false},
		{"an interval is changed", map[string]string{"mode": "1", "miimon": "100"}, "miimon=100", false},
		{"another mode makes it anew", map[string]string{"mode": "4"}, "mode=4", true},
		{"the port it prefers comes later", map[string]string{"primary": "eth0"}, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changes, anew := bondChanges(tt.options, have)
			if optionText(changes) != tt.changes || anew != tt.anew {
				t.Errorf("changes %v, anew %v", changes, anew)
			}
		})
	}
}

func TestSplitCommand(t *testing.T) {
	got, err := splitCommand("eth0", `ip route add "10.0.0.0/8" dev $iface`)
	if want := []string{"ip", "route", "add", "10.0.0.0/8", "dev", "eth0"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := splitCommand("eth0", `echo "open`); err == nil {
		t.Error("an open quotation mark is no error")
	}
}
