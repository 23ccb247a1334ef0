package network

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
)

// daemon runs a program of the world outside until the test ends, or a signal that
// end sends.
func daemon(t *testing.T, program string, args ...string) (end func(unix.Signal)) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("this test needs %s: tools/deps installs it", program)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait := sync.OnceFunc(func() { _ = cmd.Wait() }) // it was killed
	t.Cleanup(func() {
		cancel()
		wait()
		if t.Failed() {
			t.Logf("%s: %s", program, out.String())
		}
	})
	return func(signal unix.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		wait()
	}
}

// dnsmasq serves DHCP on a link of the world.
func dnsmasq(t *testing.T, dev string, args ...string) (end func(unix.Signal)) {
	t.Helper()
	dir := t.TempDir()
	return daemon(t, "dnsmasq", append([]string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--bind-interfaces", "--interface=" + dev,
		"--dhcp-leasefile=" + filepath.Join(dir, "leases"), "--pid-file=" + filepath.Join(dir, "pid"),
		"--log-facility=-", "--log-dhcp", "--dhcp-authoritative", "--no-ping", // nobody else has the addresses
	}, args...)...)
}

// radvd announces a network of IPv6 on a link of the world.
func radvd(t *testing.T, dev, options, prefix string) (end func(unix.Signal)) {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "radvd.conf")
	text := "interface " + dev + " { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; " + options +
		" prefix " + prefix + " { AdvAutonomous on; }; };\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return daemon(t, "radvd", "--nodaemon", "--config", conf, "--pidfile", filepath.Join(dir, "pid"), "--logmethod", "stderr")
}

// ip runs the program of that name, and gives what it prints.
func ip(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func mtuOf(t *testing.T, name string) int {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		return 0
	}
	return l.Attrs().MTU
}

// networkConfig are settings from a document of cloud-init.
func networkConfig(t *testing.T, text string) Settings {
	t.Helper()
	s := read(t, []byte(text))
	s.DHCPTimeout, s.FallbackDNS = 1, cloudconfig.DNS{Nameservers: []string{"8.8.8.8"}}
	return s
}

func TestDHCPGivesNameSizeRoutesAndServers(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	veth(t, "eth1", "world1", "10.8.0.1/24")
	dnsmasq(t, "world0", "--dhcp-range=10.9.0.50,10.9.0.60,1h", "--dhcp-option=option:dns-server,9.9.9.9",
		"--dhcp-option=option:domain-name,lan", "--dhcp-option=option:mtu,1280", "--dhcp-option=option:ntp-server,10.9.0.1",
		"--dhcp-option=option:classless-static-route,10.77.0.0/16,10.9.0.2,0.0.0.0/0,10.9.0.1",
		"--dhcp-option-force=12,given")
	dnsmasq(t, "world1", "--dhcp-range=10.8.0.50,10.8.0.50,1h", "--dhcp-option=option:dns-server,7.7.7.7", "--dhcp-option=option:mtu,1280")
	m := start(t, networkConfig(t, `
version: 2
ethernets:
  eth0: {dhcp4: true, nameservers: {addresses: [1.1.1.1]}}
  eth1: {dhcp4: true, mtu: 1450, dhcp4-overrides: {use-dns: false, use-routes: false}}
`))
	m.eventually("both leases", m.isReady) // or the time is up
	m.eventually("the host name", func() bool { return m.status().Hostname == "given" })
	// dhcpcd gives the size to the routes, so that the link can still be changed.
	m.eventually("the size of packets", func() bool {
		return strings.Contains(ip(t, "route", "show", "default", "dev", "eth0"), "mtu 1280") && mtuOf(t, "eth1") == 1450
	})
	if text := ip(t, "route", "show", "dev", "eth1"); strings.Contains(text, "1280") {
		t.Errorf("a size that is configured is not the link's: %s", text)
	}
	m.eventually("the routes", func() bool { return strings.Contains(ip(t, "route"), "10.77.0.0/16 via 10.9.0.2") })
	if got := gateways(t); got != "10.9.0.1" {
		t.Errorf("gateways %q, one of them not to be used", got)
	}
	m.eventually("name servers, the configured one first", func() bool {
		return strings.HasSuffix(m.resolvConf(), "\nsearch lan\nnameserver 1.1.1.1\nnameserver 9.9.9.9\n")
	})
}

