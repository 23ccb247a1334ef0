package compose

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ros-os/ros/cloudconfig"
)

// TestEnvironmentOfServices goes through what RancherOS's services could take
// from rancher.environment.
func TestEnvironmentOfServices(t *testing.T) {
	const variables = `
rancher:
  network: {http_proxy: "http://proxy:3128"}
  environment:
    COMMON: common
    BOTH: common
    web/BOTH: own
    web/OWN: own
    other/THEIRS: theirs
    EMPTY: ""
    ETCD_A: a
    ETCD_B: b
    FLANNEL_A: common
    web/FLANNEL_B: own
    HTTP_PROXY: http://set:1
  services:
    docker: {image: d, labels: {io.rancher.os.scope: system}}
    web: {image: nginx, environment: `
	for _, row := range []struct {
		name, written string
		want          map[string]string
	}{
		{"a name alone takes the variable", "[COMMON]", map[string]string{"COMMON": "common"}},
		{"a key without a value does too", "{COMMON: }", map[string]string{"COMMON": "common"}},
		{"a variable of the service wins", "[BOTH]", map[string]string{"BOTH": "own"}},
		{"one that only the service has", "[OWN]", map[string]string{"OWN": "own"}},
		{"one of another service is none", "[THEIRS]", nil},
		{"one that is absent is dropped", "[NOPE, COMMON]", map[string]string{"COMMON": "common"}},
		{"one that is empty stays", "[EMPTY]", map[string]string{"EMPTY": ""}},
		{"an empty value is a value", "[COMMON=]", map[string]string{"COMMON": ""}},
		{"a value is taken as written", "[COMMON=mine]", map[string]string{"COMMON": "mine"}},
		{"a star takes all that begin so", `["ETCD_*"]`, map[string]string{"ETCD_A": "a", "ETCD_B": "b"}},
		{"a star as key of a map", `{"ETCD_*": }`, map[string]string{"ETCD_A": "a", "ETCD_B": "b"}},
		{"a star takes those of the service if there are any", `["FLANNEL_*"]`, map[string]string{"FLANNEL_B": "own"}},
		{"what is written wins over a star", `["ETCD_*", ETCD_B=mine]`, map[string]string{"ETCD_A": "a", "ETCD_B": "mine"}},
		{"a star that fits nothing is dropped", `["NOPE_*"]`, nil},
		{"a proxy of the network", "[http_proxy]", map[string]string{"http_proxy": "http://proxy:3128"}},
		{"unless a variable says otherwise", "[HTTP_PROXY]", map[string]string{"HTTP_PROXY": "http://set:1"}},
		{"variables in a value", `["A=${BOTH}-${COMMON}"]`, map[string]string{"A": "own-common"}},
		{"facts of the machine", "[KERNEL_VERSION]", map[string]string{"KERNEL_VERSION": "6.12.1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			facts := Options{Environment: map[string]string{"KERNEL_VERSION": "6.12.1"}}
			project, report := Build(config(t, variables+row.written+"}\n"), facts)
			if len(report) > 0 {
				t.Fatal(problems(report))
			}
			if diff := cmp.Diff(row.want, environmentOf(project, "web")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.written, diff)
			}
		})
	}
}

// environmentOf is a service's environment, nil when it is empty.
func environmentOf(p Project, name string) map[string]string {
	env := p.Services[name].Spec.Environment.ToMapping()
	if len(env) == 0 {
		return nil
	}
	return env
}

func TestServiceFilesTakeTheSameVariables(t *testing.T) {
	cfg := config(t, "rancher:\n  environment: {A: common, web/A: own}\n  services: {docker: {image: d, labels: {io.rancher.os.scope: system}}}\n")
	l, report := cloudconfig.ParseLayer("web", "web.yml", []byte("services:\n  web: {image: \"${A}:1\", environment: [A, NOPE]}\n"))
	if report.Err() != nil {
		t.Fatal(report)
	}
	project, report := Build(cfg, Options{Definitions: map[string]cloudconfig.Document{"web": l.Doc}})
	if report.Err() != nil {
		t.Fatal(problems(report))
	}
	if diff := cmp.Diff(map[string]string{"A": "own"}, environmentOf(project, "web")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if image := project.Services["web"].Spec.Image; image != "own:1" {
		t.Errorf("image %q", image)
	}
}
