package compose

import (
	"slices"
	"testing"
)

// TestAHealthCheckThatDockerWouldNeverMake has lists that Docker takes, and then checks
// nothing: the service is ready when it runs, and somebody is told.
func TestAHealthCheckThatDockerWouldNeverMake(t *testing.T) {
	p, report := build(t, `docker: {image: d, labels: {io.rancher.os.scope: system}}
bad: {image: nginx, healthcheck: {test: [curl, -f, "http://localhost/"], interval: 5s}}
good: {image: nginx, healthcheck: {test: [CMD, curl, -f, "http://localhost/"]}}
shell: {image: nginx, healthcheck: {test: curl -f http://localhost/}}
none: {image: nginx, healthcheck: {test: [NONE]}}
`)
	want := `cloud-config.yml:4:39: warning: rancher.services.bad.healthcheck.test: expected CMD, CMD-SHELL or NONE, found "curl": nothing is checked (write CMD before a program and its arguments)`
	if len(report) != 1 || report[0].String() != want {
		t.Errorf("got %v\nwant %s", report, want)
	}
	for name, ready := range map[string]ReadyKind{"bad": "", "good": ReadyHealth, "shell": ReadyHealth, "none": ""} {
		if got := p.Services[name].Ready.Kind; got != ready {
			t.Errorf("%s is ready by %q, want %q", name, got, ready)
		}
	}
	if test := p.Services["bad"].Spec.HealthCheck.Test; !slices.Equal(test, []string{"NONE"}) {
		t.Errorf("Docker is to check %q", test)
	}
}