func TestIPv6ByRouterByDHCPAndFixed(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for _, n := range []string{"0", "1", "2"} {
		veth(t, "eth"+n, "world"+n, "")
		ip(t, "-6", "addr", "add", "fd00:"+n+"::1/64", "dev", "world"+n, "nodad")
		radvd(t, "world"+n, "AdvManagedFlag on;", "fd00:"+n+"::/64")
	}
	dnsmasq(t, "world1", "--dhcp-range=fd00:1::100,fd00:1::100,64,1h", "--dhcp-option=option6:dns-server,[fd00:1::53]")
	m := start(t, networkConfig(t, `
version: 2
ethernets:
  eth0: {accept-ra: true}
  eth1: {dhcp6: true}
  eth2: {accept-ra: false, addresses: ["fd00:2::7/64"], gateway6: "fd00:2::9"}
`))
	has := func(dev, text string) func() bool {
		return func() bool { return strings.Contains(ip(t, "-6", "addr", "show", "dev", dev), text) }
	}
	m.eventually("an address that the router's network gives", has("eth0", "fd00::"))
	m.eventually("an address of DHCP", has("eth1", "fd00:1::100/128"))
	m.eventually("the fixed address", has("eth2", "fd00:2::7/64"))
	m.eventually("routers", func() bool {
		routes := ip(t, "-6", "route")
		return strings.Contains(routes, "dev eth0 proto ra") && strings.Contains(routes, "default via fd00:2::9 dev eth2 proto static")
	})
	m.eventually("the name server of DHCP", func() bool { return strings.Contains(m.resolvConf(), "nameserver fd00:1::53\n") })
	m.eventually("ready", m.isReady)
	if text := ip(t, "-6", "addr", "show", "dev", "eth2"); strings.Contains(text, "dynamic") {
		t.Errorf("a link that takes nothing from routers has %s", text)
	}
}

// TestAConnectionOutlivesAChange holds a connection over a link whose other
// addresses, routes, size and neighbours all change.
func TestAConnectionOutlivesAChange(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "")
	veth(t, "eth1", "world1", "")
	world := farNamespace(t, "world0")
	world("addr", "add", "10.9.0.1/24", "dev", "world0")
	world("link", "set", "world0", "up")
	world("link", "set", "lo", "up")
	m := start(t, networkConfig(t, "{version: 2, ethernets: {eth0: {addresses: [10.9.0.2/24, 10.9.1.2/24, 10.9.0.3/24], gateway4: 10.9.0.1}}}"))
	m.eventually("ready", m.isReady)
	far, near := connection(t, "10.9.0.3", "10.9.0.1:7000")
	removed := watchRemovals(t)

	m.set(networkConfig(t, `
version: 2
ethernets:
  eth0: {addresses: [10.9.0.3/24, 10.9.5.2/24], gateway4: 10.9.0.254, mtu: 1400}
  eth1: {addresses: [10.8.0.2/24]}
bridges: {br7: {addresses: [10.7.0.2/24]}}
`))
	m.eventually("the change", func() bool {
		return addrs(t, "eth0") == "10.9.0.3/24 10.9.5.2/24" && addrs(t, "br7") == "10.7.0.2/24" && gateways(t) == "10.9.0.254"
	})
	if _, err := near.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	if got := far(len("still here")); got != "still here" {
		t.Errorf("over the connection came %q", got)
	}
	for len(removed) > 0 {
		if a := <-removed; strings.HasPrefix(a, "10.9.0.3/") {
			t.Error("the address that stays was removed in between")
		}
	}
}

