package ros_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
)

// defaults builds the services of os-config.yml alone.
func defaults(t *testing.T) compose.Project {
	t.Helper()
	text, err := os.ReadFile("os-config.yml")
	if err != nil {
		t.Fatal(err)
	}
	layer, parsed := cloudconfig.ParseLayer("os-config", "os-config.yml", text)
	cfg, decoded := cloudconfig.Merge(layer).Config()
	project, built := compose.Build(cfg, compose.Options{})
	for _, report := range []cloudconfig.Report{parsed, decoded, built} {
		for _, problem := range report {
			t.Errorf("%v", problem)
		}
	}
	return project
}

func TestOnlyConsoleDockerAndUdevArePrivileged(t *testing.T) {
	var privileged []string
	services := defaults(t).Services
	for _, name := range slices.Sorted(maps.Keys(services)) {
		spec := services[name].Spec
		if spec.Privileged {
			privileged = append(privileged, name)
			continue
		}
		if !slices.Equal(spec.CapDrop, []string{"ALL"}) || !spec.ReadOnly || spec.Pid == "host" || spec.Ipc == "host" {
			t.Errorf("%s has more than it is given: cap_drop %v, read_only %v, pid %q, ipc %q",
				name, spec.CapDrop, spec.ReadOnly, spec.Pid, spec.Ipc)
		}
	}
	if got := strings.Join(privileged, " "); got != "console docker udev" {
		t.Errorf("privileged are %s", got)
	}
}

// Who lets a program run as another user cannot end it without the right to.
func TestWhoChangesUsersMayEndTheirProgramsToo(t *testing.T) {
	for name, svc := range defaults(t).Services {
		if has := svc.Spec.CapAdd; slices.Contains(has, "SETUID") && !slices.Contains(has, "KILL") {
			t.Errorf("%s has %v without KILL", name, has)
		}
	}
}

func TestTheMachinesProgramsAreReadOnlyInEveryDefaultService(t *testing.T) {
	for name, svc := range defaults(t).Services {
		found := false
		for _, v := range svc.Spec.Volumes {
			found = found || v.Source == "/usr" && v.Target == "/usr" && v.ReadOnly
		}
		if !found || svc.Scope != compose.System || svc.Restart.Mode != compose.RestartAlways {
			t.Errorf("%s: /usr read-only %v, scope %s, restart %s", name, found, svc.Scope, svc.Restart.Mode)
		}
	}
}

func TestConsoleAndDockerWaitForNothing(t *testing.T) {
	services := defaults(t).Services
	for _, name := range []string{"console", "docker"} {
		if needs := services[name].Needs; len(needs) > 0 {
			t.Errorf("%s waits for %v", name, needs)
		}
	}
}

// Whoever reaches a socket of the controller or of System Docker is root on the
// machine; only the services that are so anyway may see them.
func TestOnlyPrivilegedServicesSeeTheMachinesSockets(t *testing.T) {
	for name, svc := range defaults(t).Services {
		if svc.Spec.Privileged {
			continue
		}
		for _, v := range svc.Spec.Volumes {
			for _, socket := range []string{"/run/ros/controller.sock", "/run/system-docker.sock", "/run/docker.sock"} {
				real := strings.Replace(v.Source, "/var/run", "/run", 1)
				if real == socket || strings.HasPrefix(socket, strings.TrimSuffix(real, "/")+"/") {
					t.Errorf("%s mounts %s, where %s is", name, v.Source, socket)
				}
			}
		}
	}
}
