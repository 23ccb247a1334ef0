//go:build integration

package integration

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestVirtualMachine uses one emulated machine for what needs a kernel.
func TestVirtualMachine(t *testing.T) {
	m := NewMachine(t, VM, "on a real kernel and a real disk, all works as in namespaces").
		Flags("--publish", "18080:8082").Start().Load()
	for _, part := range []struct {
		name string
		run  func(*Machine)
	}{
		{"the default services are ready", theDefaultServicesAreReady},
		{"the state is on the disk", theStateIsOnTheDisk},
		{"a removed service comes back", aRemovedServiceComesBack},
		{"a killed System Docker leaves containers running", aKilledSystemDockerLeavesContainersRunning},
		{"a user container outlives User Docker", aUserContainerOutlivesUserDocker},
		{"a published port answers on the host", aPublishedPortAnswersOnTheHost},
		{"input, output and exit status pass through", inputOutputAndExitStatusPassThrough},
		{"a key lets in, a password does not", aKeyLetsInAPasswordDoesNot},
		{"the machine reboots and stops", theMachineRebootsAndStops},
	} {
		t.Run(part.name, func(t *testing.T) {
			own := m.In(t)
			part.run(own)
			own.Eventually("converged after "+part.name, 3*time.Minute, converged)
		})
	}
}

func theStateIsOnTheDisk(m *Machine) {
	if got := m.Sh("grep ' /state ' /proc/1/mounts"); !strings.HasPrefix(got, "/dev/vda") {
		m.t.Errorf("/state: %s", got)
	}
}

func aPublishedPortAnswersOnTheHost(m *Machine) {
	m.Exec("docker", "run", "-d", "--name", "server", "-p", "8082:80", "probe:1", "serve", ":80", "hello")
	m.Until("the host gets the answer", time.Minute, func() error {
		r := m.host("", "curl", "-sS", "--max-time", "5", "http://127.0.0.1:18080/")
		return says(r, 0, "hello")
	})
	m.Exec("docker", "rm", "-f", "server")
}

func theMachineRebootsAndStops(m *Machine) {
	m.Ros("config", "set", "hostname", "kept")
	m.Must("reboot", m.name)
	if got := m.Exec("hostname"); got != "kept" {
		m.t.Errorf("after a reboot the host name is %q", got)
	}
	m.Must("stop", m.name)
	if l := m.Listed(); l.State != "stopped" {
		m.t.Errorf("after a stop: %+v", l)
	}
	m.Again()
}

// TestPowerCutDuringBoot cuts the power at several instants of the first boots.
func TestPowerCutDuringBoot(t *testing.T) {
	m := NewMachine(t, VM, "a machine whose power is cut during a boot comes up the next time")
	t.Cleanup(m.clean)
	for i, instant := range []time.Duration{2 * time.Second, 6 * time.Second, 12 * time.Second} {
		args := []string{"start", "--name", m.name, "--timeout", instant.String()}
		if i == 0 {
			args = append(args, "--vm", "--image", shop.image)
		}
		if r := m.rosmachine("", args...); r.Code == 0 {
			t.Logf("it was ready within %s", instant)
		}
		m.Must("kill", m.name)
	}
	m.Again()
	m.Eventually("converged", time.Minute, converged)
	m.Load()
	if got := m.Exec("docker", "run", "--rm", "probe:1", "say", "hi"); got != "hi" {
		t.Errorf("docker run: %q", got)
	}
}

// TestRecoveryConsole sits down at the recovery console, as a person would.
func TestRecoveryConsole(t *testing.T) {
	m := NewMachine(t, VM, "the recovery console says why it is open, gives a shell, and leaving it goes on with the boot").
		Flags("--append", "rancher.recovery=true")
	shows := func(text string) {
		m.Until("the console shows "+text, 3*time.Minute, func() error {
			if r := m.rosmachine("", "log", m.name); !strings.Contains(r.Stdout, text) {
				return errors.New("not yet")
			}
			return nil
		})
	}
	if r := m.boot("--timeout", "3s"); r.Code != 1 {
		t.Fatalf("want a machine that is not ready, exit status 1, got %d\n%s", r.Code, r.Stderr)
	}
	shows("rancher.recovery is set")
	shows("recovery# ")
	const leave = "\x1d"
	m.rosmachine("echo answer-$((6*7))\nexit\n"+leave, "console", m.name)
	shows("answer-42")
	shows("The boot goes on")
	m.Eventually("it boots on", 5*time.Minute, converged)
}