func TestALinkThatFlapsAndOneWithoutACable(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	veth(t, "eth1", "world1", "10.8.0.1/24")
	ip(t, "link", "set", "world1", "down")
	dnsmasq(t, "world0", "--dhcp-range=10.9.0.50,10.9.0.50,1h")
	m := start(t, withInterfaces(map[string]cloudconfig.Interface{
		"eth*": {DHCP: true}, "eth1": {Address: "10.8.0.2/24", Gateway: "10.8.0.9"},
	}))
	m.eventually("ready with the one that has a cable", m.isReady)
	m.eventually("it is told that the other has none", func() bool {
		return strings.HasPrefix(strings.Join(m.status().Lacks, ";"), "eth1 has no carrier")
	})
	for range 10 {
		ip(t, "link", "set", "world0", "down")
		ip(t, "link", "set", "world0", "up")
	}
	m.eventually("the lease after that", func() bool { return addrs(t, "eth0") == "10.9.0.50/24" && m.isReady() })
	ip(t, "link", "set", "eth1", "down") // somebody's mistake, that also takes its route
	m.eventually("the link is up again, and its route there", func() bool {
		return strings.Contains(ip(t, "link", "show", "eth1"), ",UP") && strings.Contains(ip(t, "route"), "default via 10.8.0.9 dev eth1")
	})
	ip(t, "addr", "add", "10.8.0.100/32", "dev", "eth1") // such as that of a cluster
	ip(t, "addr", "del", "10.8.0.2/24", "dev", "eth1")
	m.eventually("an address that somebody took away, and the one that he gave", func() bool {
		return addrs(t, "eth1") == "10.8.0.100/32 10.8.0.2/24" && len(m.rest()) == 0
	})
}

func TestDHCPThatNeverAnswersHoldsUpNothing(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "")
	veth(t, "eth1", "world1", "")
	m := start(t, networkConfig(t, "{version: 2, ethernets: {eth0: {dhcp4: true}, eth1: {addresses: [10.8.0.2/24]}}}"))
	m.eventually("the other address at once", func() bool { return addrs(t, "eth1") == "10.8.0.2/24" })
	m.eventually("ready after the time-out", m.isReady)
	m.eventually("it is told who got no answer", func() bool {
		return strings.HasPrefix(strings.Join(m.status().Lacks, ";"), "eth0 has no address")
	})
	if s := m.status(); addrs(t, "eth0") != "" || len(s.Problems) > 0 {
		t.Errorf("eth0 has %q, problems %q", addrs(t, "eth0"), s.Problems)
	}
}

// TestEightCards has a bond of two, a bridge, VLANs on both, and links by name,
// pattern and address. A kernel that has no bonds and VLANs says so, and the rest
// is made.
func TestEightCards(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for n := range 8 {
		veth(t, "eth"+strconv.Itoa(n), "world"+strconv.Itoa(n), "")
	}
	mac, err := netlink.LinkByName("eth7")
	if err != nil {
		t.Fatal(err)
	}
	ip(t, "link", "add", "docker0", "type", "bridge")
	ip(t, "addr", "add", "172.17.0.1/16", "dev", "docker0")
	m := start(t, networkConfig(t, `
version: 2
ethernets:
  eth4: {addresses: [10.4.0.2/24, "fd00:4::2/64"]}
  all: {match: {name: "eth[56]"}, mtu: 1300, addresses: [10.5.0.2/32]}
  last: {match: {macaddress: "`+mac.Attrs().HardwareAddr.String()+`"}, set-name: lan0, addresses: [10.7.0.2/24]}
bonds: {bond0: {interfaces: [eth0, eth1], parameters: {mode: active-backup, mii-monitor-interval: 50}, addresses: [10.0.0.2/24]}}
bridges: {br0: {interfaces: [eth2, eth3], parameters: {stp: false, forward-delay: 4, path-cost: {eth2: 77}}, addresses: [10.2.0.2/24]}}
vlans:
  v5: {id: 5, link: bond0, addresses: [10.50.0.2/24]}
  v6: {id: 6, link: br0, addresses: [10.60.0.2/24]}
`))
	want := map[string]string{
		"eth0": "", "eth2": "", "eth4": "10.4.0.2/24", "eth5": "10.5.0.2/32", "eth6": "10.5.0.2/32", "lan0": "10.7.0.2/24",
		"br0": "10.2.0.2/24", "docker0": "172.17.0.1/16",
	}
	kinds := map[string]map[string]string{"bond": {"bond0": "10.0.0.2/24"}, "vlan": {"v6": "10.60.0.2/24"}}
	for kind, links := range kinds {
		if kernelHas(t, kind) {
			for name, address := range links {
				want[name] = address
			}
			continue
		}
		m.eventually("the problem", func() bool {
			return strings.Contains(strings.Join(m.status().Problems, "\n"), "the kernel has no support for it")
		})
	}
	m.eventually("all addresses", func() bool {
		for name, address := range want {
			if addrs(t, name) != address {
				return false
			}
		}
		return true
	})
	for _, port := range []string{"eth2", "eth3"} {
		if text := ip(t, "-d", "link", "show", port); !strings.Contains(text, "master br0") {
			t.Errorf("%s is no port: %s", port, text)
		}
	}
	if text := ip(t, "-d", "link", "show", "eth2"); !strings.Contains(text, "cost 77") {
		t.Errorf("the cost of eth2 is not set: %s", text)
	}
	if text := ip(t, "-d", "link", "show", "br0"); !strings.Contains(text, "forward_delay 400") {
		t.Errorf("the delay of br0 is not set: %s", text)
	}
	if got := mtuOf(t, "eth6"); got != 1300 {
		t.Errorf("the MTU of eth6 is %d", got)
	}
	if kernelHas(t, "bond") {
		if text := ip(t, "-d", "link", "show", "eth1"); !strings.Contains(text, "master bond0") {
			t.Errorf("eth1 is no port: %s", text)
		}
	}
}

