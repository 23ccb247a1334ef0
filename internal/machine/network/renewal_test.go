package network

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// farDHCP serves DHCP in the far namespace, where a server of one machine has to be to
// be asked for a renewal.
func farDHCP(t *testing.T, address string, options ...string) (end func(unix.Signal)) {
	t.Helper()
	dir := t.TempDir()
	args := []string{
		"netns", "exec", "far", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root",
		"--interface=world0", "--dhcp-leasefile=" + filepath.Join(dir, "leases"), "--pid-file=" + filepath.Join(dir, "pid"),
		"--log-facility=-", "--log-dhcp", "--dhcp-authoritative", "--no-ping", "--leasefile-ro",
		"--dhcp-range=" + address + "," + address + ",2m",
	}
	for _, option := range options {
		args = append(args, "--dhcp-option="+option)
	}
	return daemon(t, "ip", args...)
}

// renew has dhcpcd do now what it does after half the time of a lease, when a server
// listens at a port: dhcpcd asks again only after ten seconds.
func renew(t *testing.T, dev, port string, in ...string) {
	t.Helper()
	listens := func() bool {
		argv := append(in, "ss", "-Hlun", "sport = :"+port)
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).Output()
		if err != nil {
			t.Fatalf("cannot look for the server: %v", err)
		}
		return len(out) > 0
	}
	for end := time.Now().Add(8 * time.Second); !listens(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nobody listens at port %s", port)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "dhcpcd", "--renew", dev).CombinedOutput(); err != nil {
		t.Fatalf("cannot have the lease renewed: %v: %s", err, out)
	}
}

// leased is a machine with a lease of a server in the far namespace.
func leased(t *testing.T) (m *machine, endServer func(unix.Signal)) {
	t.Helper()
	veth(t, "eth0", "world0", "")
	world := farNamespace(t, "world0")
	world("addr", "add", "10.9.0.1/24", "dev", "world0")
	world("link", "set", "world0", "up")
	endServer = farDHCP(t, "10.9.0.50", "option:dns-server,9.9.9.9", "option:domain-name,lan", "option:ntp-server,10.9.0.1",
		"option:classless-static-route,10.77.0.0/16,10.9.0.2,0.0.0.0/0,10.9.0.1")
	m = start(t, networkConfig(t, "{version: 2, ethernets: {eth0: {dhcp4: true}}}"))
	m.eventually("a lease", m.isReady)
	m.eventually("its routes", func() bool {
		return gateways(t) == "10.9.0.1" && strings.Contains(ip(t, "route"), "10.77.0.0/16 via 10.9.0.2")
	})
	return m, endServer
}

func TestARenewalThatGivesOtherServersAndRoutes(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	m, end := leased(t)
	pid, removed := dhcpcdPID(t), watchRemovals(t)
	end(unix.SIGKILL)
	farDHCP(t, "10.9.0.50", "option:dns-server,8.8.4.4", "option:domain-name,home", "option:ntp-server,10.9.0.9",
		"option:classless-static-route,10.78.0.0/16,10.9.0.3,0.0.0.0/0,10.9.0.254")
	renew(t, "eth0", "67", "ip", "netns", "exec", "far")
	m.eventually("other servers", func() bool {
		return strings.HasSuffix(m.resolvConf(), "changes are lost\nsearch home\nnameserver 8.8.4.4\n") && strings.Join(m.status().NTP, " ") == "10.9.0.9"
	})
	m.eventually("other routes", func() bool {
		routes := ip(t, "route")
		return gateways(t) == "10.9.0.254" && strings.Contains(routes, "10.78.0.0/16 via 10.9.0.3") && !strings.Contains(routes, "10.77.")
	})
	if len(removed) > 0 {
		t.Errorf("the address that stays was removed in between: %s", <-removed)
	}
	if got := dhcpcdPID(t); got != pid || !m.isReady() {
		t.Errorf("dhcpcd has pid %s, was %s; ready is %v", got, pid, m.isReady())
	}
}

func TestARenewalThatGivesAnotherAddress(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	m, end := leased(t)
	pid := dhcpcdPID(t)
	end(unix.SIGKILL)
	farDHCP(t, "10.9.0.60", "option:dns-server,7.7.7.7", "option:router,10.9.0.254")
	renew(t, "eth0", "67", "ip", "netns", "exec", "far")
	m.eventually("another address, and nothing of the one before", func() bool {
		return addrs(t, "eth0") == "10.9.0.60/24" && gateways(t) == "10.9.0.254" && !strings.Contains(ip(t, "route"), "10.77.") &&
			strings.HasSuffix(m.resolvConf(), "changes are lost\nnameserver 7.7.7.7\n") && len(m.status().NTP) == 0
	})
	m.eventually("ready", m.isReady)
	if got := dhcpcdPID(t); got != pid {
		t.Errorf("dhcpcd has pid %s, was %s", got, pid)
	}
	if steps := m.rest(); len(steps) > 0 {
		t.Errorf("there is still to do: %v", steps)
	}
}

func TestARenewalOfIPv6(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	veth(t, "eth0", "world0", "")
	ip(t, "-6", "addr", "add", "fd00:1::1/64", "dev", "world0", "nodad")
	end := dnsmasq(t, "world0", "--dhcp-range=fd00:1::100,fd00:1::100,64,2m", "--dhcp-option=option6:dns-server,[fd00:1::53]", "--leasefile-ro")
	m := start(t, networkConfig(t, "{version: 2, ethernets: {eth0: {dhcp6: true}}}"))
	says := func(address, server string) func() bool {
		return func() bool {
			return strings.Contains(ip(t, "-6", "addr", "show", "dev", "eth0"), " "+address+"/128 ") &&
				strings.HasSuffix(m.resolvConf(), "changes are lost\nnameserver "+server+"\n")
		}
	}
	m.eventually("a lease", says("fd00:1::100", "fd00:1::53"))
	pid := dhcpcdPID(t)
	end(unix.SIGKILL)
	dnsmasq(t, "world0", "--dhcp-range=fd00:1::200,fd00:1::200,64,2m", "--dhcp-option=option6:dns-server,[fd00:1::54]", "--leasefile-ro")
	renew(t, "eth0", "547")
	m.eventually("another address and server", says("fd00:1::200", "fd00:1::54"))
	m.eventually("ready", m.isReady)
	if got := dhcpcdPID(t); got != pid {
		t.Errorf("dhcpcd has pid %s, was %s", got, pid)
	}
}
