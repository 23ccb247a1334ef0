package cli

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/internal/golden"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
)

const whyConfig = `rancher:
  services:
    ntp:
      image: ntp:1
      labels: {io.rancher.os.scope: system}
      environment:
        SERVER: a.example.com
    bad:
      image: bad:1
      labels: {io.rancher.os.scope: system}
      restart: "no"
    web:
      image: web:1
      labels: {io.rancher.os.scope: system}
      depends_on: {bad: {condition: service_completed_successfully}}
    soft:
      image: web:1
      labels: {io.rancher.os.scope: system, io.rancher.os.after: bad}
`

// machine is a machine below a folder: a controller over two daemons that do not
// exist, with the loader of the real one.
func machine(t *testing.T, config string) (*app, *bytes.Buffer, *servicectl.Controller) {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, source.ConfDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, source.CloudConfigFile), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	fake := enginetest.New()
	fake.Behaves("bad", enginetest.Behaviour{Exits: true, ExitCode: 3})
	c := servicectl.New(servicectl.Options{
		Engine: fake, Loader: &loader{root: root}, IntentPath: filepath.Join(root, "intents.json"),
		Journal: journal.Open(journal.Options{Path: filepath.Join(root, "events.jsonl")}),
	})
	var out bytes.Buffer
	a := &app{out: &out, err: &out, in: strings.NewReader(""), root: root, socket: "/controller.sock"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	socket := a.path(a.socket) // now: commands change it while they read their flags
	go func() { ended <- c.Run(ctx) }()
	go func() { ended <- c.Serve(ctx, socket) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	listens(t, socket)
	return a, &out, c
}

// listens waits until somebody answers at a socket.
func listens(t *testing.T, socket string) {
	t.Helper()
	for range 2000 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket)
		if err == nil {
			_ = conn.Close()
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("the controller does not listen")
}

// ros runs one command and returns what it printed.
func (a *app) ros(t *testing.T, args ...string) string {
	t.Helper()
	out, ok := a.out.(*bytes.Buffer)
	if !ok {
		t.Fatal("nobody keeps what is printed")
	}
	out.Reset()
	where := []string{"--root", a.root, "--socket", a.socket} // which a new command forgets
	code := a.run(t.Context(), a.rootCommand(), append(where, args...))
	if code != 0 {
		t.Fatalf("ros %s: status %d\n%s", strings.Join(args, " "), code, out)
	}
	return out.String()
}

// await waits until the controller has nothing to do and what it says is settled.
func await(t *testing.T, c *servicectl.Controller, done func(map[string]servicectl.ServiceStatus) bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		services := map[string]servicectl.ServiceStatus{}
		for _, s := range c.Status().Services {
			services[s.Name] = s
		}
		if done(services) {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain: %+v", services)
		case <-tick.C:
		}
	}
}

var clockTime = regexp.MustCompile(`([0-9]{4}-[0-9]{2}-[0-9]{2} )?[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?| in [0-9]+m?s| after [0-9]+m?s|/[^ ]*/var/lib`)

// TestWhyTellsOfServicesThatAreNoMore takes two services, one of them of two
// containers, out of the configuration.
func TestWhyTellsOfServicesThatAreNoMore(t *testing.T) {
	const two = "rancher:\n  services:\n" +
		"    ntp: {image: \"ntp:1\", labels: {io.rancher.os.scope: system}}\n" +
		"    web: {image: \"web:1\", scale: 2, labels: {io.rancher.os.scope: system}}\n"
	a, out, c := machine(t, two)
	where := []string{"--root", a.root, "--socket", a.socket}
	await(t, c, func(s map[string]servicectl.ServiceStatus) bool {
		return s["ntp"].Ready && s["web-1"].Ready && s["web-2"].Ready
	})
	a.ros(t, "config", "unset", "--yes", "rancher.services")
	c.Reload()
	await(t, c, func(s map[string]servicectl.ServiceStatus) bool {
		return len(s) == 0 && strings.Count(a.ros(t, "events"), " remove done ") == 3
	})
	for name, want := range map[string]string{
		"ntp": "ntp is not in the configuration\n  removed at TIME (not in the configuration)\n    rancher.services.ntp.image changed, by ros config unset",
		"web": "web is not in the configuration\n  web-1 was removed at TIME (not in the configuration)\n    rancher.services.web.image changed, by ros config unset",
	} {
		if got := clockTime.ReplaceAllString(a.ros(t, "why", name), "TIME"); !strings.HasPrefix(got, want) {
			t.Errorf("why %s:\n%s\nwant\n%s", name, got, want)
		}
	}
	out.Reset()
	if code := a.run(t.Context(), a.rootCommand(), append(where, "why", "nobody")); code != 1 || !strings.Contains(out.String(), "no such service") {
		t.Errorf("why nobody: status %d\n%s", code, out)
	}
}

