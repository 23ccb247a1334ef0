package compose

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

// TestHashes pins the hashes of services. When it fails, every machine creates
// the containers of such services anew: see hashVersion.
func TestHashes(t *testing.T) {
	texts := maps.Clone(specServices)
	texts["RancherOS"] = `
image: ros/base:1
net: host
log_driver: json-file
log_opt: {max-size: 25m}
volumes_from: [all-volumes]
labels: {io.rancher.os.scope: system, io.rancher.os.config: "rancher.docker, rancher.services.docker"}
`
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		services := "docker: {image: d}\nback: {image: b}\nfront: {image: b}\nxx:\n" + indent(texts[name], "  ")
		cfg := config(t, "rancher:\n  docker: {tls: true, log_opts: {a: b}}\n  services:\n"+indent(services, "    "))
		project, report := Build(cfg, Options{ReadFile: func(string) ([]byte, error) { return []byte("A=1\n"), nil }})
		if err := report.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fmt.Fprintf(&out, "%s: %s\n", name, project.Services["xx"].Hash)
		for _, field := range slices.Sorted(maps.Keys(project.Services["xx"].Fields)) {
			fmt.Fprintf(&out, "    %s = %s\n", field, project.Services["xx"].Fields[field])
		}
	}
	golden.Equal(t, "testdata/hashes.golden", out.String())
}

// TestWhatNeedsANewContainer changes one thing of a service at a time.
func TestWhatNeedsANewContainer(t *testing.T) {
	const before = `image: a
environment: {A: "1"}
labels: {io.rancher.os.scope: system, x: "1"}
volumes: ["/a:/a"]
restart: always
stop_grace_period: 5s
net: host
`
	for _, test := range []struct{ name, was, is, want string }{
		{"an image", "image: a", "image: b", "image a → b"},
		{"a variable", `A: "1"`, `A: "2"`, "environment.A (value hidden)"},
		{"a new variable", `{A: "1"}`, `{A: "1", B: x}`, "environment.B (value hidden)"},
		{"a label", `x: "1"`, `x: "2"`, "labels.x 1 → 2"},
		{"a label that is gone", `, x: "1"`, "", "labels.x 1 → (unset)"},
		{"a mount", `/a:/a`, `/b:/a:ro`, "volumes./a /a → /b:ro"},
		{
			"a mount's propagation", `/a:/a`, `/a:/a:rslave`,
			"volumes./a /a → {bind: {create_host_path: true, propagation: rslave}, source: /a, target: /a, type: bind}",
		},
		{"a flag", "net: host", "net: host\nprivileged: true", "privileged (unset) → true"},
		{"an empty command takes the image's away", "net: host", "net: host\ncommand: []", "command (unset) → []"},
		{"today's key for the same", "net: host", "network_mode: host", ""},
		{"the same in another form", `environment: {A: "1"}`, "environment: [A=1]", ""},
		{"the restart policy", "restart: always", `restart: "no"`, ""},
		{"the time to stop", "5s", "1m", ""},
		{"an order", `{io.rancher`, `{io.rancher.os.after: docker, io.rancher`, ""},
		{"a dependency", "net: host", "net: host\ndepends_on: [docker]", ""},
		{"a readiness check", `{io.rancher`, `{io.rancher.os.ready: "tcp:1", io.rancher`, ""},
		{"when to pull", "net: host", "net: host\npull_policy: always", ""},
		{"an empty list", "net: host", "net: host\ncap_add: []", ""},
		{"a comment", "net: host", "net: host # of course", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			was, is := hashed(t, before), hashed(t, strings.Replace(before, test.was, test.is, 1))
			if got := ExplainDiff(was.Fields, is.Fields); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if changed := was.Hash != is.Hash; changed != (test.want != "") {
				t.Errorf("hash changed: %v", changed)
			}
		})
	}
}

func hashed(t testing.TB, service string) Service {
	t.Helper()
	project, report := build(t, "docker: {image: d, labels: {io.rancher.os.scope: system}}\nxx:\n"+indent(service, "  "))
	if len(report) > 0 {
		t.Fatal(problems(report))
	}
	return project.Services["xx"]
}

