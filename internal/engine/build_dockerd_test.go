//go:build dockerd

package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// buildContext makes a folder to build from.
func buildContext(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// hello puts a program that needs nothing into a folder.
func hello(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "hello"), "./testdata/hello")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func (r *live) builds(o BuildOptions, services ...compose.Service) {
	r.Helper()
	if err := r.engine.Build(r.Context(), services, o); err != nil {
		r.Fatal(err)
	}
}

func (r *live) imageID(ref string) string {
	r.Helper()
	facts, err := r.engine.daemons[compose.System].look(r.Context(), ref)
	if err != nil {
		r.Fatal(err)
	}
	return facts.id
}

func TestRealImagesAreBuilt(t *testing.T) {
	r := newLive(t)
	dir := buildContext(t, map[string]string{
		"Dockerfile":    "FROM scratch\nARG SAID=nothing\nCOPY hello /\nCOPY said /said\nLABEL said=$SAID\nCMD [\"/hello\"]\n",
		"said":          "hello from a build",
		".dockerignore": "left-out\n",
	})
	hello(t, dir)
	said := "so"
	svc := r.wants("hello", types.ServiceConfig{
		Image: "ros-hello", Build: &types.BuildConfig{Context: dir, Args: types.MappingWithEquals{"SAID": &said}},
	})
	svc.Of = "hello"
	r.builds(BuildOptions{Quiet: true}, svc, svc)
	first := r.imageID("ros-hello")
	if first == "" {
		t.Fatal("there is no image")
	}
	image, err := r.daemon.Client(t).ImageInspect(t.Context(), "ros-hello")
	if err != nil || image.Config.Labels["said"] != "so" {
		t.Errorf("labels %v, %v", image.Config.Labels, err)
	}
	r.do(svc, step(plan.Create, "hello"), step(plan.Start, "hello"))
	c := r.sees("running", "hello", running)
	r.logs(c.ID, "hello from a build")

	began := time.Now()
	r.builds(BuildOptions{Quiet: true}, svc)
	if got := r.imageID("ros-hello"); got != first {
		t.Errorf("the same build makes another image, %s and not %s", got, first)
	}
	t.Logf("from the cache: %s", time.Since(began))
	if err := os.WriteFile(filepath.Join(dir, "said"), []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.builds(BuildOptions{Quiet: true}, svc)
	if r.imageID("ros-hello") == first {
		t.Error("what has changed makes no other image")
	}
}

// TestRealBuildsUseWhatComposeKnows builds with a target, an argument, a secret, an
// image that is there, another service's image, and a second tag.
func TestRealBuildsUseWhatComposeKnows(t *testing.T) {
	r := newLive(t)
	load := step(plan.Load, "base")
	load.Image = testImage
	r.do(service("base", types.ServiceConfig{}), load)
	dir := buildContext(t, map[string]string{
		"Other": "FROM " + testImage + " AS first\nRUN --mount=type=secret,id=key [\"cat\", \"/run/secrets/key\"]\nRUN [\"touch\", \"/tmp/made\"]\n" +
			"FROM first AS last\nRUN [\"touch\", \"/tmp/last\"]\n",
		"secret": "hidden",
	})
	base := service("base", types.ServiceConfig{Image: "ros-base", Build: &types.BuildConfig{
		Context: dir, Dockerfile: "Other", Target: "first", Tags: types.StringList{"ros-base:2"}, Secrets: []types.ServiceSecretConfig{{Source: "key"}},
	}})
	base.Of, base.BuildSecrets = "base", map[string]types.SecretConfig{"key": {File: filepath.Join(dir, "secret")}}
	above := service("above", types.ServiceConfig{Image: "ros-above", Build: &types.BuildConfig{
		DockerfileInline: "FROM below\nRUN [\"cat\", \"/tmp/made\"]\n", Context: dir, AdditionalContexts: types.Mapping{"below": "service:base"},
	}})
	above.Of = "above"
	r.builds(BuildOptions{NoCache: true, Quiet: true}, above, base)
	for _, ref := range []string{"ros-base", "ros-base:2", "ros-above"} {
		if r.imageID(ref) == "" {
			t.Errorf("there is no %s", ref)
		}
	}
	before := r.imageID("ros-base")
	r.builds(BuildOptions{NoCache: true, Missing: true, Quiet: true}, base, above)
	if r.imageID("ros-base") != before {
		t.Error("what was there was built")
	}
	r.builds(BuildOptions{Quiet: true}, base)
	if r.imageID("ros-base") != before {
		t.Error("the cache was not used")
	}

	bad := service("bad", types.ServiceConfig{Image: "ros-bad", Build: &types.BuildConfig{Context: dir, DockerfileInline: "FROM " + testImage + "\nRUN [\"nothing\"]\n"}})
	bad.Of, bad.Project = "bad", "other"
	absent := service("absent", types.ServiceConfig{Image: "x", Build: &types.BuildConfig{Context: filepath.Join(dir, "absent")}})
	absent.Of, absent.Project = "absent", "third"
	err := r.engine.Build(t.Context(), []compose.Service{bad, absent, base}, BuildOptions{Quiet: true})
	for _, says := range []string{"cannot build bad: ", "nothing", "cannot build absent: ", "not found"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
	t.Log(err)
}
