//go:build integration

package integration

import (
	"fmt"
	"testing"
	"time"
)

// TestBadConfig boots with one mistake each. All else must work, and the
// mistake must be told with its place.
func TestBadConfig(t *testing.T) {
	for _, row := range []struct {
		name, config string
		word         string // of the message
	}{
		{"not YAML", "#cloud-config\nhostname: [x\n", "not valid YAML"},
		{"an unknown key", "#cloud-config\nhostnam: x\n", "hostnam"},
		{"a wrong type", "#cloud-config\nrancher:\n  shutdown_timeout: [soon]\n", "shutdown_timeout"},
		{"a dependency cycle", cycle, "cycle"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := NewMachine(t, NS, "a cloud-config with "+row.name+" must not stop the boot").
				CloudConfig(row.config).StartDegraded()
			s := m.Eventually("the default services are ready", time.Minute, ready(defaults()...))
			if s.State != "degraded" || len(s.Problems) == 0 {
				t.Errorf("state %q, problems %v", s.State, s.Problems)
			}
			m.Placed(row.word)
			if got := m.Exec("docker", "version", "-f", "{{.Server.Os}}"); got != "linux" {
				t.Errorf("User Docker: %q", got)
			}
		})
	}
}

const cycle = `#cloud-config
rancher:
  services:
    chicken:
      image: probe:1
      labels: {io.rancher.os.scope: system, io.rancher.os.after: egg}
    egg:
      image: probe:1
      labels: {io.rancher.os.scope: system, io.rancher.os.after: chicken}
`

func TestAMissingImageHoldsUpItsServiceOnly(t *testing.T) {
	m := NewMachine(t, NS, "a service whose image does not exist waits, says so, and holds up nobody").
		CloudConfig("#cloud-config\nrancher:\n  services:\n    ghost:\n      image: nosuch:1\n      labels: {io.rancher.os.scope: system}\n")
	if r := m.boot(); r.Code == 0 {
		t.Error("the machine is ready without its service")
	}
	m.Eventually("all others are ready", time.Minute, ready(defaults()...))
	m.Eventually("the service waits in backoff", time.Minute, func(s Status) error {
		x, _ := s.Service("ghost")
		if x.State != "backoff" && x.State != "crash-loop" || x.Problem == "" {
			return fmt.Errorf("ghost: %+v", x)
		}
		return nil
	})
	m.Ros("config", "unset", "rancher.services.ghost")
}
