//go:build integration

package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestServices uses one machine for all that leaves it converged.
func TestServices(t *testing.T) {
	m := NewMachine(t, NS, "the machine keeps itself as its configuration says, whatever is done to it").
		Start().Load()
	for _, part := range []struct {
		name string
		run  func(*Machine)
	}{
		{"the default services are ready", theDefaultServicesAreReady},
		{"a removed service comes back", aRemovedServiceComesBack},
		{"a stopped service comes back", aStoppedServiceComesBack},
		{"a killed System Docker leaves containers running", aKilledSystemDockerLeavesContainersRunning},
		{"a killed controller restarts nothing", aKilledControllerRestartsNothing},
		{"removing all user containers harms no service", removingAllUserContainersHarmsNoService},
		{"user containers do not see System Docker", userContainersDoNotSeeSystemDocker},
		{"a user container outlives User Docker", aUserContainerOutlivesUserDocker},
		{"a published port answers and names resolve", aPublishedPortAnswersAndNamesResolve},
		{"the host name follows the configuration", theHostNameFollowsTheConfiguration},
		{"a name that DHCP gives is the host's", aNameThatDHCPGivesIsTheHosts},
		{"an option that User Docker does not use is told", anOptionThatUserDockerDoesNotUseIsTold},
		{"docker names its parts as everywhere", dockerNamesItsPartsAsEverywhere},
		{"df shows no system container", dfShowsNoSystemContainer},
		{"mounts in the console reach the machine", mountsInTheConsoleReachTheMachine},
		{"passwords are changed in the console", passwordsAreChangedInTheConsole},
		{"a service file is enabled, changed and disabled", aServiceFileIsEnabledChangedAndDisabled},
		{"a compose file is a project", aComposeFileIsAProject},
		{"a stop on a user's word is respected", aStopOnAUsersWordIsRespected},
		{"a wrong value is refused and changes nothing", aWrongValueIsRefusedAndChangesNothing},
		{"input, output and exit status pass through", inputOutputAndExitStatusPassThrough},
		{"files are copied in and out", filesAreCopiedInAndOut},
		{"a key lets in, a password does not", aKeyLetsInAPasswordDoesNot},
	} {
		t.Run(part.name, func(t *testing.T) {
			own := m.In(t)
			part.run(own)
			own.Eventually("converged after "+part.name, time.Minute, converged)
		})
	}
}

func theDefaultServicesAreReady(m *Machine) {
	s := m.Eventually("all default services are ready", time.Minute, ready(defaults()...))
	if len(s.Problems) > 0 {
		m.t.Errorf("problems: %v", s.Problems)
	}
	if plan := m.Ros("plan"); !strings.Contains(plan, "nothing to do") {
		m.t.Errorf("ros plan of a converged machine:\n%s", plan)
	}
}

func aRemovedServiceComesBack(m *Machine) {
	status := m.Status()
	before, _ := status.Service("syslog")
	m.Exec("system-docker", "rm", "-f", "syslog")
	s := m.Eventually("syslog is back", 30*time.Second, func(s Status) error {
		if x, _ := s.Service("syslog"); !x.Ready || x.Container == before.Container {
			return fmt.Errorf("syslog: %+v", x)
		}
		return nil
	})
	after, _ := s.Service("syslog")
	if after.Cause == "" || after.ReadyAfter <= 0 {
		m.t.Errorf("no cause or no time told: %+v", after)
	}
	m.t.Logf("back %.2f s after the first step: %s", after.ReadyAfter, after.Cause)
}

func aStoppedServiceComesBack(m *Machine) {
	others := m.containers()
	delete(others, "syslog")
	m.Exec("system-docker", "stop", "-t", "1", "syslog")
	m.Eventually("syslog runs again", 30*time.Second, ready("syslog"))
	m.Unchanged(others)
}

func aKilledSystemDockerLeavesContainersRunning(m *Machine) {
	before := m.containers()
	daemon := m.one("/usr/bin/dockerd --config-file /etc/docker/system-docker.json")
	if r := m.Try("init", "kill", "-KILL", fmt.Sprint(daemon)); r.Code != 0 {
		m.t.Fatal(r.Stderr)
	}
	m.Until("System Docker answers again", time.Minute, func() error {
		if r := m.Try("init", "system-docker", "version"); r.Code != 0 {
			return errors.New(r.Stderr)
		}
		return nil
	})
	m.Eventually("converged", time.Minute, converged)
	m.Unchanged(before)
}

func aKilledControllerRestartsNothing(m *Machine) {
	before := m.containers()
	controller := m.one("/usr/bin/ros controller")
	if r := m.Try("init", "kill", "-KILL", fmt.Sprint(controller)); r.Code != 0 {
		m.t.Fatal(r.Stderr)
	}
	m.Eventually("converged", time.Minute, converged)
	if again := m.one("/usr/bin/ros controller"); again == controller {
		m.t.Error("the controller was not killed")
	}
	m.Unchanged(before)
}

