package engine

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/registry"

	"github.com/ros-os/ros/cloudconfig"
)

func TestCredentialsGoToTheirRegistryOnly(t *testing.T) {
	both := base64.StdEncoding.EncodeToString([]byte("me:pass:word"))
	auths := map[string]cloudconfig.Auth{
		"https://index.docker.io/v1/": {Auth: both},
		"registry.example.com:5000":   {Username: "you", Password: "secret"},
		"other":                       {Username: "they", ServerAddress: "https://quay.io"},
		"a.quay":                      {Username: "wrong", ServerAddress: "https://b.quay"},
		"b.quay":                      {Username: "right", ServerAddress: "elsewhere"},
	}
	cases := map[string]struct{ ref, user, password, address string }{
		"Docker Hub without a host": {"alpine", "me", "pass:word", "https://index.docker.io/v1/"},
		"Docker Hub with one":       {"docker.io/me/app:1", "me", "pass:word", "https://index.docker.io/v1/"},
		"a registry with a port":    {"registry.example.com:5000/app", "you", "secret", "registry.example.com:5000"},
		"by the server's address":   {"quay.io/app", "they", "", "quay.io"},
		"the key before an address": {"b.quay/app", "right", "", "b.quay"},
		"none":                      {"ghcr.io/app", "", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			sent, err := credentials(c.ref, auths)
			if err != nil {
				t.Fatal(err)
			}
			got, err := registry.DecodeAuthConfig(sent.encoded)
			if err != nil {
				t.Fatal(err)
			}
			if got.Username != c.user || got.Password != c.password || got.ServerAddress != c.address {
				t.Errorf("got %s:%s for %s", got.Username, got.Password, got.ServerAddress)
			}
			if (sent.key == "") != (c.user == "") {
				t.Errorf("the credential is called %q", sent.key)
			}
		})
	}
}

func TestBrokenCredentialsAreToldWithoutTheirValue(t *testing.T) {
	for _, secret := range []string{"%secret%", base64.StdEncoding.EncodeToString([]byte("secret"))} {
		_, err := credentials("alpine", map[string]cloudconfig.Auth{"docker.io": {Auth: secret}})
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), secret) {
			t.Errorf("got %v", err)
		}
	}
}

func TestCredentialsOfDockerLoginFillUpTheConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if got, err := DockerAuths(path); got != nil || err != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
	text := `{"auths": {
		"https://index.docker.io/v1/": {"auth": "bG9naW46aHVi"},
		"registry.example.com:5000": {"auth": "bG9naW46b3du"},
		"helped.example.com": {}
	}, "credsStore": "desktop"}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	login, err := DockerAuths(path)
	if err != nil {
		t.Fatal(err)
	}
	auths := WithDockerAuths(map[string]cloudconfig.Auth{"docker.io": {Username: "own"}}, login)
	for ref, want := range map[string]string{
		"alpine": "own", "registry.example.com:5000/app": "login", "helped.example.com/app": "",
	} {
		sent, err := credentials(ref, auths)
		if err != nil {
			t.Fatal(err)
		}
		got, err := registry.DecodeAuthConfig(sent.encoded)
		if err != nil || got.Username != want {
			t.Errorf("%s: got %q, %v", ref, got.Username, err)
		}
	}
	if err := os.WriteFile(path, []byte(`{"auths": "secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := DockerAuths(path); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("of a broken file it says %v", err)
	}
}

func FuzzDockerAuths(f *testing.F) {
	f.Add([]byte(`{"auths": {"a": {"auth": "bTpw"}, "b": {"identitytoken": "x"}}}`))
	f.Add([]byte(`{"auths": null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		auths, err := parseDockerAuths(text)
		for key, a := range auths {
			if err != nil || a == (cloudconfig.Auth{}) {
				t.Errorf("%q: %+v, %v", key, a, err)
			}
			if _, err := authConfig(a); err != nil && a.Auth != "" && strings.Contains(err.Error(), a.Auth) && len(a.Auth) > 40 {
				t.Errorf("the error tells the secret: %v", err)
			}
		}
	})
}
