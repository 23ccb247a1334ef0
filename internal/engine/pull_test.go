package engine

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// pulls pulls an image from a fake daemon's registry.
func pulls(t *testing.T, f *fakeDaemon, o Options, ref string) error {
	t.Helper()
	s := plan.Step{Verb: plan.Pull, Service: "web", Scope: "system", Image: ref}
	return f.engine(t, o).Do(t.Context(), s, service("web", types.ServiceConfig{}))
}

// bringing is a registry's answer that brings an image.
func (f *fakeDaemon) bringing(ref string) {
	f.answers["POST /images/create"] = answer{http.StatusOK, `{"status": "Pulled"}`}
	f.onPull = func() { f.images[ref] = "sha256:new" }
}

func TestPullTellsTheRegistrysError(t *testing.T) {
	f := newFakeDaemon(t)
	f.answers["POST /images/create"] = answer{http.StatusOK, `{"status": "Pulling"}{"error": "manifest unknown"}`}
	err := pulls(t, f, Options{}, "web:1")
	want := "cannot pull image web:1 for web: manifest unknown; registry docker.io has no web:1: check the name and the tag"
	if got := text(err); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	f.bringing("web:1")
	if err := pulls(t, f, Options{}, "web:1"); err != nil {
		t.Error(err)
	}
}

func TestAPullThatIsCutOffIsNoPull(t *testing.T) {
	for name, stream := range map[string]string{
		"within a message":       `{"status": "Downloading", "id": "a`,
		"between two":            `{"status": "Downloading", "id": "abc"}`,
		"before the first":       ``,
		"by something else":      `<html>`,
		"by the daemon's end":    `{"status": "Pulling"}{"errorDetail": {"message": "context canceled"}}`,
		"after the last of them": `{"status": "Pull complete", "id": "abc"}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.answers["POST /images/create"] = answer{http.StatusOK, stream}
			if err := pulls(t, f, Options{}, "web:1"); err == nil {
				t.Error("it counts as pulled")
			}
		})
	}
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	auths := func() map[string]cloudconfig.Auth {
		return map[string]cloudconfig.Auth{"https://known.example.com": {Username: "me", Password: "x"}}
	}
	for _, c := range []struct {
		scope          compose.Scope
		ref, told, has string
	}{
		{compose.System, "reg.example.com/app", "no basic auth credentials", `set rancher.registry_auths."reg.example.com"`},
		{compose.System, "known.example.com/app", "unauthorized: authentication required", `registry known.example.com refuses the credentials of "https://known.example.com"`},
		{compose.System, "app", "pull access denied for app, repository does not exist or may require 'docker login'", `set rancher.registry_auths."docker.io"`},
		{compose.System, "app", "toomanyrequests: You have reached your pull rate limit", `limits pulls without an account: set rancher.registry_auths."docker.io"`},
		{compose.System, "known.example.com/app", "toomanyrequests", `rancher.system_docker.registry_mirror`},
		{compose.System, "reg:5000/app", "tls: failed to verify certificate: x509: certificate signed by unknown authority", `/etc/docker/certs.d/reg:5000/ca.crt`},
		{compose.System, "reg:5000/app", "tls: failed to verify certificate: x509: certificate has expired or is not yet valid", `this machine's clock`},
		{compose.System, "reg:4010/app", "dial tcp 10.0.0.1:4010: i/o timeout", `registry reg:4010 cannot be reached`},
		{compose.System, "reg:5000/app", "http: server gave HTTP response to HTTPS client", `add it to rancher.system_docker.insecure_registry`},
		{compose.User, "reg:5000/app", "http: server gave HTTP response to HTTPS client", `add it to rancher.docker.insecure_registry`},
		{compose.System, "reg:5000/app:2", "failed to resolve reference: not found", `registry reg:5000 has no reg:5000/app:2`},
		{compose.System, "reg:5000/app", "no matching manifest for linux/amd64 in the manifest list entries", `for other machines`},
		{compose.System, "reg:5000/app", "proxyconnect tcp: dial tcp: connection refused", `check rancher.network.http_proxy`},
		{compose.System, "reg:5000/app", "dial tcp: lookup reg: no such host", `registry reg:5000 cannot be reached`},
	} {
		auth, err := credentials(c.ref, auths())
		if err != nil {
			t.Fatal(err)
		}
		told := errors.New("Error response from daemon: " + c.told)
		got := refusal{scope: c.scope, ref: c.ref, auth: auth.key}.explain(told)
		if !strings.HasPrefix(got.Error(), c.told+"; ") || !strings.Contains(got.Error(), c.has) || !errors.Is(got, told) {
			t.Errorf("%s: %q does not say %q", c.ref, got, c.has)
		}
	}
	full := errors.New("no space left on device")
	if got := (refusal{ref: "app"}).explain(full); got.Error() != full.Error() {
		t.Errorf("got %q", got)
	}
}

func TestAnImageWithoutTheMachinesRegistryIsTagged(t *testing.T) {
	const prefixed = "reg.lan/rancher/os-x:1"
	for name, c := range map[string]struct {
		domain string
		tagged bool
	}{
		"of this registry": {"reg.lan", true},
		"of another":       {"reg", false},
		"of Docker Hub":    {"docker.io", false},
		"of none":          {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.images["rancher/os-x:1"] = "sha256:local"
			f.answers["POST /images/rancher/os-x:1/tag"] = answer{http.StatusCreated, ``}
			f.bringing(prefixed)
			if err := pulls(t, f, Options{Domain: func() string { return c.domain }}, prefixed); err != nil {
				t.Fatal(err)
			}
			calls := f.asked()
			if slices.Contains(calls, "POST /images/rancher/os-x:1/tag") != c.tagged ||
				slices.Contains(calls, "POST /images/create") == c.tagged {
				t.Errorf("the daemon was asked %v", calls)
			}
		})
	}
}

func TestAnImageThatIsThereIsPulledAgainAndNotTagged(t *testing.T) {
	f := newFakeDaemon(t)
	f.images["reg.lan/x:1"], f.images["x:1"] = "sha256:old", "sha256:other"
	f.bringing("reg.lan/x:1")
	if err := pulls(t, f, Options{Domain: func() string { return "reg.lan" }}, "reg.lan/x:1"); err != nil {
		t.Fatal(err)
	}
	if calls := f.asked(); !slices.Contains(calls, "POST /images/create") {
		t.Errorf("the daemon was asked %v", calls)
	}
}

func TestAPullWaitsForPreloadedImages(t *testing.T) {
	f := newFakeDaemon(t)
	waited := Options{BeforePull: func(context.Context, compose.Scope) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.images["web:1"] = "sha256:preloaded"
		return nil
	}}
	if err := pulls(t, f, waited, "web:1"); err != nil {
		t.Fatal(err)
	}
	if calls := f.asked(); slices.Contains(calls, "POST /images/create") {
		t.Errorf("the daemon was asked %v", calls)
	}
	delete(f.images, "web:1")
	waited.BeforePull = func(context.Context, compose.Scope) error { return context.DeadlineExceeded }
	if err := pulls(t, f, waited, "web:1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait that ends too late: %v", err)
	}
}
