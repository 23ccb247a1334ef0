package network

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/ros-os/ros/cloudconfig"
)

func withInterfaces(m map[string]cloudconfig.Interface) Settings {
	doc, _ := FromInterfaces("test", m)
	return Settings{
		DHCPTimeout: 1, Documents: []Document{doc},
		FallbackDNS: cloudconfig.DNS{Nameservers: []string{"8.8.8.8"}},
	}
}

func TestDHCPThenStaticThenDHCP(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	serveDHCP(t, "world0", "10.9.0.1", "10.9.0.50")

	m := start(t, withInterfaces(nil))
	m.eventually("a lease without any configuration", m.isReady)
	if got := addrs(t, "eth0"); got != "10.9.0.50/24" {
		t.Errorf("eth0 has %q", got)
	}
	m.eventually("resolv.conf from DHCP", func() bool {
		return strings.HasSuffix(m.resolvConf(), "\nsearch lan\nnameserver 9.9.9.9\n")
	})
	if s := m.status(); s.Hostname != "given" || strings.Join(s.NTP, " ") != "10.9.0.1" {
		t.Errorf("host name %q, time servers %q", s.Hostname, s.NTP)
	}
	if got := gateways(t); got != "10.9.0.1" {
		t.Errorf("gateways %q", got)
	}

	m.set(withInterfaces(map[string]cloudconfig.Interface{
		"eth0": {Address: "10.9.0.7/24", Addresses: []string{"10.9.1.7/24"}, Gateway: "10.9.0.254", MTU: 1400},
	}))
	m.eventually("static addresses in place of the lease", func() bool {
		return addrs(t, "eth0") == "10.9.0.7/24 10.9.1.7/24" && gateways(t) == "10.9.0.254"
	})
	m.eventually("the fallback's DNS", func() bool { return strings.Contains(m.resolvConf(), "nameserver 8.8.8.8\n") })
	if l, err := netlink.LinkByName("eth0"); err != nil || l.Attrs().MTU != 1400 {
		t.Errorf("MTU is not 1400: %v", err)
	}
	m.eventually("no dhcpcd", func() bool {
		return exec.CommandContext(t.Context(), "pgrep", "-r", "RSD", "-x", "dhcpcd").Run() != nil
	})

	m.set(withInterfaces(map[string]cloudconfig.Interface{"eth*": {DHCP: true}}))
	m.eventually("the lease in place of static addresses", func() bool {
		return addrs(t, "eth0") == "10.9.0.50/24" && gateways(t) == "10.9.0.1" && m.isReady()
	})
}

func TestAnUnchangedLinkIsNotTouched(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	serveDHCP(t, "world0", "10.9.0.1", "10.9.0.50")
	marks := filepath.Join(t.TempDir(), "marks")
	settings := withInterfaces(map[string]cloudconfig.Interface{
		"eth0": {DHCP: true, PreUp: []string{`sh -c "echo up $iface >>` + marks + `"`}},
	})
	m := start(t, settings)
	m.eventually("a lease", m.isReady)
	pid := dhcpcdPID(t)
	removed := watchRemovals(t)

	settings.DNS.Nameservers = []string{"1.1.1.1"}
	m.set(settings)
	m.eventually("the user's DNS", func() bool { return strings.Contains(m.resolvConf(), "nameserver 1.1.1.1\n") })
	if got := dhcpcdPID(t); got != pid {
		t.Errorf("dhcpcd was restarted: pid %s, was %s", got, pid)
	}
	if n := len(removed); n != 0 {
		t.Errorf("%d addresses were removed", n)
	}
	if got, err := os.ReadFile(marks); err != nil || string(got) != "up eth0\n" {
		t.Errorf("pre_up ran as %q, %v", got, err)
	}
}

