//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wrongAddress is on no network that the machine is on.
const wrongAddress = "203.0.113.7/24"

// TestTryComesBack cuts machines off by a wrong address, as an administrator
// would who is far away.
func TestTryComesBack(t *testing.T) {
	m := NewMachine(t, NS, "a change on trial that cuts the machine off is taken back by itself, also over a reboot").Start()
	m.Until("it is reached from outside", time.Minute, m.reached)

	t.Run("by the controller", func(t *testing.T) {
		own := m.In(t)
		own.tryWrongAddress("10s")
		own.Until("it is cut off", 10*time.Second, own.notReached)
		own.warns("is on trial until")
		own.Until("it is reached again", time.Minute, own.reached)
		own.isTakenBack()
		own.warns("was not confirmed within 10s")
		own.Eventually("converged", time.Minute, converged)
	})
	t.Run("by a boot after a power cut", func(t *testing.T) {
		own := m.In(t)
		own.tryWrongAddress("8s")
		own.Until("it is cut off", 8*time.Second, own.notReached)
		own.Must("kill", own.name)
		wait := time.NewTimer(9 * time.Second)
		<-wait.C
		own.Again()
		own.isTakenBack()
		own.Until("it is reached again", time.Minute, own.reached)
	})
	t.Run("by the controller after a reboot", func(t *testing.T) {
		own := m.In(t)
		own.tryWrongAddress("40s")
		own.Until("it is cut off", 20*time.Second, own.notReached)
		own.Must("reboot", own.name)
		own.Until("it is reached again", 2*time.Minute, own.reached)
		own.isTakenBack()
	})
	t.Run("unless it is confirmed", func(t *testing.T) {
		own := m.In(t)
		own.Ros("config", "set", "--try", "3s", "hostname", "tried")
		own.Ros("config", "confirm")
		wait := time.NewTimer(5 * time.Second)
		<-wait.C
		if got := own.Ros("config", "get", "hostname"); got != "tried" {
			t.Errorf("the host name is %q", got)
		}
		own.Eventually("converged", time.Minute, converged)
	})
}

func (m *Machine) tryWrongAddress(d string) {
	m.t.Helper()
	r := m.Try("console", "ros", "config", "set", "--try", d, "rancher.network.interfaces.eth0.address", wrongAddress)
	if r.Code != 0 || !strings.Contains(r.Stderr, "this changes the network") {
		m.t.Fatalf("ros config set: %+v", r)
	}
}

// reached looks for the SSH server from where the machine's network cable ends.
func (m *Machine) reached() error {
	supervisor := strings.TrimSpace(m.host("", "ps", "-o", "ppid=", "-p", m.Listed().pid()).Stdout)
	r := m.host("", "nsenter", "--target", supervisor, "--net", "--",
		"timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/10.99.0.10/22 && head -c 4 <&3")
	return says(r, 0, "SSH-")
}

func (m *Machine) notReached() error {
	if m.reached() == nil {
		return errors.New("it is reached")
	}
	return nil
}

// isTakenBack checks that nothing of the trial is left but its history.
func (m *Machine) isTakenBack() {
	m.t.Helper()
	if got := m.Sh("cat /var/lib/rancher/conf/cloud-config.yml"); strings.Contains(got, wrongAddress) {
		m.t.Errorf("cloud-config.yml:\n%s", got)
	}
	if got := m.Ros("config", "history"); !strings.Contains(got, "revert set rancher.network.interfaces.eth0.address") {
		m.t.Errorf("history:\n%s", got)
	}
	if r := m.Try("console", "ros", "config", "confirm"); r.Code != 1 {
		m.t.Errorf("ros config confirm after all: %+v", r)
	}
}

// warns waits for a problem with these words, which does not make the machine
// degraded.
func (m *Machine) warns(words string) {
	m.t.Helper()
	m.Eventually("ros status says that it "+words, 10*time.Second, func(s Status) error {
		if s.State == "degraded" {
			return fmt.Errorf("degraded: %v", s.Problems)
		}
		for _, p := range s.Problems {
			if strings.Contains(p.Message, words) {
				return nil
			}
		}
		return fmt.Errorf("problems: %v", s.Problems)
	})
}

// kills is how often the power is cut; ROS_KILLS says otherwise.
const kills = 5

// TestConfigSetSurvivesPowerCut cuts the power as soon as `ros config set` has
// said that it is done.
func TestConfigSetSurvivesPowerCut(t *testing.T) {
	times := kills
	if text := os.Getenv("ROS_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("ROS_KILLS: %v", err)
		}
		times = n
	}
	m := NewMachine(t, VM, "what `ros config set` wrote is there after a power cut").Start()
	for i := range times {
		want := fmt.Sprintf("cut%d", i)
		m.Ros("config", "set", "hostname", want)
		m.Must("kill", m.name)
		m.Again()
		if got := m.Ros("config", "get", "hostname"); got != want {
			t.Errorf("after power cut %d the host name is %q, want %q", i+1, got, want)
		}
		if got := m.Ros("config", "history"); strings.Count(got, "set hostname") != i+1 {
			t.Errorf("after power cut %d the history is\n%s", i+1, got)
		}
	}
}