func TestConfigLabelFollowsThatPart(t *testing.T) {
	hash := func(rancher string) Service {
		project, report := Build(config(t, "rancher:\n"+indent(rancher, "  ")+`
  services:
    docker: {image: d, labels: {io.rancher.os.scope: system, io.rancher.os.config: rancher.docker}}
`), Options{})
		if len(report) > 0 {
			t.Fatal(problems(report))
		}
		return project.Services["docker"]
	}
	none, tls := hash("debug: false\n"), hash("docker: {tls: true}\n")
	if diff := ExplainDiff(none.Fields, tls.Fields); diff != "config rancher.docker (value hidden)" || none.Hash == tls.Hash {
		t.Errorf("a change is explained as %q", diff)
	}
	if other := hash("debug: true\n"); other.Hash != none.Hash {
		t.Error("another part of the configuration changes the hash")
	}
	secret := hash("docker: {server_key: s3cret}\n")
	for name, value := range secret.Fields {
		if strings.Contains(value, "s3cret") {
			t.Errorf("field %s shows a secret: %s", name, value)
		}
	}
}

// TestHashDoesNotDependOnTheOrderOfKeys writes a service with its keys shuffled.
func TestHashDoesNotDependOnTheOrderOfKeys(t *testing.T) {
	lines := []string{
		"image: a", "environment: {A: 1, B: 2}", "labels: {x: y, io.rancher.os.scope: system}", "privileged: true",
		"log_driver: json-file", "log_opt: {max-size: 1m, max-file: 2}", "net: host", "ulimits: {nofile: 1, core: 2}", "mem_limit: 1g",
	}
	want := hashed(t, strings.Join(lines, "\n")+"\n")
	rapid.Check(t, func(rt *rapid.T) {
		got := hashed(t, strings.Join(rapid.Permutation(lines).Draw(rt, "lines"), "\n")+"\n")
		if got.Hash != want.Hash {
			rt.Fatalf("differs: %s", ExplainDiff(want.Fields, got.Fields))
		}
	})
}

func TestExplainDiffIsShort(t *testing.T) {
	is := map[string]string{}
	for i := range 8 {
		is[fmt.Sprintf("f%d", i)] = "x"
	}
	got := ExplainDiff(nil, is)
	if want := "f0 (unset) → x, f1 (unset) → x, f2 (unset) → x, f3 (unset) → x, f4 (unset) → x, and 3 more"; got != want {
		t.Errorf("got %q", got)
	}
	if got := ExplainDiff(is, is); got != "" {
		t.Errorf("nothing changed, and yet: %q", got)
	}
}

func TestLongFieldsAreCut(t *testing.T) {
	long := strings.Repeat("ä", 200)
	a, b := hashed(t, "image: a\ncommand: ["+long+"1]\nlabels: {io.rancher.os.scope: system}\n"),
		hashed(t, "image: a\ncommand: ["+long+"2]\nlabels: {io.rancher.os.scope: system}\n")
	if a.Fields["command"] == b.Fields["command"] || len(a.Fields["command"]) > longestField+10 {
		t.Errorf("fields %q and %q", a.Fields["command"], b.Fields["command"])
	}
}

func TestDefinitionsInTheConfigurationHaveACanonicalText(t *testing.T) {
	text := func(services string) string {
		b := &builder{cfg: config(t, "rancher: {services: "+services+"}"), schema: newSchema(), configs: map[string]string{}}
		out, ok := b.configText("rancher.services")
		if !ok {
			t.Fatal("not found")
		}
		return out
	}
	if a, b := text("{x: {image: a, ports: [1, 2]}}"), text("{x: {ports: ['1', 2], image: 'a'}}"); a != b || a != "{x: {image: a, ports: [1, 2]}}" {
		t.Errorf("%s and %s", a, b)
	}
	b := &builder{cfg: cloudconfig.Config{}, schema: newSchema(), configs: map[string]string{}}
	for _, path := range []string{"", "rancher.nope", "hostname.x", "rancher..docker"} {
		if _, ok := b.configText(path); ok {
			t.Errorf("path %q is found", path)
		}
	}
}