// kernelHas says whether links of a kind can be made.
func kernelHas(t *testing.T, kind string) bool {
	t.Helper()
	var err error
	attrs := linkAttrs("probe")
	switch kind {
	case "bond":
		err = netlink.LinkAdd(netlink.NewLinkBond(attrs))
	case "vlan":
		port, perr := netlink.LinkByName("eth0") // the loopback takes none
		if perr != nil {
			t.Fatal(perr)
		}
		attrs.ParentIndex = port.Attrs().Index
		err = netlink.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: 9})
	default:
		t.Fatalf("%q is not known here", kind)
	}
	if err != nil {
		return false
	}
	l, err := netlink.LinkByName("probe")
	if err == nil {
		err = netlink.LinkDel(l)
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

func TestRulesTablesAndRoutesToNowhere(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "")
	ip(t, "route", "add", "blackhole", "10.99.0.0/16") // somebody else's
	m := start(t, networkConfig(t, `
version: 2
ethernets:
  eth0:
    addresses: [192.168.3.30/24]
    routes: [{to: default, via: 192.168.3.1, table: 101}, {to: 10.66.0.0/16, type: blackhole}, {to: 10.67.0.0/16, scope: link, from: 192.168.3.30}]
    routing-policy:
      - {from: 192.168.3.0/24, table: 101}
      - {from: 0.0.0.0/0, table: 102, priority: 40000} # which the kernel tells without a network
      - {to: "::/0", table: 103, priority: 40001}
      - {from: "::/0", to: "fd00::/8", table: 1040}
`))
	m.eventually("all of them", func() bool {
		routes := ip(t, "route", "show", "table", "all")
		return strings.Contains(routes, "default via 192.168.3.1 dev eth0 table 101") && strings.Contains(routes, "blackhole 10.66.0.0/16") &&
			strings.Contains(routes, "10.67.0.0/16 dev eth0") && strings.Contains(ip(t, "rule"), "from 192.168.3.0/24 lookup 101") &&
			strings.Contains(ip(t, "rule"), "from all lookup 102") && strings.Contains(ip(t, "-6", "rule"), "from all lookup 103") &&
			strings.Contains(ip(t, "-6", "rule"), "from all to fd00::/8 lookup 1040")
	})
	m.eventually("nothing more to do", func() bool { return len(m.rest()) == 0 })
	m.set(networkConfig(t, "{version: 2, ethernets: {eth0: {addresses: [192.168.3.30/24]}}}"))
	m.eventually("none of them, and what others made", func() bool {
		routes := ip(t, "route", "show", "table", "all")
		return !strings.Contains(routes, "192.168.3.1 ") && !strings.Contains(routes, "10.66.") && !strings.Contains(routes, "10.67.") &&
			!strings.Contains(ip(t, "rule")+ip(t, "-6", "rule"), "lookup 10") && strings.Contains(routes, "blackhole 10.99.0.0/16")
	})
}

// rest are the steps that there still are.
func (m *machine) rest() []Step {
	m.t.Helper()
	s, _, err := readSettings(m.paths.settings)
	if err != nil {
		m.t.Fatal(err)
	}
	have, err := observer{sysctl: sysctlFolder(), leases: m.paths.leases}.observe()
	if err != nil {
		m.t.Fatal(err)
	}
	plan, _ := diff(s, have, m.status().given())
	return plan.Steps
}
