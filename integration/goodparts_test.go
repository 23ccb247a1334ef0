//go:build integration

package integration

import (
	"fmt"
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
users:
  - name: ann
    ssh_authorized_keys: ["` + annsKey + `"]
  - name: bob
    ssh_autorized_keys: ["` + annsKey + `"]
bootcmd:
  - [touch, /run/good-bootcmd]
  - {touch: /run/bad-bootcmd}
rancher:
  network:
    interfaces:
      dummy9: {address: 10.9.9.300/24}
  services:
    keeper:
      image: probe:1
      command: [serve, ":80", hello]
      labels: {io.rancher.os.scope: system}
    broken: probe:1
`

var halfGoodLines = []int{3, 6, 7, 8, 14, 17, 21, 27}

// TestWhatIsGoodIsApplied gives a machine user-data with every kind of mistake.
func TestWhatIsGoodIsApplied(t *testing.T) {
	m := NewMachine(t, NS, "a mistake costs what it is about, and nothing else").CloudConfig(halfGood).StartDegraded().Load()
	m.Eventually("console, Docker and the good service are ready", 2*time.Minute, ready(append(defaults(), "keeper")...))
	m.Until("what is good is applied", time.Minute, func() error {
		const look = "hostname; stat -c %a /etc/good-1; cat /etc/good-1 /etc/good-2; grep -c ssh- ~ann/.ssh/authorized_keys; ls /run/good-bootcmd"
		return says(m.Try("console", "sh", "-c", look), 0, "good1\n640\none\ntwo\n1\n/run/good-bootcmd")
	})
	if r := m.Try("console", "sh", "-c", "id bob; ls /etc/bad-base64 /etc/bad-owner /relative relative /run/bad-bootcmd"); r.Stdout != "" {
		t.Errorf("what is bad was applied: %s", r.Stdout)
	}
	if got := m.Exec("docker", "run", "--rm", "probe:1", "say", "hi"); got != "hi" {
		t.Errorf("docker run: %q", got)
	}
	m.tellsOfLines("user-data (nocloud)", halfGoodLines...)

	bad := m.host(strings.Replace(goodConfig, "good1", "'bad_!'", 1),
		shop.program, "exec", m.name, "--in", "console", "--", "ros", "config", "merge", "-i", "-")
	if bad.Code == 0 || !strings.Contains(bad.Stderr, ":2:11: ") {
		t.Errorf("ros config merge takes what is wrong: exit status %d, %s", bad.Code, bad.Stderr)
	}
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
