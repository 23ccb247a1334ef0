//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	ownFile = "/var/lib/rancher/conf/cloud-config.yml"

	goodConfig = `#cloud-config
hostname: good1
rancher:
  services:
    keeper:
      image: probe:1
      command: [serve, ":80", hello]
      labels: {io.rancher.os.scope: system}
`
	// The copy of a file that a failing disk or a broken tool wrote.
	garbage = "#cloud-config\nhostname: good2\nrancher: {services: [\x02\n"
)

// TestLastKnownGood overwrites the configuration of a machine that has converged
// with what is none.
func TestLastKnownGood(t *testing.T) {
	m := NewMachine(t, NS, "a configuration that goes bad changes nothing but the state, also over a reboot").Start().Load()
	m.Put(ownFile, goodConfig)
	m.Eventually("the service runs", time.Minute, ready("keeper"))
	m.Eventually("converged", time.Minute, converged)
	m.Until("a good copy is kept", 10*time.Second, func() error {
		if r := m.Try("init", "cmp", ownFile, "/var/lib/rancher/conf/.good/cloud-config.yml"); r.Code != 0 {
			return fmt.Errorf("%s%s", r.Stdout, r.Stderr)
		}
		return nil
	})
	before := m.containers()

	m.Put(ownFile, garbage)
	m.isDegradedButWhole("overwritten")
	m.Unchanged(before)
	if n := strings.Count(m.consoleLog(), ownFile+":3:"); n == 0 {
		t.Error("the console does not tell what is wrong")
	}
	if r := m.Try("init", "grep", "-c", ownFile+":3:.*last good copy", "/var/log/ros.log"); r.Code != 0 {
		t.Errorf("the log does not tell what is wrong: %s", r.Stderr)
	}

	told := len(m.consoleLog())
	m.rosmachine("", "reboot", m.name) // its exit status says that the machine is degraded
	m.Eventually("all services are ready", 2*time.Minute, ready(append(defaults(), "keeper")...))
	m.isDegradedButWhole("rebooted")
	if again := m.consoleLog(); !strings.Contains(again[min(told, len(again)):], ownFile+":3:") {
		t.Error("the console does not tell what is wrong at boot")
	}

	m.Put(ownFile, goodConfig)
	m.Eventually("converged once it is mended", time.Minute, converged)
	m.Ros("config", "set", "hostname", "good3")
	m.Eventually("converged with another one", time.Minute, converged)
	m.Exec("rm", ownFile)
	m.Eventually("a layer that was removed does not come back", time.Minute, gone("keeper"))
	if r := m.Try("init", "ls", "/var/lib/rancher/conf/.good/cloud-config.yml"); r.Code == 0 {
		t.Error("the copy of the removed layer is still there")
	}
}

func (m *Machine) consoleLog() string { return m.Must("log", m.name) }

// isDegradedButWhole waits until the state is degraded because of the user's
// file, and checks that all it asked for before is there.
func (m *Machine) isDegradedButWhole(when string) {
	m.t.Helper()
	m.Eventually(when+": degraded by the file", time.Minute, func(s Status) error {
		if s.State != "degraded" {
			return fmt.Errorf("%s %v", s.State, s.Problems)
		}
		for _, p := range s.Problems {
			if p.Pos.File == ownFile && p.Pos.Line == 3 && p.Pos.Col > 0 {
				return ready("keeper")(s)
			}
		}
		return fmt.Errorf("problems %v", s.Problems)
	})
	m.Placed("the last good copy of ")
	if r := m.Try("init", "ros", "status"); r.Code != 2 {
		m.t.Errorf("%s: ros status ends with %d, want 2", when, r.Code)
	}
	if got := strings.TrimSpace(m.Try("init", "cat", "/proc/sys/kernel/hostname").Stdout); got != "good1" {
		m.t.Errorf("%s: the host name is %q", when, got)
	}
}
