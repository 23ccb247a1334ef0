package network

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespace runs the calling test again in a process with a network, mount and
// PID namespace of its own, so that it may do what it likes and leaves nothing
// behind. It is true in that process, where the test goes on.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("ROS_TEST_NAMESPACE") != "" {
		mountScratch(t)
		return true
	}
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network interfaces: it must be run as root")
	}
	if _, err := exec.LookPath("dhcpcd"); err != nil {
		t.Fatal("this test needs dhcpcd: apt-get install dhcpcd-base")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "ROS_TEST_NAMESPACE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS,
		Unshareflags: unix.CLONE_NEWNS, // makes / private too
		Pdeathsig:    syscall.SIGKILL,
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
	return false
}

// mountScratch hides the host's /proc and dhcpcd's folders.
func mountScratch(t *testing.T) {
	t.Helper()
	for _, m := range []struct{ fstype, target string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/run"}, {"tmpfs", "/var/lib/dhcpcd"},
	} {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("test", m.target, m.fstype, 0, ""); err != nil {
			t.Fatalf("cannot mount %s: %v", m.target, err)
		}
	}
}

// machine is a service that runs, and the files it reads and writes.
type machine struct {
	t     *testing.T
	paths paths
	stop  func() // ends the service; it may be called twice
}

func start(t *testing.T, s Settings) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{t: t, paths: paths{
		settings: filepath.Join(dir, "network.json"), status: filepath.Join(dir, "status.json"),
		ready: filepath.Join(dir, "network.ready"), dhcpcdConf: filepath.Join(dir, "dhcpcd.conf"),
		resolvConf: filepath.Join(dir, "resolv.conf"), leases: "/var/lib/dhcpcd",
		announced: filepath.Join(dir, "announced.json"),
	}}
	m.set(s)
	m.run()
	return m
}

// run runs the service until stop, or the end of the test.
func (m *machine) run() {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- newService(m.paths).run(ctx) }()
	done := false
	m.stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			m.t.Errorf("the service ended with %v", err)
		}
	}
	m.t.Cleanup(m.stop)
}

func (m *machine) set(s Settings) {
	m.t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := replace(m.paths.settings, data); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) status() Status {
	s, err := ReadStatus(m.paths.status)
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

func (m *machine) isReady() bool {
	_, err := os.Stat(m.paths.ready)
	return err == nil
}

func (m *machine) resolvConf() string {
	data, err := os.ReadFile(m.paths.resolvConf)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.t.Fatal(err)
	}
	return string(data)
}

// eventually waits for a state of the machine.
func (m *machine) eventually(what string, ok func() bool) {
	m.t.Helper()
	deadline := time.After(8 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			m.t.Fatalf("%s: not within 8 s; status %+v, eth0 has %q", what, m.status(), addrs(m.t, "eth0"))
		case <-tick.C:
		}
	}
}

// veth makes a cable: name is the machine's end, and peer the world's, which
// gets an address when one is given.
func veth(t *testing.T, name, peer, address string) {
	t.Helper()
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: linkAttrs(name), PeerName: peer}); err != nil {
		t.Fatalf("cannot make %s: %v", name, err)
	}
	world, err := netlink.LinkByName(peer)
	if err != nil {
		t.Fatal(err)
	}
	if address != "" {
		a, err := netlink.ParseAddr(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.AddrAdd(world, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := netlink.LinkSetUp(world); err != nil {
		t.Fatal(err)
	}
}

// addrs are the IPv4 addresses of a link, sorted, separated by spaces.
func addrs(t *testing.T, name string) string {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		return ""
	}
	list, err := netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range list {
		out = append(out, prefixOf(a).String())
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// gateways are the default gateways of IPv4, separated by spaces.
func gateways(t *testing.T) string {
	t.Helper()
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range routes {
		to, ok := destinationOf(r)
		if ok && to.Bits() == 0 && len(r.Gw) > 0 {
			out = append(out, r.Gw.String())
		}
	}
	return strings.Join(out, " ")
}

// serveDHCP gives one address to whoever asks on a link, until the test ends.
func serveDHCP(t *testing.T, dev, server, address string) {
	t.Helper()
	serverIP, yourIP := net.ParseIP(server), net.ParseIP(address)
	answer := func(conn net.PacketConn, _ net.Addr, m *dhcpv4.DHCPv4) {
		kind := dhcpv4.MessageTypeOffer
		if m.MessageType() == dhcpv4.MessageTypeRequest {
			kind = dhcpv4.MessageTypeAck
		}
		reply, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind), dhcpv4.WithServerIP(serverIP),
			dhcpv4.WithYourIP(yourIP), dhcpv4.WithRouter(serverIP), dhcpv4.WithDNS(net.IPv4(9, 9, 9, 9)),
			dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithLeaseTime(3600),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(serverIP)), dhcpv4.WithOption(dhcpv4.OptHostName("given")),
			dhcpv4.WithOption(dhcpv4.OptNTPServers(serverIP)), dhcpv4.WithOption(dhcpv4.OptDomainName("lan")))
		if err != nil {
			t.Errorf("cannot answer DHCP: %v", err)
			return
		}
		if _, err := conn.WriteTo(reply.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: 68}); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("cannot answer DHCP: %v", err)
		}
	}
	s, err := server4.NewServer(dev, &net.UDPAddr{IP: net.IPv4zero, Port: 67}, answer)
	if err != nil {
		t.Fatalf("cannot serve DHCP on %s: %v", dev, err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve() }() // ends with an error when it is closed
	t.Cleanup(func() { _ = s.Close(); <-ended })
}
