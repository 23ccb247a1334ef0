//go:build integration

package integration

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// passwordsAreChangedInTheConsole uses the ways that people know; what they set
// holds until the configuration says something about it.
func passwordsAreChangedInTheConsole(m *Machine) {
	hash := func() string { return m.Sh(`grep ^rancher: /etc/shadow | cut -d: -f2`) }
	before := hash()
	changed := func(how string) {
		m.t.Helper()
		now := hash()
		if now == before || !strings.HasPrefix(now, "$") {
			m.t.Errorf("%s: the hash was %q, is %q", how, before, now)
		}
		before = now
	}
	m.Sh(`echo rancher:first-Word1 | chpasswd`)
	changed("chpasswd")
	m.Sh(`printf 'second-Word2\nsecond-Word2\n' | passwd rancher`)
	changed("passwd as root")
	own := func(old string) Result {
		return m.rosmachine(old+"\nthird-Word3\nthird-Word3\n", "exec", m.name, "--user", "rancher", "--", "passwd")
	}
	if r := own("wrong"); r.Code == 0 {
		m.t.Error("passwd took a wrong old password")
	}
	if r := own("second-Word2"); r.Code != 0 {
		m.t.Errorf("passwd as rancher: %+v", r)
	}
	changed("passwd as rancher")

	m.Ros("config", "set", "hostname", "unrelated")
	m.Eventually("another setting is applied", time.Minute, converged)
	if now := hash(); now != before {
		m.t.Errorf("another setting changed the password to %q", now)
	}
	m.Ros("config", "unset", "hostname")
	m.Ros("config", "set", "rancher.password", "machine-Word4")
	m.Until("the configuration's password is set", time.Minute, func() error {
		if hash() == before {
			return errors.New("not yet")
		}
		return nil
	})
	if r := own("machine-Word4"); r.Code != 0 {
		m.t.Errorf("the configuration's password: %+v", r)
	}
	m.Ros("config", "unset", "rancher.password")
}

// dfShowsNoSystemContainer looks after a system container was made anew, too: it
// must neither appear, nor be kept in use by a service that once saw it.
func dfShowsNoSystemContainer(m *Machine) {
	const find = `df | grep /var/lib/system-docker/ || true`
	if seen := m.Sh(find); seen != "" {
		m.t.Errorf("df shows\n%s", seen)
	}
	m.Exec("system-docker", "restart", "-t", "1", "syslog")
	m.Eventually("syslog is ready again", time.Minute, ready("syslog"))
	for _, service := range []string{"console", "docker"} {
		if r := m.Try(service, "sh", "-c", `grep -c ' /var/lib/system-docker/' /proc/self/mountinfo`); strings.TrimSpace(r.Stdout) != "0" {
			m.t.Errorf("%s has %s mounts of system containers", service, strings.TrimSpace(r.Stdout))
		}
	}
	if r := m.Try("init", "sh", "-c", `grep -c ' /var/lib/system-docker/rootfs/' /proc/1/mountinfo`); strings.TrimSpace(r.Stdout) == "0" {
		m.t.Error("the machine's own mounts of them are gone")
	}
}

// mountsInTheConsoleReachTheMachine is what the shared volumes are for.
func mountsInTheConsoleReachTheMachine(m *Machine) {
	for _, dir := range []string{"/var/shared-test", "/mnt/shared-test"} {
		m.Sh("mkdir " + dir + " && mount -t tmpfs shared-test " + dir + " && echo hello >" + dir + "/file")
		for _, service := range []string{"init", "docker"} {
			if r := m.Try(service, "cat", dir+"/file"); strings.TrimSpace(r.Stdout) != "hello" {
				m.t.Errorf("%s does not see %s: %s", service, dir, r.Stderr)
			}
		}
		if got := m.Exec("docker", "run", "--rm", "-v", dir+":/data", "probe:1", "exists", "/data/file"); got != "/data/file" {
			m.t.Errorf("a container with %s sees %q", dir, got)
		}
		m.Sh("umount " + dir + " && rmdir " + dir)
	}
}

func dockerNamesItsPartsAsEverywhere(m *Machine) {
	got := m.Exec("docker", "version", "-f", `{{range .Server.Components}}{{.Name}}={{.Version}} {{end}}`)
	names := make([]string, 0, 4)
	for _, part := range strings.Fields(got) {
		name, version, _ := strings.Cut(part, "=")
		names = append(names, name)
		if version == "" || strings.Contains(version, "library-import") {
			m.t.Errorf("%s has version %q", name, version)
		}
	}
	if all := fmt.Sprint(names); all != "[Engine containerd runc docker-init]" {
		m.t.Errorf("the parts are %s", all)
	}
	if got := m.Exec("docker", "info", "-f", "{{.DefaultRuntime}}"); got != "runc" {
		m.t.Errorf("the default runtime is %q", got)
	}
}
