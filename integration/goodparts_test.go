//go:build integration

package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// halfGood has, of everything, something good and something bad; the numbers of
// the lines that are bad stand in halfGoodLines.
const halfGood = `#cloud-config
hostname: good1
locale: "no locale"
write_files:
  - {path: /etc/good-1, content: "one\n", permissions: "0640"}
  - {path: /etc/bad-base64, content: "?", encoding: b64}
  - {path: /etc/bad-owner, content: x, owner: "a b"}
  - {path: relative, content: x}
  - {path: /etc/good-2, content: "two\n"}
  - {path: /etc/passwd/below-a-file, content: x}
  - {path: /etc/nobodys, content: x, owner: "no-such-user:root"}
  - {path: /etc/good-3, content: dGhyZWUK, encoding: b64, owner: "ann:docker"}
users:
  - name: ann
    ssh_authorized_keys: ["` + annsKey + `"]
  - name: bob
    ssh_autorized_keys: ["` + annsKey + `"]
bootcmd:
  - [touch, /run/good-bootcmd]
  - {touch: /run/bad-bootcmd}
runcmd:
  - echo before >> /run/ran
  - sleep 86399 & trap '' TERM; echo within >> /run/ran; wait; sleep 86398
  - echo after >> /run/ran
rancher:
  cloud_init: {command_timeout: 3}
  network:
    interfaces:
      dummy9: {address: 10.9.9.300/24}
      eth1: {dhcp: true}
  services:
    keeper:
      image: probe:1
      command: [serve, ":80", hello]
      labels: {io.rancher.os.scope: system}
    broken: probe:1
`

var halfGoodLines = []int{3, 6, 7, 8, 10, 11, 17, 20, 23, 29, 36}

// withoutACable is told of an interface that the user-data names; no line of it is
// at fault.
const withoutACable = "service network: eth1 has no carrier: no cable, or nothing at its other end"

// TestWhatIsGoodIsApplied gives a machine user-data with every kind of mistake, and
// two interfaces of which one has no cable.
func TestWhatIsGoodIsApplied(t *testing.T) {
	m := NewMachine(t, NS, "a mistake costs what it is about, and nothing else").CloudConfig(halfGood).
		Flags("--nics", "2", "--unplugged=eth1").StartDegraded().Load()
	m.Eventually("console, Docker and the good service are ready", 2*time.Minute, ready(append(defaults(), "keeper")...))
	m.Until("what is good is applied", time.Minute, func() error {
		const look = "hostname; stat -c %a /etc/good-1; cat /etc/good-1 /etc/good-2 /etc/good-3; stat -c %U:%G /etc/good-3; grep -c ssh- ~ann/.ssh/authorized_keys; ls /run/good-bootcmd"
		return says(m.Try("console", "sh", "-c", look), 0, "good1\n640\none\ntwo\nthree\nann:docker\n1\n/run/good-bootcmd")
	})
	if r := m.Try("console", "sh", "-c", "id bob; ls /etc/bad-base64 /etc/bad-owner /etc/nobodys /etc/passwd/below-a-file /relative relative /run/bad-bootcmd"); r.Stdout != "" {
		t.Errorf("what is bad was applied: %s", r.Stdout)
	}
	if got := m.Exec("docker", "run", "--rm", "probe:1", "say", "hi"); got != "hi" {
		t.Errorf("docker run: %q", got)
	}
	m.oneCableIsEnough()
	m.whatNeverEndsIsEnded()
	m.tellsOfLines("user-data (nocloud)", halfGoodLines...)

	bad := m.host(strings.Replace(goodConfig, "good1", "'bad_!'", 1),
		shop.program, "exec", m.name, "--in", "console", "--", "ros", "config", "merge", "-i", "-")
	if bad.Code == 0 || !strings.Contains(bad.Stderr, ":2:11: ") {
		t.Errorf("ros config merge takes what is wrong: exit status %d, %s", bad.Code, bad.Stderr)
	}
}

// oneCableIsEnough looks at interfaces of which one has a cable.
func (m *Machine) oneCableIsEnough() {
	m.t.Helper()
	const look = "cat /sys/class/net/eth0/carrier /sys/class/net/eth1/carrier; ip -br -4 address show dev eth0 | grep -o 10.99.0.10/24; ip -4 address show dev eth1"
	if r := m.Try("console", "sh", "-c", look); r.Stdout != "1\n0\n10.99.0.10/24\n" {
		m.t.Errorf("the interfaces are %q %s", r.Stdout, r.Stderr)
	}
	m.Eventually("the interface without a cable is told", time.Minute, func(s Status) error {
		if !slices.ContainsFunc(s.Problems, func(p Problem) bool { return p.Message == withoutACable && p.Severity == "warning" }) {
			return fmt.Errorf("%v", s.Problems)
		}
		return nil
	})
}

// whatNeverEndsIsEnded waits for the command that ignores that its time is up.
func (m *Machine) whatNeverEndsIsEnded() {
	m.t.Helper()
	m.Until("the commands behind it are run", time.Minute, func() error {
		return says(m.Try("console", "cat", "/run/ran"), 0, "before\nwithin\nafter")
	})
	if left := append(m.processes("sleep 86399"), m.processes("sleep 86398")...); len(left) > 0 {
		m.t.Errorf("of what it started there are still %v", left)
	}
	m.Until("it is told", time.Minute, func() error {
		r := m.Try("console", "ros", "cloud-init", "status", "--long")
		if r.Code != 2 || !strings.Contains(r.Stdout, "it did not end within 3s and was killed") {
			return fmt.Errorf("exit status %d, %s%s", r.Code, r.Stdout, r.Stderr)
		}
		return nil
	})
}

// tellsOfLines checks that the state is degraded by exactly these lines of a
// document, each with a column.
func (m *Machine) tellsOfLines(file string, lines ...int) {
	m.t.Helper()
	r := m.Try("console", "ros", "status")
	if r.Code != 2 {
		m.t.Errorf("ros status ends with %d, want 2", r.Code)
	}
	told := map[int]bool{}
	for _, p := range m.Status().Problems {
		if p.Message == withoutACable {
			continue
		}
		if p.Pos.File != file || p.Pos.Col == 0 {
			m.t.Errorf("unexpected: %v", p)
			continue
		}
		told[p.Pos.Line] = true
		if !strings.Contains(r.Stdout+r.Stderr, fmt.Sprintf("%s:%d:%d: ", file, p.Pos.Line, p.Pos.Col)) {
			m.t.Errorf("ros status does not tell %v:\n%s", p, r.Stdout)
		}
	}
	for _, line := range lines {
		if !told[line] {
			m.t.Errorf("nothing is told about line %d", line)
		}
	}
	if len(told) != len(lines) {
		m.t.Errorf("told about lines %v, want %v", told, lines)
	}
}