func TestARestartOfTheServiceKeepsTheLease(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	serveDHCP(t, "world0", "10.9.0.1", "10.9.0.50")
	m := start(t, withInterfaces(nil))
	m.eventually("a lease", m.isReady)
	removed := watchRemovals(t)
	m.stop()
	if m.isReady() {
		t.Error("ready is left behind by a service that has stopped")
	}
	if got := addrs(t, "eth0"); got != "10.9.0.50/24" {
		t.Errorf("after the stop eth0 has %q", got)
	}
	m.run()
	m.eventually("ready again", m.isReady)
	if n := len(removed); n != 0 {
		t.Errorf("%d addresses were removed", n)
	}
}

func TestWithoutALeaseItIsNotReadyUntilOneComes(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	m := start(t, withInterfaces(nil))
	m.eventually("a reason", func() bool { return strings.Join(m.status().Waiting, "") == "eth0 has no address yet" })
	if m.isReady() {
		t.Error("ready without an address")
	}
	serveDHCP(t, "world0", "10.9.0.1", "10.9.0.50")
	m.eventually("a lease that came late", m.isReady)
}

func TestAnAddressOfTheLoopbackMakesNoNetwork(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	m := start(t, withInterfaces(map[string]cloudconfig.Interface{
		"eth*": {DHCP: true},
		"lo":   {Addresses: []string{"127.0.0.1/8", "::1/128", "10.8.0.1/32"}},
	}))
	m.eventually("the address", func() bool { return addrs(t, "lo") == "10.8.0.1/32 127.0.0.1/8" })
	timeout := time.After(1500 * time.Millisecond) // longer than the time-out of DHCP
	for waiting := true; waiting; {
		select {
		case <-timeout:
			waiting = false
		case <-time.After(50 * time.Millisecond):
		}
		if m.isReady() {
			t.Fatal("ready without a lease")
		}
	}
}

func TestALinkThatComesLateIsConfigured(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	m := start(t, withInterfaces(map[string]cloudconfig.Interface{
		"eth0": {Address: "10.9.0.7/24"},
		"usb":  {Match: "mac:02:00:00:00:00:*", Address: "10.9.2.7/24"},
	}))
	m.eventually("ready without any link", m.isReady)
	veth(t, "eth0", "world0", "")
	m.eventually("the address", func() bool { return addrs(t, "eth0") == "10.9.0.7/24" })
	if err := netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "any", HardwareAddr: []byte{2, 0, 0, 0, 0, 9}}, PeerName: "world1",
	}); err != nil {
		t.Fatal(err)
	}
	m.eventually("the address by MAC", func() bool { return addrs(t, "any") == "10.9.2.7/24" })
}

func TestABridgeWithAPortGetsTheAddress(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	serveDHCP(t, "world0", "10.9.0.1", "10.9.0.50")
	m := start(t, withInterfaces(map[string]cloudconfig.Interface{"eth0": {DHCP: true}}))
	m.eventually("a lease", m.isReady)

	m.set(withInterfaces(map[string]cloudconfig.Interface{
		"br0":  {Bridge: "true", DHCP: true},
		"eth0": {Bridge: "br0"},
	}))
	m.eventually("the lease on the bridge", func() bool { return addrs(t, "br0") == "10.9.0.50/24" && addrs(t, "eth0") == "" })

	m.set(withInterfaces(map[string]cloudconfig.Interface{"eth0": {Address: "10.9.0.7/24"}}))
	m.eventually("the port free again", func() bool { return addrs(t, "eth0") == "10.9.0.7/24" && addrs(t, "br0") == "" })
}

func TestTwoLinksKeepTheirGateways(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "")
	veth(t, "eth1", "world1", "")
	m := start(t, withInterfaces(map[string]cloudconfig.Interface{
		"eth0": {Address: "10.9.0.7/32", Gateway: "10.9.0.1"}, // outside of its own network
		"eth1": {Address: "10.9.1.7/24", Gateway: "10.9.1.1"},
	}))
	m.eventually("both default routes", func() bool { return gateways(t) == "10.9.0.1 10.9.1.1" })
	m.set(withInterfaces(map[string]cloudconfig.Interface{"eth1": {Address: "10.9.1.7/24"}}))
	m.eventually("what is configured no more taken back", func() bool {
		return gateways(t) == "" && addrs(t, "eth0") == "" && addrs(t, "eth1") == "10.9.1.7/24"
	})
}

