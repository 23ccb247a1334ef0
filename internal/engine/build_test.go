package engine

import (
	"bytes"
	"os"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	clitypes "github.com/docker/cli/cli/config/types"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
)

func TestBuildsAreOneForEachProjectAndDocker(t *testing.T) {
	make := func(scope compose.Scope, project, of, name string, built bool) compose.Service {
		svc := service(name, types.ServiceConfig{Image: of})
		svc.Scope, svc.Project, svc.Of = scope, project, of
		if built {
			svc.Spec.Build = &types.BuildConfig{Context: "/" + of}
			svc.BuildSecrets = map[string]types.SecretConfig{of: {File: "/etc/" + of}}
		}
		return svc
	}
	var got []string
	for _, job := range builds([]compose.Service{
		make(compose.User, "shop", "web", "shop-web-1", true), make(compose.User, "shop", "web", "shop-web-2", true),
		make(compose.User, "shop", "db", "shop-db-1", false), make(compose.User, "shop", "api", "shop-api-1", true),
		make(compose.User, "", "web", "web", true), make(compose.System, "", "web", "web", true),
	}) {
		line := string(job.scope) + " " + job.project.Name
		for _, name := range job.project.ServiceNames() {
			spec := job.project.Services[name]
			line += " " + spec.Name + " from " + spec.Build.Context + " with " + job.project.Secrets[name].File
		}
		got = append(got, line)
	}
	want := []string{
		"system ros web from /web with /etc/web", "user ros web from /web with /etc/web",
		"user shop api from /api with /etc/api web from /web with /etc/web",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCredentialsOfABuildAreByHost(t *testing.T) {
	got, err := buildAuths(map[string]cloudconfig.Auth{
		"https://reg.example.com/v2/": {Username: "a", Password: "b"},
		"reg.example.com":             {Auth: "dTpw"}, // u:p, and ranks first
		"docker.io":                   {IdentityToken: "t"},
	})
	want := map[string]clitypes.AuthConfig{
		"reg.example.com": {Username: "u", Password: "p", ServerAddress: "reg.example.com"},
		hubAddress:        {IdentityToken: "t", ServerAddress: hubAddress},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if _, err := buildAuths(map[string]cloudconfig.Auth{"x": {Auth: "?"}}); err == nil {
		t.Error("what is no credential is used")
	}
}

func TestTheSettingsOfABuildAreTakenBack(t *testing.T) {
	t.Setenv(bakeVariable, "perhaps")
	var out bytes.Buffer
	logrus.SetOutput(&out)
	defer logrus.SetOutput(os.Stderr)
	restore := ownBuilder()
	if got := os.Getenv(bakeVariable); got != "false" {
		t.Errorf("%s is %q", bakeVariable, got)
	}
	logrus.Warn(bakeVariable + "=false is deprecated")
	if out.Len() > 0 {
		t.Errorf("it warns of itself: %s", out.String())
	}
	logrus.Warn("something else")
	restore()
	if out.Len() == 0 || os.Getenv(bakeVariable) != "perhaps" || logrus.StandardLogger().Out != &out {
		t.Errorf("%q, %s, %v", out.String(), os.Getenv(bakeVariable), logrus.StandardLogger().Out)
	}
	if _, set := os.LookupEnv("BUILDX_NO_DEFAULT_ATTESTATIONS"); set {
		t.Error("a variable is left")
	}
}

func TestABuildOfNothingAsksNobody(t *testing.T) {
	f := newFakeDaemon(t)
	f.images["there:1"] = "sha256:1"
	e := f.engine(t, Options{})
	svc := service("web", types.ServiceConfig{Image: "there:1", Build: &types.BuildConfig{Context: "/nowhere"}})
	svc.Scope = compose.System
	if err := e.Build(t.Context(), []compose.Service{svc}, BuildOptions{Missing: true}); err != nil {
		t.Error(err)
	}
	if got := f.asked(); len(got) != 1 || got[0] != "GET /images/there:1/json" {
		t.Errorf("asked %q", got)
	}
	svc.Scope = "none"
	for _, o := range []BuildOptions{{}, {Missing: true}} {
		if err := e.Build(t.Context(), []compose.Service{svc}, o); err == nil {
			t.Error("there is a third daemon")
		}
	}
}
