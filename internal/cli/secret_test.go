package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
)

// secretMark stands for every secret of the machines below.
const secretMark = "s3cr3tMark"

// secretFile is a layer with a secret at the place of a pattern, in the form
// that has the fewest errors.
func secretFile(t *testing.T, pattern string) []byte {
	t.Helper()
	keys := strings.Split(pattern, ".")
	stars := strings.Count(pattern, "*")
	var best []byte
	fewest := -1
	for lists := range 1 << stars { // each "*" is an item of a list, or a key
		var value any = secretMark
		star := 0
		for i := len(keys) - 1; i >= 0; i-- {
			switch {
			case keys[i] != "*":
				value = map[string]any{keys[i]: value}
				continue
			case lists&(1<<star) != 0:
				value = []any{value}
			default:
				value = map[string]any{"rsa_private": value}
			}
			star++
		}
		data, err := yaml.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		l, report := cloudconfig.ParseLayer("x", "x", data)
		if found := len(append(report, cloudconfig.Validate(l)...)); fewest < 0 || found < fewest {
			best, fewest = data, found
		}
	}
	return best
}

// secretMachine has every secret that the schema knows, each in a layer of its
// own, and services that use some.
func secretMachine(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{source.CloudConfigDir, "/usr/share/ros"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i, pattern := range cloudconfig.SecretPatterns() {
		writeSecret(t, root, fmt.Sprintf("%s/%03d.yml", source.CloudConfigDir, i), string(secretFile(t, pattern)))
	}
	writeSecret(t, root, source.CloudConfigFile, secretServices(""))
	return root
}

// secretServices are services with secrets in their environment; more is added
// to the secrets.
func secretServices(more string) string {
	return strings.ReplaceAll(`#cloud-config
rancher:
  environment: {TOKEN: MARK}
  network: {http_proxy: "http://ann:MARK@proxy.example.com:3128/"}
  services:
    one:
      image: example.com/one:1
      environment: [KEY=MARK, TOKEN, http_proxy]
      labels: {io.rancher.os.scope: system}
    two:
      image: example.com/two:1
      environment: {KEY: MARK}
      labels: {io.rancher.os.scope: system, io.rancher.os.after: one}
`, "MARK", secretMark+more)
}

func writeSecret(t *testing.T, root, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// said fails the test if a text has the secret in it.
func said(t *testing.T, what, text string) {
	t.Helper()
	if i := strings.Index(text, secretMark); i >= 0 {
		t.Errorf("%s shows a secret: …%s…", what, text[max(0, i-200):min(len(text), i+60)])
	}
}

// TestNoCommandShowsASecret runs every command that shows the configuration.
func TestNoCommandShowsASecret(t *testing.T) {
	root := secretMachine(t)
	service := filepath.Join(root, "web.yml")
	if err := os.WriteFile(service, []byte("web: {image: [x], environment: {KEY: "+secretMark+"}, environmnt: {KEY: "+secretMark+"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	commands := [][]string{
		{"config", "get", "rancher"},
		{"config", "get", "--origin", "rancher"},
		{"config", "get", "write_files"},
		{"config", "get", "users"},
		{"config", "explain", "rancher"},
		{"config", "explain", "rancher.environment"},
		{"config", "explain", "--all"},
		{"config", "explain", "-o", "json", "--all"},
		{"config", "export"},
		{"config", "export", "--full", "--origins"},
		{"config", "validate"},
		{"config", "validate", "-o", "json"},
		{"config", "validate", "--annotate"},
		{"config", "validate", "--annotate", "--as", "service", "-i", service},
		{"config", "images"},
		{"config", "set", "--force", "rancher.password", secretMark + "2"},
		{"config", "set", "--force", "rancher.services.one.environment", "[KEY=" + secretMark + "3]"},
		{"config", "set", "--force", "rancher.password", "[" + secretMark + "]"},
		{"config", "history"},
		{"config", "diff"},
		{"config", "diff", "1", "2"},
		{"config", "validate", "--annotate"},
		{"service", "list"},
		{"config", "get", "rancher.password"},
		{"config", "get", "rancher.registry_auths"},
	}
	for _, args := range commands {
		var out bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &out}
		a.run(t.Context(), a.rootCommand(), append([]string{"--root", root}, args...))
		said(t, strings.Join(args, " "), strings.ReplaceAll(out.String(), args[len(args)-1], ""))
	}
}

// recorder is a log and a console that a test reads.
type recorder struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *recorder) Close() error { return nil }

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// watched is a controller over a fake engine whose every output is looked at.
type watched struct {
	c      *servicectl.Controller
	fake   *enginetest.Fake
	refuse atomic.Bool // the engine refuses every step
	shown  recorder    // log and console
}

func watch(t *testing.T, root string) *watched {
	t.Helper()
	w := &watched{fake: enginetest.New()}
	w.fake.Fault = func(c enginetest.Call) enginetest.Fault {
		if w.refuse.Load() && c.Method == "do" {
			return enginetest.Fault{Err: errors.New("the daemon refuses")}
		}
		return enginetest.Fault{}
	}
	log := logrus.New()
	log.SetOutput(&w.shown)
	log.SetLevel(logrus.TraceLevel)
	load := &loader{root: root, console: func() (io.WriteCloser, error) { return &w.shown, nil }}
	w.c = servicectl.New(servicectl.Options{Engine: w.fake, Loader: load, Log: logrus.NewEntry(log)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

// look reads all that the controller says now.
func (w *watched) look(t *testing.T, when string) {
	t.Helper()
	p, st := w.c.Plan(), w.c.Status()
	for what, v := range map[string]any{"plan": p, "status": st} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		said(t, when+": "+what+" as JSON", string(data))
	}
	said(t, when+": plan", p.String())
	var text bytes.Buffer
	if err := writeStatus(&text, st, false); err != nil {
		t.Fatal(err)
	}
	said(t, when+": status", text.String())
	said(t, when+": log and console", w.shown.String())
}

// until looks until something is so.
func (w *watched) until(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %+v\n%s", what, w.c.Status(), w.c.Plan())
		}
		w.look(t, what)
		<-time.After(5 * time.Millisecond)
	}
	w.look(t, what)
}

// TestTheControllerShowsNoSecret changes secrets of running services, and reads
// plan, status, log and console.
func TestTheControllerShowsNoSecret(t *testing.T) {
	const hidden = "environment.KEY (value hidden)"
	root := secretMachine(t)
	w := watch(t, root)
	w.until(t, "at first", func() bool {
		return slices.ContainsFunc(w.c.Status().Services, func(s servicectl.ServiceStatus) bool { return s.Name == "two" && s.Ready })
	})
	w.refuse.Store(true)
	writeSecret(t, root, source.CloudConfigFile, secretServices("changed"))
	w.c.Reload()
	w.until(t, "with other secrets, refused", func() bool { return strings.Contains(w.c.Plan().String(), hidden) })
	w.refuse.Store(false)
	w.until(t, "with other secrets", func() bool { return strings.Count(w.shown.String(), hidden) >= 2 })
	if !strings.Contains(w.shown.String(), "ros: ") {
		t.Errorf("nothing was written to the console:\n%s", w.shown.String())
	}
}
