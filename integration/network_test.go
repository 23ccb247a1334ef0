//go:build integration

package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lateNetwork has a service that needs the network, and one that does not.
const lateNetwork = `#cloud-config
rancher:
  services:
    outside:
      image: ros/base:1
      command: sleep infinity
      volumes: ["/usr:/usr:ro"]
      labels:
        io.rancher.os.scope: system
        io.rancher.os.after: network
    inside:
      image: ros/base:1
      command: sleep infinity
      volumes: ["/usr:/usr:ro"]
      labels: {io.rancher.os.scope: system}
`

// TestABootWithoutANetwork plugs the cable in long after the boot.
func TestABootWithoutANetwork(t *testing.T) {
	m := NewMachine(t, NS, "without a network all comes up that needs none, and the rest when there is one").
		CloudConfig(lateNetwork).Flags("--unplugged").startStuck()
	m.Eventually("what needs no network is ready", 2*time.Minute, ready("console", "docker", "inside", "syslog", "udev"))
	m.Load()
	if got := m.Exec("docker", "run", "--rm", "probe:1", "say", "hi"); got != "hi" {
		t.Errorf("docker run without a network: %q", got)
	}
	const why = "service network: eth0 has no carrier"
	m.Eventually("it is told why there is none", time.Minute, func(s Status) error {
		if len(s.Problems) != 1 || !strings.HasPrefix(s.Problems[0].Message, why) {
			return fmt.Errorf("%v", s.Problems)
		}
		return nil
	})
	if got := m.Sh("cat /sys/class/net/eth0/carrier || true"); got == "1" {
		t.Error("the cable is in")
	}
	if ready("outside")(m.Status()) == nil {
		t.Error("outside is ready without a network")
	}
	const address = "https://services.example.invalid/web.yml"
	m.Ros("config", "set", "rancher.services_include", `{"`+address+`": true}`)
	m.Eventually("a definition in the network is waited for, and is no problem", time.Minute, func(s Status) error {
		x, found := s.Service(address)
		if !found || !slices.Equal(x.WaitingFor, []string{"the network"}) || s.State != "converging" || len(s.Problems) != 1 || !strings.HasPrefix(s.Problems[0].Message, why) {
			return fmt.Errorf("%s %v %+v", s.State, s.Problems, x)
		}
		return nil
	})
	m.Must("plug", m.name)
	m.Eventually("it is a problem when there is a network, and still no such definition", 2*time.Minute, func(s Status) error {
		if s.State != "degraded" || len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Message, "cannot fetch "+address) {
			return fmt.Errorf("%s %v", s.State, s.Problems)
		}
		return nil
	})
	m.Ros("config", "unset", "rancher.services_include")
	m.Eventually("the rest comes with the network", 2*time.Minute, converged)
	m.Must("unplug", m.name)
	m.Must("plug", m.name)
	m.Eventually("a moment without a cable passes", 2*time.Minute, converged)
	for _, s := range m.Status().Services {
		if s.Restarts > 0 {
			t.Errorf("%s was restarted: %+v", s.Name, s)
		}
	}
}