// TestWhyKnowsAServiceFromOtherWords has services named as what else is waited for.
func TestWhyKnowsAServiceFromOtherWords(t *testing.T) {
	for what, want := range map[string]string{
		"network to be ready":                              "network",
		"network to be ready (12%)":                        "network",
		"web, which is not in the configuration":           "web",
		"network outer, which is external, to be there":    "",
		"volume data, which is external, to be there":      "",
		"network shop_front to be made anew":               "",
		"the retry in 4s":                                  "",
		"/var/lib/rancher/conf/x.yml to be free of errors": "/var/lib/rancher/conf/x.yml",
	} {
		if got := awaited(what); got != want {
			t.Errorf("%q is about %q, want %q", what, got, want)
		}
	}
}

func TestWhyNamesTheCauseAndTheChain(t *testing.T) {
	a, _, c := machine(t, whyConfig)
	settled := func(s map[string]servicectl.ServiceStatus) bool {
		idle := len(s["ntp"].WaitingFor)+len(s["soft"].WaitingFor)+len(s["bad"].WaitingFor) == 0
		return idle && s["ntp"].Ready && s["soft"].Ready && s["bad"].State == "failed" && len(s["bad"].LastLog) == 2 && s["web"].Problem != ""
	}
	await(t, c, settled)
	before := c.Status().Services
	a.ros(t, "config", "set", "--yes", "rancher.services.ntp.environment.SERVER", "b.example.com")
	c.Reload()
	await(t, c, func(s map[string]servicectl.ServiceStatus) bool {
		return settled(s) && s["ntp"].Container != before[1].Container
	})
	var b strings.Builder
	for _, name := range []string{"ntp", "web", "soft"} {
		b.WriteString(a.ros(t, "why", name) + "\n")
	}
	a.ros(t, "service", "stop", "--persist", "soft")
	await(t, c, func(s map[string]servicectl.ServiceStatus) bool {
		return s["soft"].State == "stopped" && len(s["soft"].WaitingFor) == 0 && s["soft"].Note != ""
	})
	b.WriteString(a.ros(t, "why", "soft"))
	text := clockTime.ReplaceAllStringFunc(b.String(), func(s string) string {
		if strings.HasPrefix(s, "/") {
			return "/var/lib"
		}
		return "TIME"
	})
	who := source.Author{}
	if e, err := source.History(a.root); err == nil && len(e) > 0 {
		who = e[len(e)-1].Author
	}
	if who.Who != "" {
		text = strings.ReplaceAll(text, "("+who.Who+")", "(WHO)")
	}
	golden.Equal(t, "testdata/why.txt", text)

	events := a.ros(t, "events", "ntp")
	for _, want := range []string{
		"rancher.services.ntp.environment.SERVER changed at /var/lib/rancher/conf/cloud-config.yml:7:17, by ros config set",
		"ntp           create-next done in ",
	} {
		if !strings.Contains(events, want) {
			t.Errorf("no %q in\n%s", want, events)
		}
	}
	if strings.Contains(events, "b.example.com") {
		t.Errorf("a value is shown:\n%s", events)
	}
	if text := a.ros(t, "graph", "web"); text != "web [waiting]\n└─ bad [failed] to complete (depends_on)\n" {
		t.Errorf("the graph:\n%s", text)
	}
}

func TestASignalThatFailedIsNoCause(t *testing.T) {
	w := wondering{events: []journal.Event{
		{Kind: journal.Done, Service: "ntp", Step: "start"},
		{Kind: journal.Intent, Service: "ntp", State: journal.AskedKill + "HUP"},
		{Kind: journal.Intent, Service: "ntp", State: journal.AskedKill + "FOO", Problem: "invalid signal"},
		{Kind: journal.Done, Service: "ntp", Step: "start"},
	}}
	if r, ok := w.signal(3); !ok || !strings.HasPrefix(r.Text, "a user sent HUP at ") {
		t.Errorf("%v, %+v", ok, r)
	}
}
