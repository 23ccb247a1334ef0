//go:build integration

package integration

import (
	"errors"
	"fmt"
	"path"
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

// builtFile is a compose file with what it is built from.
const (
	builtFile    = "/var/lib/rancher/conf/compose.d/built.yml"
	builtProject = "services:\n  web:\n    build: {context: ., dockerfile_inline: \"FROM probe:1\\nCMD [\\\"serve\\\", \\\":80\\\", \\\"hello\\\"]\\n\"}\n    scale: 2\n"
)

// extraFile is a service file that is enabled by its name.
const (
	extraFile    = "/var/lib/rancher/conf/extra.yml"
	extraService = "extra:\n  image: probe:1\n  command: [serve, \":80\", hello]\n  labels: {io.rancher.os.scope: system}\n"
)

// TestABuiltProjectHasALastGoodCopy builds a project on the machine, and has its
// compose file go bad, and a service file.
func TestABuiltProjectHasALastGoodCopy(t *testing.T) {
	m := NewMachine(t, NS, "an image is built when it is asked for, and a compose file or a service file that goes bad changes nothing but the state").Start().Load()
	m.Sh("mkdir -p -m 0700 " + path.Dir(builtFile))
	m.Put(builtFile, builtProject)
	m.Eventually("it says that its image has to be built", time.Minute, func(s Status) error {
		if x, found := s.Service("built-web-1"); !found || !strings.Contains(x.Problem, "ros service build built/web") {
			return fmt.Errorf("%+v", x)
		}
		return nil
	})
	m.Ros("service", "up", "built")
	m.Put(extraFile, extraService)
	m.Ros("service", "enable", "extra")
	m.Eventually("the enabled service runs", time.Minute, ready("extra"))
	m.Eventually("converged", time.Minute, converged)
	m.Until("a good copy is kept", 10*time.Second, func() error {
		built := m.Try("init", "grep", "-q", "dockerfile_inline", "/var/lib/rancher/conf/.good/compose.d/built.yml")
		extra := m.Try("init", "cmp", extraFile, "/var/lib/rancher/conf/.good/services/extra.yml")
		if built.Code != 0 || extra.Code != 0 {
			return errors.New(built.Stderr + extra.Stderr)
		}
		return nil
	})
	before := m.containers()
	m.Ros("service", "build", "-q", "built/web")
	m.Eventually("converged after the same build", time.Minute, converged)
	m.Unchanged(before)

	m.Put(builtFile, strings.Replace(builtProject, "scale: 2", "scale: many", 1))
	m.Put(extraFile, "extra: {\n")
	bad := func(s Status) error {
		for _, p := range s.Problems {
			if s.State == "degraded" && p.Pos.File == builtFile && p.Pos.Line == 4 {
				return ready("built-web-1", "built-web-2", "extra")(s)
			}
		}
		return fmt.Errorf("%s %v", s.State, s.Problems)
	}
	m.Eventually("degraded by the file", time.Minute, bad)
	m.Placed("the last good copy of ")
	m.Placed(extraFile + ":1:8: ")
	m.Unchanged(before)
	m.rosmachine("", "reboot", m.name) // its exit status says that the machine is degraded
	m.Eventually("all runs that did before", 2*time.Minute, bad)
	m.Sh("rm " + builtFile)
	m.Ros("service", "disable", "extra")
	m.Eventually("a project that was removed does not come back", time.Minute, gone("built-web-1"))
	m.Eventually("nor a service that was disabled", time.Minute, gone("extra"))
	m.Eventually("converged", time.Minute, converged)
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
