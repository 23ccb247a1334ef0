//go:build integration

package integration

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

const bobsKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPXxHwOQTTcmSKKLqZK3yvzPzmWjB4yBwJ0MXv0Nn0v1 bob"

// liveBefore is a machine with a user, whose second interface asks DHCP as all do.
const liveBefore = `#cloud-config
users:
  - name: ann
    ssh_authorized_keys: ["` + annsKey + `"]
`

// liveAfter gives the user another key and group, adds one, and takes the second
// interface into a bridge with an address of its own.
const liveAfter = `#cloud-config
users:
  - name: ann
    groups: [docker]
    ssh_authorized_keys: ["` + bobsKey + `"]
  - name: bob
    ssh_authorized_keys: ["` + bobsKey + `"]
rancher:
  network:
    interfaces:
      eth1:
        bridge: br0
      br0:
        bridge: "true"
        mtu: 1400
        addresses: [192.0.2.5/24]
`

// TestUsersAndNetworkChangeAlive changes both on a machine that runs, and takes
// them back.
func TestUsersAndNetworkChangeAlive(t *testing.T) {
	m := NewMachine(t, NS, "users and interfaces change without a reboot, and nothing else is touched").
		CloudConfig(liveBefore).Flags("--nics", "2").Start()
	m.Until("both interfaces have their addresses", time.Minute, m.shell("ip -br -4 address show dev eth1", "10.99.0.11/24"))
	m.Until("the machine is reached", time.Minute, m.reached)
	m.Put("/tmp/after.yml", liveAfter)
	m.nothingToDo()
	was, before := m.inQuestion(), m.containers()

	plan := m.Ros("plan", "--with", "/tmp/after.yml")
	t.Logf("ros plan --with after.yml:\n%s", plan)
	for _, want := range []string{
		`(?m)^machine  users .*bob`, `(?m)^machine  users .*ann`, `(?m)^machine  network .*br0.*192\.0\.2\.5/24`, `(?m)^machine  network .*eth1.*10\.99\.0\.11`,
	} {
		if !regexp.MustCompile(want).MatchString(plan) {
			t.Errorf("ros plan --with does not say %s:\n%s", want, plan)
		}
	}
	if regexp.MustCompile(`eth0|this \w+ service`).MatchString(plan) {
		t.Errorf("ros plan --with says more:\n%s", plan)
	}
	if got := m.inQuestion(); got != was {
		t.Errorf("a plan changed the machine:\n%s\nwas\n%s", got, was)
	}

	m.Ros("config", "merge", "-i", "/tmp/after.yml")
	m.Until("the network is changed", time.Minute, m.shell("ip -br -4 address show dev br0; ip link show dev br0; ip link show dev eth1", "192.0.2.5/24", "master br0", "mtu 1400"))
	m.Until("the users are changed", time.Minute, m.shell("id -nG ann; cat ~ann/.ssh/authorized_keys ~bob/.ssh/authorized_keys", "ann docker", bobsKey))
	if got := m.Sh("cat ~ann/.ssh/authorized_keys; ip -br -4 address show dev eth1"); strings.Contains(got, annsKey) || strings.Contains(got, "10.99.0.11") {
		t.Errorf("what is no more is still there:\n%s", got)
	}
	m.settledAlive(before)

	m.Ros("config", "unset", "rancher.network.interfaces")
	m.Ros("config", "unset", "users")
	m.Until("all is as it was", time.Minute, func() error {
		if got := m.inQuestion(); got != was {
			return fmt.Errorf("it is\n%s\nwas\n%s", got, was)
		}
		return nil
	})
	m.settledAlive(before)
}

// inQuestion is what the test changes.
func (m *Machine) inQuestion() string {
	m.t.Helper()
	return m.Sh("ip -br -4 address | grep -v docker | tr -s ' '; id -nG ann; grep -h ssh- /home/ann/.ssh/authorized_keys /home/bob/.ssh/authorized_keys 2>/dev/null || true")
}

// settledAlive checks that the machine has done all, and did not do it with a
// hammer.
func (m *Machine) settledAlive(before map[string]string) {
	m.t.Helper()
	m.nothingToDo()
	m.Unchanged(before)
	m.Until("no dead process is left", 10*time.Second, func() error { return says(m.Try("network", "sh", "-c", "ps -o stat,args | grep ^Z"), 1, "") })
	if err := m.reached(); err != nil {
		m.t.Error(err)
	}
	if got := m.Listed().Boots; got != 1 {
		m.t.Errorf("the machine was booted %d times", got)
	}
}

func (m *Machine) nothingToDo() {
	m.t.Helper()
	m.Until("nothing is left to do", time.Minute, func() error { return says(m.Try("console", "ros", "plan"), 0, "nothing to do") })
	m.Eventually("the machine stands", time.Minute, converged)
}

// shell is a check that a line of shell says all of these.
func (m *Machine) shell(script string, words ...string) func() error {
	return func() error {
		r := m.Try("console", "sh", "-c", script)
		for _, word := range words {
			if !strings.Contains(r.Stdout, word) {
				return fmt.Errorf("%s: no %q in %s%s", script, word, r.Stdout, r.Stderr)
			}
		}
		return nil
	}
}
