package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"github.com/ros-os/ros/compose"
)

// pull fetches an image from its registry. What the daemon has by then under the
// name without the machine's own registry takes its place, and so does what was
// preloaded.
func (e *Engine) pull(ctx context.Context, d *daemon, scope compose.Scope, ref, platform string) error {
	way, end := d.under.begin(ref)
	defer end()
	defer d.seen.touchImages()
	have, err := d.look(ctx, ref)
	if err != nil {
		return err
	}
	if have.id == "" {
		found, err := e.atHand(ctx, d, scope, ref, way)
		if err != nil || found {
			return err
		}
	}
	auth, err := credentials(ref, e.auths())
	if err != nil {
		return err
	}
	options := image.PullOptions{RegistryAuth: auth.encoded, Platform: platform}
	err = d.under.unlessStalled(ctx, way, func(ctx context.Context) error { return d.fetch(ctx, ref, options, way) })
	if err != nil {
		return refusal{scope: scope, ref: ref, auth: auth.key}.explain(err)
	}
	return nil
}

// fetch is one pull by the daemon.
func (d *daemon) fetch(ctx context.Context, ref string, o image.PullOptions, way *transfer) error {
	progress, err := d.api().ImagePull(ctx, ref, o)
	if err != nil {
		return err
	}
	if err := messages(progress, way.note); err != nil {
		return err
	}
	// A stream that ends too early may look like one that has ended.
	got, err := d.look(ctx, ref)
	if err == nil && got.id == "" {
		err = errors.New("the daemon has stopped before the image was there")
	}
	if err == nil {
		d.countRest(ctx, ref, way)
	}
	return err
}

// atHand says whether an image that the daemon lacked can be had without its
// registry.
func (e *Engine) atHand(ctx context.Context, d *daemon, scope compose.Scope, ref string, way *transfer) (bool, error) {
	if e.beforePull != nil {
		way.enter("waiting for preloaded images")
		if err := e.beforePull(ctx, scope); err != nil {
			return false, fmt.Errorf("cannot wait for preloaded images: %w", err)
		}
		way.enter("")
		if have, err := d.look(ctx, ref); err != nil || have.id != "" {
			return err == nil, err
		}
	}
	plain, ok := withoutDomain(ref, e.domain())
	if !ok {
		return false, nil
	}
	err := d.tag(ctx, plain, ref)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// withoutDomain is a reference to the machine's own registry without that
// registry: what images are called that were loaded, not pulled.
func withoutDomain(ref, domain string) (plain string, ok bool) {
	if domain == "" || domain == dockerHub {
		return "", false
	}
	plain, ok = strings.CutPrefix(ref, strings.TrimSuffix(domain, "/")+"/")
	return plain, ok && plain != ""
}
