//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStateOutlivesTheMachinesBoots(t *testing.T) {
	m := NewMachine(t, NS, "what was configured and pulled is there after a reboot, a stop and a power cut").
		Start().Load()
	m.Ros("config", "set", "hostname", "kept")
	m.Put(webFile, webService("kept"))
	m.Ros("service", "enable", webFile)
	m.Eventually("the service is ready", time.Minute, ready("web"))
	check := func(after string) {
		t.Helper()
		m.Eventually("converged after "+after, time.Minute, converged)
		if got := m.Exec("hostname"); got != "kept" {
			t.Errorf("after %s the host name is %q", after, got)
		}
		m.answers("http://127.0.0.1:8081/", "kept")
	}
	check("nothing")
	m.Must("reboot", m.name)
	check("a reboot")
	m.Must("stop", m.name)
	if l := m.Listed(); l.State != "stopped" {
		t.Errorf("after a stop: %+v", l)
	}
	m.Again()
	check("a stop")
	m.Must("kill", m.name)
	m.Again()
	check("a power cut")
	if r := m.Try("init", "reboot"); r.Code > 1 {
		t.Logf("reboot inside: %+v", r)
	}
	m.Until("it boots a second time", time.Minute, func() error {
		if l := m.Listed(); l.Boots < 2 {
			return os.ErrNotExist
		}
		return nil
	})
	m.Eventually("converged after `reboot` inside", time.Minute, converged)
}

func TestNothingIsLeftOfARemovedMachine(t *testing.T) {
	for _, how := range []string{"removed", "orphaned"} {
		t.Run(how, func(t *testing.T) {
			m := NewMachine(t, NS, "a removed machine leaves no process, mount, interface, control group or loop device")
			before := leftovers(t, m.name)
			m.Start()
			inside := m.Listed()
			if how == "orphaned" { // its supervisor is killed
				parent := m.host("", "ps", "-o", "ppid=", "-p", inside.pid())
				if r := m.host("", "kill", "-KILL", strings.TrimSpace(parent.Stdout)); r.Code != 0 {
					t.Fatal(r.Stderr)
				}
				m.Until("its end is noticed", 20*time.Second, func() error {
					if l := m.Listed(); l.State != "crashed" {
						return os.ErrExist
					}
					return nil
				})
			}
			m.Must("rm", "-f", m.name)
			if after := leftovers(t, m.name); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
			m.Until("its PID 1 is gone", 10*time.Second, func() error {
				if _, err := os.Stat("/proc/" + inside.pid()); err == nil {
					return os.ErrExist
				}
				return nil
			})

			if r := m.boot(); r.Code != 0 { // the name is free
				t.Errorf("it cannot be made again: %s", r.Stderr)
			}
		})
	}
}

// leftovers describes what a machine of that name has on the host.
func leftovers(t *testing.T, name string) string {
	t.Helper()
	groups, err := exec.CommandContext(t.Context(), "find", "/sys/fs/cgroup", "-name", "rosmachine."+name+".*").Output()
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.Write(groups)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, shop.home) {
			text.WriteString(line)
		}
	}
	loops, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, loop := range loops {
		if file, err := os.ReadFile(loop); err == nil && strings.Contains(string(file), shop.home) {
			text.Write(file)
		}
	}
	links, err := exec.CommandContext(t.Context(), "ip", "-o", "link", "show", "type", "veth").Output()
	if err != nil {
		t.Fatal(err)
	}
	text.Write(links)
	return text.String()
}

func TestAFullStateDiskDoesNotStopTheBoot(t *testing.T) {
	m := NewMachine(t, NS, "a machine whose state disk is full boots and says so").
		Flags("--state-size", "256M").Start()
	m.Sh("dd if=/dev/zero of=/var/lib/fill bs=1M 2>/dev/null; sync; true")
	m.Must("kill", m.name)
	if r := m.rosmachine("", "start", "--name", m.name); r.Code != 0 && r.Code != 2 {
		t.Fatalf("it does not come up: exit status %d\n%s", r.Code, r.Stderr)
	}
	m.Eventually("it says so", time.Minute, func(s Status) error {
		for _, p := range s.Problems {
			if strings.Contains(p.Message, "full") || strings.Contains(p.Message, "no space") {
				return nil
			}
		}
		return converged(Status{State: "no problem told", Problems: s.Problems})
	})
	m.Eventually("its services are ready", time.Minute, ready("console", "docker"))
	m.Exec("rm", "/var/lib/fill")
	m.Eventually("it heals by itself", 2*time.Minute, converged)
}
