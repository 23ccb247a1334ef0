package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// session is a machine with a controller over a fake engine, and commands that
// are typed on it.
type session struct {
	fake    *enginetest.Fake
	root    string
	builder builder
}

const sessionConfig = `rancher:
  services:
    web:
      image: nginx:1
      restart: always
      labels: {io.rancher.os.scope: system}
    db:
      image: ros/base:1
      restart: always
      labels: {io.rancher.os.scope: system}
`

func newSession(t *testing.T) *session {
	t.Helper()
	return newSessionWith(t, nil)
}

// newSessionWith is a session on a machine with more files.
func newSessionWith(t *testing.T, files map[string]string) *session {
	t.Helper()
	s := &session{fake: enginetest.New(), root: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(s.root, source.ConfDir), 0o700); err != nil {
		t.Fatal(err)
	}
	writeSecret(t, s.root, source.CloudConfigFile, sessionConfig)
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(s.root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		writeSecret(t, s.root, name, text)
	}
	c := servicectl.New(servicectl.Options{Engine: s.fake, Loader: &loader{root: s.root}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- c.Run(ctx) }()
	go func() { ended <- c.Serve(ctx, filepath.Join(s.root, "controller.sock")) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	client := servicectl.Dial(filepath.Join(s.root, "controller.sock"))
	for deadline := time.Now().Add(20 * time.Second); ; {
		st, err := client.Wait(t.Context(), 20*time.Second, nil)
		if err == nil && st.State == servicectl.Converged {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the controller does not converge: %+v, %v", st, err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// types runs a command, which must end with a status.
func (s *session) types(t *testing.T, status int, command string) (out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &stdout, err: &stderr, builder: s.builder}
	args := append([]string{"--root", s.root, "--socket", "/controller.sock"}, strings.Fields(command)...)
	if got := a.run(t.Context(), a.rootCommand(), args); got != status {
		t.Fatalf("%s: status %d, want %d\n%s%s", command, got, status, stdout.String(), stderr.String())
	}
	return stdout.String(), stderr.String()
}

// has says whether a service has a container.
func (s *session) has(name string) bool {
	for _, c := range s.fake.Containers(compose.System) {
		if c.Name == name {
			return true
		}
	}
	return false
}

func TestServicesAreSteered(t *testing.T) {
	s := newSession(t)
	wants := func(text, part string) {
		t.Helper()
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
	out, _ := s.types(t, 0, "service ps web")
	wants(out, "web   system  running  web-")
	if strings.Contains(out, "db") {
		t.Errorf("ps of one shows others: %q", out)
	}
	out, _ = s.types(t, 0, "service ps -q")
	if lines := strings.Fields(out); len(lines) != 2 {
		t.Errorf("containers %q", lines)
	}
	out, _ = s.types(t, 0, "service ps -o json db")
	wants(out, `"name": "db"`)
	_, errs := s.types(t, 1, "service ps wbe")
	wants(errs, `no such service: "wbe"`)

	s.types(t, 0, "service stop -t 3 web")
	_, errs = s.types(t, 1, "service kill web")
	wants(errs, `cannot send SIGKILL to "web": it does not run`)
	s.types(t, 0, "service rm web")
	if s.has("web") {
		t.Error("rm has removed nothing")
	}
	s.types(t, 0, "service start web")
	_, errs = s.types(t, 1, "service rm web")
	wants(errs, `cannot remove the container of "web": it runs ('ros service rm -f web' stops it first)`)
	_, errs = s.types(t, 1, "service rm -f -v web")
	wants(errs, "cannot remove volumes (-v)")
	s.types(t, 0, "service rm -f web")
	s.types(t, 0, "service up web")
	s.types(t, 0, "service down -t 1 web")
	if s.has("web") {
		t.Error("down has removed nothing")
	}
	s.types(t, 0, "service restart web") // what was taken down comes back
	s.types(t, 0, "service restart -d web")
	s.types(t, 0, "service kill -s hup db")
	out, _ = s.types(t, 0, "service logs db")
	wants(out, "started\ngot HUP\n")
	out, _ = s.types(t, 0, "service logs --tail 1")
	wants(out, "db  | ")
	wants(out, "web | ")
	_, errs = s.types(t, 1, "service logs --since yesterday db")
	wants(errs, "since")
	out, _ = s.types(t, 0, "service top web")
	wants(out, "SERVICE  PID  CMD\nweb      1    web\n")
	out, _ = s.types(t, 0, "service top -o json")
	wants(out, `"service": "db"`)
}

// TestServicesOfSeveralContainersAreSteeredAsOne types what is there for a service
// with the name of one that has three containers, and of their project.
func TestServicesOfSeveralContainersAreSteeredAsOne(t *testing.T) {
	s := newSessionWith(t, map[string]string{
		source.CloudConfigDir + "/docker.yml": "rancher: {services: {docker: {image: \"ros/base:1\", restart: always, labels: {io.rancher.os.scope: system}}}}\n",
		source.ComposeDir + "/shop.yml":       "services: {web: {image: \"web:1\", scale: 3, restart: always}}\n",
	})
	states := func() map[string]plan.State {
		t.Helper()
		out := map[string]plan.State{}
		for _, c := range s.fake.Containers(compose.User) {
			out[c.Name] = c.State
		}
		return out
	}
	all := func(state plan.State) map[string]plan.State {
		return map[string]plan.State{"shop-web-1": state, "shop-web-2": state, "shop-web-3": state}
	}
	wants := func(what string, want map[string]plan.State) {
		t.Helper()
		if got := states(); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	lines := func(status int, command, want string) {
		t.Helper()
		out, errs := s.types(t, status, command)
		if got := out + errs; got != want {
			t.Errorf("%s says %q, want %q", command, got, want)
		}
	}
	ids := func() string {
		t.Helper()
		out, _ := s.types(t, 0, "service ps -q shop/web")
		return out
	}
	wants("at first", all(plan.Running))
	before := ids()
	if n := len(strings.Fields(before)); n != 3 {
		t.Fatalf("%d containers", n)
	}

	s.types(t, 0, "service kill -s HUP shop/web")
	if out, _ := s.types(t, 0, "__complete service stop web sho"); strings.Count(out, "shop/web\n") != 1 || strings.Count(out, "shop\n") != 1 || strings.Contains(out, "\nweb\n") {
		t.Errorf("completion says %q", out)
	}
	if out, _ := s.types(t, 0, "why shop"); !strings.HasPrefix(out, "shop is 3 containers\n  shop-web-1 is running\n") || !strings.Contains(out, "  shop-web-3 is running\n") {
		t.Errorf("why says %q", out)
	}
	if out, _ := s.types(t, 0, "events shop/web"); strings.Count(out, "a user asks to send it HUP") != 3 {
		t.Errorf("events say %q", out)
	}
	lines(0, "graph shop", "shop-web-1 [running]\n└─ docker [running] to be ready (scope user)\n"+
		"shop-web-2 [running]\n└─ docker [running] to be ready (scope user)\nshop-web-3 [running]\n└─ docker [running] to be ready (scope user)\n")
	lines(0, "service logs --tail 1 shop/web", "shop-web-1 | got HUP\nshop-web-2 | got HUP\nshop-web-3 | got HUP\n")
	const stamp = "2000-01-01T00:00:00.000000000Z "
	lines(0, "service logs -t -n 1 shop", "shop-web-1 | "+stamp+"got HUP\nshop-web-2 | "+stamp+"got HUP\nshop-web-3 | "+stamp+"got HUP\n")
	lines(0, "service logs --timestamps --tail 1 shop-web-2", stamp+"got HUP\n")
	lines(1, "service logs --tail some shop-web-2", "ros: invalid argument \"some\" for \"-n, --tail\" flag: expected a number of lines, such as 20, or all\n")
	if out, _ := s.types(t, 0, "service logs -n all shop-web-2"); strings.Count(out, "\n") < 2 {
		t.Errorf("all is %q", out)
	}
	lines(0, "service logs --no-log-prefix --tail 1 shop/web", "got HUP\ngot HUP\ngot HUP\n")
	lines(0, "service pull shop/web", "shop-web-1: web:1 is there\n")
	lines(0, "service top shop/web", "SERVICE     PID  CMD\nshop-web-1  1    shop-web-1\nshop-web-2  1    shop-web-2\nshop-web-3  1    shop-web-3\n")

	s.types(t, 0, "service stop shop-web-2")
	some := all(plan.Running)
	some["shop-web-2"] = plan.Exited
	wants("one is stopped", some)
	lines(0, "service top shop/web", "SERVICE     PID  CMD\nshop-web-1  1    shop-web-1\nshop-web-3  1    shop-web-3\n")
	s.types(t, 0, "service kill -s HUP shop/web") // those that run
	_, errs := s.types(t, 1, "service rm shop/web")
	if !strings.Contains(errs, `"shop-web-1": it runs`) || !strings.Contains(errs, `"shop-web-3": it runs ('ros service rm -f shop/web' stops it first)`) {
		t.Errorf("rm says %q", errs)
	}
	wants("nothing is removed", some)
	s.types(t, 0, "service stop shop/web")
	wants("all are stopped", all(plan.Exited))
	_, errs = s.types(t, 1, "service kill shop/web")
	if !strings.Contains(errs, `cannot send SIGKILL to "shop/web": it does not run`) {
		t.Errorf("kill says %q", errs)
	}
	if _, errs = s.types(t, 1, "service top shop/web"); strings.Count(errs, "it does not run") != 3 {
		t.Errorf("top says %q", errs)
	}
	s.types(t, 0, "service rm shop/web")
	wants("they are removed", map[string]plan.State{})
	s.types(t, 0, "service start shop")
	wants("they are there again", all(plan.Running))
	s.types(t, 0, "service down -t 1 shop/web")
	wants("they are down", map[string]plan.State{})
	s.types(t, 0, "service up shop/web")
	before = ids()
	s.types(t, 0, "service restart shop/web")
	if ids() != before {
		t.Error("a restart has made other containers")
	}
	s.types(t, 0, "service up --force-recreate shop/web")
	for _, id := range strings.Fields(ids()) {
		if strings.Contains(before, id) {
			t.Errorf("%s was not replaced", id)
		}
	}
	wants("after all", all(plan.Running))
}

// What is written is there for the next command, though nobody watches the file.
func TestTheNextCommandIsAboutWhatWasWritten(t *testing.T) {
	s := newSession(t)
	s.types(t, 0, "config set --yes rancher.services.web.image nginx:2")
	if out, _ := s.types(t, 0, "service ps web"); !strings.Contains(out, "nginx:2") {
		t.Errorf("ps says %q", out)
	}
	writeSecret(t, s.root, source.ConfDir+"/more.yml", "more: {image: \"more:1\", restart: always, labels: {io.rancher.os.scope: system}}\n")
	s.types(t, 0, "service enable more")
	s.types(t, 0, "wait more")
	s.types(t, 0, "service disable more")
	s.types(t, 1, "wait more")
	s.types(t, 0, "wait")
	if s.has("more") {
		t.Error("it was not waited for")
	}
}

func TestHowLongServicesHave(t *testing.T) {
	s := newSession(t)
	for command, want := range map[string]string{
		"service stop --timeout soon web": "expected how long to wait, such as 2m, or a number of seconds, such as 60",
		"service stop -t soon web":        "expected a number of seconds",
		"service restart -t -1 web":       "expected a number of seconds",
		"service stop":                    "which services? ('ros service ps' shows which there are)",
		"service down -v web":             "cannot remove volumes (-v)",
		"service down --rmi all web":      "cannot remove images (--rmi)",
		"why":                             "which services?",
	} {
		if _, errs := s.types(t, 1, command); !strings.Contains(errs, want) {
			t.Errorf("%s says %q", command, errs)
		}
	}
	for command, want := range map[string]time.Duration{
		"service stop --timeout 60 web": time.Minute, "service stop -t 30 --timeout 90s web": 30 * time.Second,
		"service stop --timeout=20s web": 10 * time.Second, "service restart --timeout 7 web": 7 * time.Second,
	} {
		s.types(t, 0, "service up web")
		n := len(s.fake.Steps())
		s.types(t, 0, command)
		if got := s.fake.Steps()[n]; got.Verb != plan.Stop || time.Duration(got.Grace) != want {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

func TestASignalIsAReason(t *testing.T) {
	s := newSession(t)
	s.types(t, 0, "service kill web")
	for deadline := time.Now().Add(20 * time.Second); ; {
		out, _ := s.types(t, 0, "why web")
		if strings.Contains(out, "(exited with status 137)\n    a user sent SIGKILL at ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("why says %q", out)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestServicesAreCreatedAndPulled(t *testing.T) {
	s := newSession(t)
	id := func() string {
		t.Helper()
		out, _ := s.types(t, 0, "service ps -q web")
		return out
	}
	for _, command := range []string{"service up --force-recreate web", "service create --force-recreate web"} {
		before := id()
		s.types(t, 0, command)
		s.types(t, 0, "wait web")
		if id() == before {
			t.Errorf("%s has made no new container", command)
		}
	}
	before := id()
	s.types(t, 0, "service up -d --no-build web")
	s.types(t, 0, "service up --foreground web")
	s.types(t, 0, "service create")
	if id() != before {
		t.Error("a container was replaced by nobody's will")
	}
	for command, want := range map[string]string{
		"service up --no-recreate web": "cannot leave outdated containers alone",
		"service up --force-recreate":  "name the services",
		"service up wbe":               `no such service: "wbe"`,
		"service build --pull web":     `cannot build "web": it has no 'build', but names its image`,
		"service build":                "no service of this machine has 'build'",
		"service build wbe":            `no such service: "wbe"`,
		"service pull db":              "its image comes with the machine",
		"service down":                 "which services?",
		"service up -d --foreground":   "none of the others can be",
	} {
		if _, errs := s.types(t, 1, command); !strings.Contains(errs, want) {
			t.Errorf("%s says %q, want %q", command, errs, want)
		}
	}
	out, _ := s.types(t, 0, "service pull")
	if out != "web: nginx:1 is there\n" {
		t.Errorf("pull says %q", out)
	}
	s.types(t, 0, "service pull --ignore-pull-failures db")
	out, _ = s.types(t, 0, "__complete service stop web ")
	if !strings.HasPrefix(out, "db\n") {
		t.Errorf("completion %q", out)
	}
}

// TestImagesAreBuilt types the commands that build, on a machine whose Docker makes
// every image that it is asked for.
func TestImagesAreBuilt(t *testing.T) {
	const docker = "rancher: {services: {docker: {image: \"ros/base:1\", restart: always, labels: {io.rancher.os.scope: system}}}}\n"
	s := newSessionWith(t, map[string]string{source.CloudConfigDir + "/docker.yml": docker})
	var asked []string // of the builds since it was looked at
	images := 0
	s.builder = func(_ context.Context, services []compose.Service, o engine.BuildOptions) error {
		for _, svc := range services {
			if o.Missing && images > 0 {
				continue
			}
			images++
			s.fake.AddImage(svc.Scope, svc.Spec.Image, "sha256:build-"+strconv.Itoa(images))
			asked = append(asked, fmt.Sprintf("%s %s %v %v %v", svc.Name, svc.Spec.Image, o.NoCache, o.Pull, o.Quiet))
		}
		return nil
	}
	builds := func(command string, want ...string) {
		t.Helper()
		asked = nil
		s.types(t, 0, command)
		if !slices.Equal(asked, want) {
			t.Errorf("%s builds %q, want %q", command, asked, want)
		}
	}
	container := func() plan.Container {
		t.Helper()
		for _, c := range s.fake.Containers(compose.User) {
			if c.Name == "shop-web-1" {
				return c
			}
		}
		return plan.Container{}
	}
	dir := filepath.Join(s.root, source.ComposeDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeSecret(t, s.root, source.ComposeDir+"/shop.yml", "services: {web: {build: ., restart: always}, db: {image: \"db:1\", restart: always}}\n")

	asked = nil
	_, errs := s.types(t, 1, "service up --no-build shop/web")
	if !strings.Contains(errs, "image shop-web is not there: 'ros service build shop/web' builds it") || len(asked) > 0 || container().ID != "" {
		t.Errorf("without its image: %q, %q", errs, asked)
	}
	s.types(t, 2, "status")
	_, errs = s.types(t, 1, "service pull shop/web")
	if !strings.Contains(errs, "its image is built on this machine") {
		t.Errorf("pull says %q", errs)
	}
	builds("service up shop/db")
	builds("service up shop/web", "shop-web-1 shop-web false false false")
	first := container()
	if first.State != plan.Running || first.ImageID != "sha256:build-1" {
		t.Errorf("after the build: %+v", first)
	}
	builds("service up")
	builds("service create")
	if container().ID != first.ID {
		t.Error("nothing was built, and there is another container")
	}
	builds("service build --no-cache --pull -q", "shop-web-1 shop-web true true true")
	s.types(t, 0, "wait")
	if c := container(); c.ImageID != "sha256:build-2" || c.State != plan.Running {
		t.Errorf("after another build: %+v", c)
	}
	builds("service build --force-rm shop", "shop-web-1 shop-web false false false")
	s.types(t, 0, "service pull")
	if _, errs := s.types(t, 1, "service build shop/web shop/db"); !strings.Contains(errs, `cannot build "shop/db"`) {
		t.Errorf("build says %q", errs)
	}
	s.builder = func(context.Context, []compose.Service, engine.BuildOptions) error { return errors.New("no space") }
	if _, errs := s.types(t, 1, "service build"); errs != "ros: no space\n" {
		t.Errorf("build says %q", errs)
	}
}

// Every command of services says in its help what it does, shows how, and knows
// what may follow.
func TestEveryServiceCommandIsExplained(t *testing.T) {
	a := &app{}
	for _, cmd := range a.serviceCommand().Commands() {
		if len(cmd.Long) < 80 || !strings.HasPrefix(strings.TrimSpace(cmd.Example), "ros ") && !strings.Contains(cmd.Example, "ros ") {
			t.Errorf("%s is not explained", cmd.Name())
		}
		takesNames := strings.Contains(cmd.Use, "…") && !strings.Contains(cmd.Use, "FILE")
		if takesNames && cmd.ValidArgsFunction == nil {
			t.Errorf("%s completes no names", cmd.Name())
		}
		for line := range strings.Lines(cmd.Long) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 84 {
				t.Errorf("%s: a line of the help has %d letters: %q", cmd.Name(), n, line)
			}
		}
	}
}

// TestTheServiceTreeIsRancherOSs holds the names and flags of RancherOS to ours:
// what its users have in their fingers is there.
func TestTheServiceTreeIsRancherOSs(t *testing.T) {
	tree := (&app{}).serviceCommand()
	for line, flags := range map[string]string{
		"enable": "", "disable": "", "delete": "", "list": "all update", "build": "no-cache force-rm pull", "create": "no-recreate force-recreate no-build",
		"up": "foreground no-recreate force-recreate no-build", "start": "foreground", "stop": "timeout", "restart": "timeout", "kill": "signal",
		"rm": "force volumes", "pull": "ignore-pull-failures", "logs": "lines follow", "ps": "quiet", "down": "volumes rmi remove-orphans",
	} {
		i := -1
		for n, cmd := range tree.Commands() {
			if cmd.Name() == line {
				i = n
			}
		}
		if i < 0 {
			t.Errorf("there is no %s", line)
			continue
		}
		for _, flag := range strings.Fields(flags) {
			if tree.Commands()[i].Flags().Lookup(flag) == nil {
				t.Errorf("%s has no --%s", line, flag)
			}
		}
	}
	if _, _, err := (&app{}).rootCommand().Find([]string{"s", "ps"}); err != nil {
		t.Error(err)
	}
	err := tree.ParseFlags(strings.Fields("--verbose --debug --tls --tlsverify --tlscacert a --tlscert b --tlskey c --configdir /d"))
	if err != nil {
		t.Error(err)
	}
}

func TestLinesOfSeveralLogsStayWhole(t *testing.T) {
	for _, row := range []struct {
		name   string
		writes []string
		want   string
	}{
		{"a line in pieces", []string{"o", "ne\ntw", "o\n"}, "a | one\na | two\n"},
		{"a last line without an end", []string{"one\ntwo"}, "a | one\na | two\n"},
		{"nothing", nil, ""},
		{"an empty line", []string{"\n"}, "a | \n"},
		{"a line without end", []string{strings.Repeat("x", mostLine+1)}, "a | " + strings.Repeat("x", mostLine+1) + "\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out bytes.Buffer
			p := &prefixed{w: &out, mu: &sync.Mutex{}, prefix: "a | "}
			for _, w := range row.writes {
				if n, err := p.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatal(n, err)
				}
			}
			if err := p.end(); err != nil || out.String() != row.want {
				t.Errorf("%.80q, %v", out.String(), err)
			}
		})
	}
}
