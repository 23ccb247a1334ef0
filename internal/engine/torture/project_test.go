//go:build dockerd

package torture_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/dockerdtest"
)

// shape is how many services of each kind a project has, beside the service
// docker and one that only one of its two generations has.
type shape struct {
	chain  int // each waits until the one before is ready
	leaves int // around a hub, which is one more
	jobs   int // end when they are done
	users  int // in User Docker
}

// shapes are the projects by their number of services.
var shapes = map[int]shape{
	5:  {chain: 1, jobs: 1, users: 1},
	20: {chain: 5, leaves: 6, jobs: 3, users: 3},
	50: {chain: 12, leaves: 20, jobs: 6, users: 9},
}

// generation is a state of a project's configuration. From the first to the
// second some services are replaced, one goes, one comes, and one moves to the
// other daemon.
type generation int

func (g generation) other() generation { return 1 - g }

func (g generation) String() string { return [...]string{"a", "b"}[g] }

// project is a project of so many services, as its service file says.
func project(tb testing.TB, size int, g generation) compose.Project {
	tb.Helper()
	return build(tb, serviceFile(size, g))
}

// build is the project of a service file without problems.
func build(tb testing.TB, text string) compose.Project {
	tb.Helper()
	p, report := parse("services.yml", []byte(text))
	for _, problem := range report {
		tb.Fatalf("%s\n%s", problem, text)
	}
	return p
}

// parse is the project of a service file.
func parse(file string, text []byte) (compose.Project, cloudconfig.Report) {
	layer, report := cloudconfig.ParseLayer(file, file, text)
	p, found := compose.Build(cloudconfig.Config{}, compose.Options{
		Definitions: map[string]cloudconfig.Document{"torture": layer.Doc},
	})
	return p, append(report, found...)
}

// writer writes a service file.
type writer struct {
	strings.Builder
	g       generation
	volumes []string
}

// serviceFile is the text of a generation.
func serviceFile(size int, g generation) string {
	w := &writer{g: g}
	w.WriteString("services:\n")
	w.service("docker", "", 1)
	s := shapes[size]
	for i := range s.jobs {
		w.service(fmt.Sprintf("job%d", i), "", i, `command: ["true"]`)
	}
	w.chain(s.chain)
	w.hub(s.leaves)
	for i := range s.users {
		w.service(fmt.Sprintf("user%d", i), "user", i, w.volume(fmt.Sprintf("user%d", i)))
	}
	w.service([...]string{"old", "new"}[g], "", 1, w.volume("come-and-go"), "labels: {io.rancher.os.after: chain0}")
	fmt.Fprintf(w, "volumes: {%s}\n", strings.Join(w.volumes, ", "))
	if s.leaves > 0 {
		w.WriteString("networks: {front: {}}\n")
	}
	return w.String()
}

// volume declares a volume and mounts it.
func (w *writer) volume(name string) string {
	w.volumes = append(w.volumes, name+": {}")
	return fmt.Sprintf("volumes: [%s:/data]", name)
}

// chain writes services that wait for each other, the first for a job.
func (w *writer) chain(length int) {
	for i := range length {
		before := "{job0: {condition: service_completed_successfully}}"
		if i > 0 {
			before = fmt.Sprintf("{chain%d: {condition: service_healthy}}", i-1)
		}
		w.service(fmt.Sprintf("chain%d", i), "", i, "depends_on: "+before,
			w.volume(fmt.Sprintf("chain%d", i)),
			`healthcheck: {test: ["CMD", "true"], interval: 1s, start_period: 1s, start_interval: 100ms}`)
	}
}

// hub writes a hub and services that come after it: one in a network of its own,
// one with a check of its own, one that moves to the other daemon.
func (w *writer) hub(leaves int) {
	if leaves == 0 {
		return
	}
	w.service("hub", "", 0, `command: [sh, -c, "trap 'exit 0' TERM; sleep 100000 & wait"]`, "stop_signal: SIGTERM")
	for i := range leaves {
		scope, more := "", []string{"labels: {io.rancher.os.after: hub}"}
		switch i {
		case 1:
			scope = [...]string{"", "user"}[w.g]
		case 2:
			more = append(more, "networks: [front]")
		case 3:
			more = []string{
				`labels: {io.rancher.os.after: hub, io.rancher.os.ready: "exec:test -e /tmp/ready"}`,
				`command: [sh, -c, "touch /tmp/ready; sleep 100000"]`,
			}
		}
		w.service(fmt.Sprintf("leaf%d", i), scope, i, more...)
	}
}

// service writes a service; every fourth, by its number, is another one in each
// generation.
func (w *writer) service(name, scope string, number int, more ...string) {
	if scope == "" {
		scope = "system"
	}
	generation := "both"
	if number%4 == 0 {
		generation = w.g.String()
	}
	fields := map[string]string{
		"image": dockerdtest.Image, "command": "[sleep, infinity]", "network_mode": "none", "stop_signal": "SIGKILL",
		"environment": "[GENERATION=" + generation + "]", "labels": "{}", "restart": "always",
	}
	for _, m := range more {
		key, value, _ := strings.Cut(m, ": ")
		fields[key] = value
	}
	if fields["networks"] != "" {
		delete(fields, "network_mode")
	}
	label := "io.rancher.os.scope: " + scope
	if strings.HasPrefix(name, "job") {
		label += `, io.rancher.os.detach: "false"`
		fields["restart"] = "on-failure"
	}
	labels := strings.TrimPrefix(fields["labels"], "{")
	if labels != "}" {
		label += ", "
	}
	fields["labels"] = "{" + label + labels
	fmt.Fprintf(w, "  %s:\n", name)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(w, "    %s: %s\n", key, fields[key])
	}
}
