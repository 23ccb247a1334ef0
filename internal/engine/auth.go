package engine

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/registry"

	"github.com/ros-os/ros/cloudconfig"
)

// dockerHub is how a registry of that name is called in references, and hubAddress
// what Docker's own programs call it in credentials.
const (
	dockerHub  = "docker.io"
	hubAddress = "https://index.docker.io/v1/"
)

// DockerAuths are the credentials in a config.json of Docker's command line, as
// `docker login` writes it, by registry. There are none without the file. Those
// that a credential helper keeps are not read: there are no helpers here.
func DockerAuths(path string) (map[string]cloudconfig.Auth, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the credentials of docker login: %w", err)
	}
	auths, err := parseDockerAuths(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the credentials of docker login: %w", err)
	}
	return auths, nil
}

func parseDockerAuths(text []byte) (map[string]cloudconfig.Auth, error) {
	var file struct {
		Auths map[string]registry.AuthConfig `json:"auths"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, errors.New("this is not JSON as Docker writes it") // the text may be secret
	}
	out := make(map[string]cloudconfig.Auth, len(file.Auths))
	for key, a := range file.Auths {
		auth := cloudconfig.Auth{
			Username: a.Username, Password: a.Password, Auth: a.Auth, ServerAddress: a.ServerAddress,
			IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
		}
		if auth != (cloudconfig.Auth{ServerAddress: a.ServerAddress}) { // else a helper has it
			out[key] = auth
		}
	}
	return out, nil
}

// credential is what is sent along when an image is pulled.
type credential struct {
	key     string // under which it was written; empty: there is none
	encoded string
}

// credentials returns what to send along when an image is pulled: nothing when
// there is no credential of its registry.
func credentials(ref string, auths map[string]cloudconfig.Auth) (credential, error) {
	host, err := hostOf(ref)
	if err != nil {
		return credential{}, err
	}
	key, found := keyOf(host, auths)
	if !found {
		return credential{}, nil
	}
	c, err := authConfig(auths[key])
	if err != nil {
		return credential{}, fmt.Errorf("cannot use the credentials of registry %s: %w", key, err)
	}
	// The daemon sends them to this host alone, whatever the address in the
	// configuration looks like.
	if c.ServerAddress = host; host == dockerHub {
		c.ServerAddress = hubAddress
	}
	encoded, err := registry.EncodeAuthConfig(c)
	return credential{key, encoded}, err
}

// hostOf is the registry of a reference.
func hostOf(ref string) (string, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", err
	}
	return reference.Domain(named), nil
}

// keyOf is the key of a registry's credential: the host itself first, then what
// means it, then what has its address.
func keyOf(host string, auths map[string]cloudconfig.Auth) (string, bool) {
	if _, ok := auths[host]; ok {
		return host, true
	}
	keys := slices.Sorted(maps.Keys(auths))
	for _, means := range []func(key string) bool{
		func(key string) bool { return registryHost(key) == host },
		func(key string) bool { return registryHost(auths[key].ServerAddress) == host },
	} {
		if i := slices.IndexFunc(keys, means); i >= 0 {
			return keys[i], true
		}
	}
	return "", false
}

// WithDockerAuths are the credentials of the configuration and, for registries
// that it has none of, those of docker login.
func WithDockerAuths(own, login map[string]cloudconfig.Auth) map[string]cloudconfig.Auth {
	out := make(map[string]cloudconfig.Auth, len(own)+len(login))
	for key, a := range login {
		if _, known := keyOf(registryHost(key), own); !known {
			out[key] = a
		}
	}
	maps.Copy(out, own)
	return out
}

// registryHost reduces what people write for a registry to its host:
// "https://index.docker.io/v1/" is docker.io.
func registryHost(written string) string {
	_, rest, found := strings.Cut(written, "://")
	if !found {
		rest = written
	}
	host, _, _ := strings.Cut(rest, "/")
	switch host {
	case "index.docker.io", "registry-1.docker.io":
		return dockerHub
	}
	return host
}

// authConfig is a credential in Docker's form.
func authConfig(a cloudconfig.Auth) (registry.AuthConfig, error) {
	c := registry.AuthConfig{
		Username:      a.Username,
		Password:      a.Password,
		ServerAddress: a.ServerAddress,
		IdentityToken: a.IdentityToken,
		RegistryToken: a.RegistryToken,
	}
	if a.Auth == "" {
		return c, nil
	}
	text, err := base64.StdEncoding.DecodeString(a.Auth)
	if err != nil {
		return c, errors.New("auth is not base64")
	}
	user, password, ok := strings.Cut(strings.TrimRight(string(text), "\x00"), ":")
	if !ok {
		return c, errors.New("auth is not user:password in base64")
	}
	c.Username, c.Password = user, password
	return c, nil
}