func dhcpcdPID(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pgrep", "-r", "RSD", "-o", "-x", "dhcpcd").Output()
	if err != nil {
		t.Fatalf("dhcpcd does not run: %v", err)
	}
	return string(out)
}

// watchRemovals collects the IPv4 addresses that are removed from now on.
func watchRemovals(t *testing.T) chan string {
	t.Helper()
	removed := make(chan string, 100)
	updates, done := make(chan netlink.AddrUpdate), make(chan struct{})
	if err := netlink.AddrSubscribe(updates, done); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(done) })
	go func() {
		for u := range updates {
			if !u.NewAddr && u.LinkAddress.IP.To4() != nil {
				removed <- u.LinkAddress.String()
			}
		}
	}()
	return removed
}

// A command of the network that fails was told to the service's log alone.
func TestCommandsThatFailAreToldUntilTheyAreOthers(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	settings := withInterfaces(map[string]cloudconfig.Interface{
		"eth0": {Address: "10.9.0.7/24", PreUp: []string{"true", "false $iface"}, PostUp: []string{`sh -c "echo no; exit 3"`}},
	})
	settings.PreCmds, settings.PostCmds = []string{"/absent"}, []string{`echo "open`, "true"}
	m := start(t, settings)
	told := func() string { return strings.Join(m.status().Problems, "\n") }
	m.eventually("all that failed", func() bool {
		return told() == strings.Join([]string{
			`post_cmds: cannot run "echo \"open": EOF found when expecting closing quote`,
			`post_up eth0: cannot run "sh -c \"echo no; exit 3\"": no (exit status 3)`,
			`pre_cmds: cannot run "/absent": fork/exec /absent: no such file or directory`,
			`pre_up eth0: cannot run "false $iface": exit status 1`,
		}, "\n")
	})
	settings = withInterfaces(map[string]cloudconfig.Interface{
		"eth0": {Address: "10.9.0.7/24", PostUp: []string{`sh -c "echo no; exit 3"`}},
	})
	m.set(settings)
	m.eventually("what fails still", func() bool {
		return told() == `post_up eth0: cannot run "sh -c \"echo no; exit 3\"": no (exit status 3)`
	})
	m.set(withInterfaces(map[string]cloudconfig.Interface{"eth0": {Address: "10.9.0.7/24"}}))
	m.eventually("nothing", func() bool { return told() == "" })
}

// It may be the machine's only network: under the name that it was given nothing fits
// it any more, and nobody would ask for an address.
func TestANameAndASizeThatAreTakenOutAreGivenBack(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "10.9.0.1/24")
	serveDHCP(t, "world0", "10.9.0.1", "10.9.0.50")

	m := start(t, read(t, []byte("version: 2\nethernets:\n  a: {match: {name: eth0}, set-name: lan0, mtu: 1400, dhcp4: true}\n")))
	m.eventually("a lease under the new name", func() bool { return m.isReady() && addrs(t, "lan0") == "10.9.0.50/24" })
	if l, err := netlink.LinkByName("lan0"); err != nil || l.Attrs().MTU != 1400 {
		t.Errorf("the size of lan0 is not 1400: %v", err)
	}
	m.stop() // what was given is known to the next run, too
	m.set(withInterfaces(nil))
	m.run()
	m.eventually("a lease under the name that it came with", func() bool { return m.isReady() && addrs(t, "eth0") == "10.9.0.50/24" })
	if l, err := netlink.LinkByName("eth0"); err != nil || l.Attrs().MTU != 1500 {
		t.Errorf("the size of eth0 is not 1500 again: %v", err)
	}
}