func theHostNameFollowsTheConfiguration(m *Machine) {
	for _, name := range []string{"x", "other"} {
		m.Ros("config", "set", "hostname", name)
		m.Until("the host name is "+name, 30*time.Second, func() error {
			if got := m.Exec("hostname"); got != name {
				return fmt.Errorf("it is %q", got)
			}
			return nil
		})
		if got := m.Ros("config", "get", "hostname"); got != name {
			m.t.Errorf("ros config get hostname: %q", got)
		}
	}
}

// aNameThatDHCPGivesIsTheHosts writes what service network would: there is no
// DHCP server on a machine in namespaces.
func aNameThatDHCPGivesIsTheHosts(m *Machine) {
	m.Ros("config", "set", "hostname", "null") // not even the one that rosmachine gives
	m.Until("the host name is the one of DHCP", time.Minute, func() error {
		const file = "/run/ros/network/status.json"
		m.Sh(`echo '{"ready": true, "hostname": "from-dhcp", "dns": {}}' >` + file + `.new && mv ` + file + `.new ` + file)
		if got := m.Exec("hostname"); got != "from-dhcp" {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
	m.Ros("config", "unset", "hostname")
}

func anOptionThatUserDockerDoesNotUseIsTold(m *Machine) {
	m.Ros("config", "set", "rancher.docker.extra_args", "[--no-such-flag]")
	m.Eventually("the warning is there, and the machine has converged", time.Minute, func(s Status) error {
		for _, p := range s.Problems {
			if p.Severity == "warning" && strings.Contains(p.Message, "no-such-flag") {
				return converged(s)
			}
		}
		return fmt.Errorf("problems %v", s.Problems)
	})
	m.Placed("no-such-flag")
	m.Ros("config", "unset", "rancher.docker.extra_args")
	m.Eventually("the warning is gone", time.Minute, func(s Status) error {
		if len(s.Problems) > 0 {
			return fmt.Errorf("problems %v", s.Problems)
		}
		return nil
	})
}

const webFile = "/var/lib/rancher/conf/web.yml"

// webService is a file of one service as a user writes it.
func webService(answer string) string {
	return fmt.Sprintf("web:\n  image: probe:1\n  command: [serve, ':80', %q]\n  ports: ['8081:80']\n", answer)
}

func aServiceFileIsEnabledChangedAndDisabled(m *Machine) {
	before := m.containers()
	m.Put(webFile, webService("one"))
	m.Ros("service", "enable", webFile)
	m.Eventually("the service is ready", time.Minute, ready("web"))
	m.answers("http://127.0.0.1:8081/", "one")
	m.Put(webFile, webService("two"))
	m.answers("http://127.0.0.1:8081/", "two")
	m.Ros("service", "disable", webFile)
	m.Eventually("the service is gone", time.Minute, gone("web"))
	if left := m.Exec("docker", "ps", "-aq", "--filter", "name=web"); left != "" {
		m.t.Errorf("its container is left: %s", left)
	}
	m.Unchanged(before)
}

// answers waits until a URL, asked for in the console, gives a text.
func (m *Machine) answers(url, want string) {
	m.t.Helper()
	m.Until(url+" answers "+want, time.Minute, func() error {
		r := m.Try("console", "docker", "run", "--rm", "--network", "host", "probe:1", "get", url)
		if got := strings.TrimSpace(r.Stdout); r.Code != 0 || got != want {
			return fmt.Errorf("it gives %q %s", got, r.Stderr)
		}
		return nil
	})
}

func aStopOnAUsersWordIsRespected(m *Machine) {
	m.Ros("service", "stop", "syslog")
	stopped := func(s Status) error {
		if x, _ := s.Service("syslog"); x.State != "stopped" {
			return fmt.Errorf("syslog: %+v", x)
		}
		return nil
	}
	m.Eventually("syslog is stopped", 30*time.Second, stopped)
	if got := m.Exec("system-docker", "ps", "-q", "--filter", "name=^syslog$"); got != "" {
		m.t.Error("its container runs")
	}
	m.Ros("service", "start", "syslog")
	m.Eventually("syslog is ready again", 30*time.Second, ready("syslog"))
}

func aWrongValueIsRefusedAndChangesNothing(m *Machine) {
	before, containers := m.Ros("config", "export"), m.containers()
	for _, args := range [][]string{
		{"config", "set", "hostnam", "x"},
		{"config", "set", "rancher.shutdown_timeout", "soon"},
	} {
		if r := m.Try("console", append([]string{"ros"}, args...)...); r.Code == 0 {
			m.t.Errorf("ros %s was accepted", strings.Join(args, " "))
		}
	}
	if after := m.Ros("config", "export"); after != before {
		m.t.Errorf("the configuration changed:\n%s", after)
	}
	m.Unchanged(containers)
}
