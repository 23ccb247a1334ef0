//go:build integration

package integration

import (
	"fmt"
	"strings"
	"time"
)

func removingAllUserContainersHarmsNoService(m *Machine) {
	before := m.containers()
	m.Exec("docker", "run", "-d", "--name", "victim", "probe:1", "sleep")
	m.Sh("docker rm -f $(docker ps -aq)")
	m.Exec("docker", "system", "prune", "-af")
	if left := m.Exec("docker", "ps", "-aq"); left != "" {
		m.t.Errorf("user containers are left: %s", left)
	}
	m.Eventually("converged", time.Minute, converged)
	m.Unchanged(before)
	m.Load() // the image was pruned as well
}

func userContainersDoNotSeeSystemDocker(m *Machine) {
	sockets := []string{"/var/run/system-docker.sock", "/run/system-docker.sock", "/run/ros/controller.sock"}
	run := func(flags ...string) string {
		argv := append([]string{"docker", "run", "--rm"}, flags...)
		return m.Exec(append(append(argv, "probe:1", "exists"), sockets...)...)
	}
	if seen := run(); seen != "" {
		m.t.Errorf("a container sees %s", seen)
	}
	if seen := run("--privileged", "--network", "host", "--pid", "host"); seen != "" {
		m.t.Errorf("a privileged container sees %s", seen)
	}
}

func aUserContainerOutlivesUserDocker(m *Machine) {
	m.Exec("docker", "run", "-d", "--name", "survivor", "probe:1", "sleep")
	pid := func() string {
		return m.Exec("docker", "inspect", "-f", "{{.State.Running}} {{.State.Pid}}", "survivor")
	}
	before := pid()
	if !strings.HasPrefix(before, "true ") {
		m.t.Fatalf("the container does not run: %s; it says %s", before, m.Sh("docker logs survivor 2>&1"))
	}
	status := m.Status()
	old, _ := status.Service("docker")
	for _, argv := range [][]string{
		{"ros", "service", "restart", "docker"},
		{"system-docker", "kill", "docker"},
		{"system-docker", "rm", "-f", "docker"},
	} {
		m.Exec(argv...)
		what := strings.Join(argv, " ")
		m.Until("User Docker answers after "+what, time.Minute, func() error {
			if r := m.Try("console", "docker", "version"); r.Code != 0 {
				return fmt.Errorf("%s", r.Stderr)
			}
			return nil
		})
		m.Eventually("converged after "+what, time.Minute, converged)
		if after := pid(); after != before {
			m.t.Errorf("%s: the user's container was %q, is %q", what, before, after)
		}
	}
	status = m.Status()
	if now, _ := status.Service("docker"); now.Container == old.Container {
		m.t.Error("User Docker's container was never replaced")
	}
	m.Exec("docker", "rm", "-f", "survivor")
}

func aPublishedPortAnswersAndNamesResolve(m *Machine) {
	m.Exec("docker", "network", "create", "web")
	m.Exec("docker", "run", "-d", "--name", "server", "--network", "web", "-p", "8082:80", "probe:1", "serve", ":80", "hello")
	m.answers("http://127.0.0.1:8082/", "hello")
	m.Until("the name resolves inside", 30*time.Second, func() error {
		r := m.Try("console", "docker", "run", "--rm", "--network", "web", "probe:1", "get", "http://server/")
		if got := strings.TrimSpace(r.Stdout); got != "hello" {
			return fmt.Errorf("it gives %q %s", got, r.Stderr)
		}
		return nil
	})
	m.Exec("docker", "rm", "-f", "server")
	m.Exec("docker", "network", "rm", "web")
}
