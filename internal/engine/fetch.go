package engine

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"github.com/ros-os/ros/cloudconfig"
)

// load loads a system image, unless the daemon has it.
func (e *Engine) load(ctx context.Context, d *daemon, ref string) error {
	system, ok, err := e.images.lookUp(ref)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the machine has no such image in %s", e.images.dir)
	}
	have, err := d.resolve(ctx, ref)
	if err != nil {
		return err
	}
	if have.id != "" && e.images.current(ref, have) {
		return nil
	}
	file, err := os.Open(filepath.Join(e.images.dir, system.File))
	if err != nil {
		return err
	}
	defer file.Close()
	err = d.upload(ctx, file)
	d.seen.touchImages()
	if err != nil {
		return err
	}
	loaded, err := d.look(ctx, ref)
	if err != nil {
		return err
	}
	if !system.is(loaded) {
		return fmt.Errorf("%s holds image %s, not %s", system.File, cmp.Or(loaded.id, "none"), system.ID)
	}
	return nil
}

// upload gives the daemon an archive of images.
func (d *daemon) upload(ctx context.Context, archive io.Reader) error {
	r, err := d.api().ImageLoad(ctx, archive)
	if err != nil {
		return err
	}
	return drain(r.Body)
}

// pull fetches an image from its registry.
func (e *Engine) pull(ctx context.Context, d *daemon, ref, platform string) error {
	auth, err := credentials(ref, e.auths())
	if err != nil {
		return err
	}
	defer d.seen.touchImages()
	progress, err := d.api().ImagePull(ctx, ref, image.PullOptions{RegistryAuth: auth, Platform: platform})
	if err != nil {
		return err
	}
	return drain(progress)
}

// drain reads a stream of progress to its end, and returns the error it tells.
func drain(progress io.ReadCloser) error {
	defer progress.Close()
	for messages := json.NewDecoder(progress); ; {
		var m struct {
			Error       string `json:"error"`
			ErrorDetail struct {
				Message string `json:"message"`
			} `json:"errorDetail"`
		}
		err := messages.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("cannot read the daemon's progress: %w", err)
		case m.ErrorDetail.Message != "":
			return errors.New(m.ErrorDetail.Message)
		case m.Error != "":
			return errors.New(m.Error)
		}
	}
}

// credentials returns what to send along when an image is pulled: nothing when
// there is no credential of its registry.
func credentials(ref string, auths map[string]cloudconfig.Auth) (string, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", err
	}
	host := reference.Domain(named)
	for key, a := range auths {
		if registryHost(key) != host && registryHost(a.ServerAddress) != host {
			continue
		}
		c, err := authConfig(a)
		if err != nil {
			return "", fmt.Errorf("cannot use the credentials of registry %s: %w", key, err)
		}
		return registry.EncodeAuthConfig(c)
	}
	return "", nil
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
		return "docker.io"
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
