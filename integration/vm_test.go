//go:build integration

package integration

import (
	"strings"
	"testing"
	"time"
)

// TestVirtualMachine uses one emulated machine for what needs a kernel.
func TestVirtualMachine(t *testing.T) {
	m := NewMachine(t, VM, "on a real kernel and a real disk, all works as in namespaces").
		Flags("--publish", "18080:8082", "--append", "-- "+forInit).Start().Load()
	for _, part := range []struct {
		name string
		run  func(*Machine)
	}{
		{"the default services are ready", theDefaultServicesAreReady},
		{"the state is on the disk", theStateIsOnTheDisk},
		{"what the command line says to init alone is hidden", whatIsForInitIsHidden},
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

// forInit stands behind "--" on the kernel command line.
const forInit = "rancher.shutdown_timeout=77"

func whatIsForInitIsHidden(m *Machine) {
	if got := m.Ros("config", "get", "rancher.shutdown_timeout"); got != "77" {
		m.t.Errorf("the configuration has %q", got)
	}
	for _, file := range []string{"/proc/cmdline", "/proc/1/cmdline"} {
		if got := m.Sh("tr '\\0' ' ' < " + file); strings.Contains(got, "shutdown_timeout") {
			m.t.Errorf("%s shows it: %s", file, got)
		}
	}
	if got := m.Sh("stat -c %a /run/ros/cmdline"); got != "600" {
		m.t.Errorf("others may read the whole command line: mode %s", got)
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
