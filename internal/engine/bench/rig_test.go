//go:build dockerd

package bench_test

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"github.com/ros-os/ros/internal/engine/dockerdtest"
)

// patience is how long anything may take.
const patience = 2 * time.Minute

// rig is the two daemons of a machine, and what belongs to its controller.
type rig struct {
	dir          string // in memory: the disk's speed is not what is measured
	system, user *dockerdtest.Daemon
	docker       *client.Client // of the system's daemon, past the controller
}

// newRig starts the daemons. The image is loaded, as it is on a machine that has
// booted before.
func newRig(b *testing.B) *rig {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "ros-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	r := &rig{
		dir:    dir,
		system: dockerdtest.Start(b, dockerdtest.Options{}),
		user:   dockerdtest.Start(b, dockerdtest.Options{}),
	}
	r.docker = r.system.Client(b)
	dockerdtest.Images(b, r.images())
	archive, err := os.Open(r.images() + "/test.tar")
	if err != nil {
		b.Fatal(err)
	}
	defer archive.Close()
	loaded, err := r.docker.ImageLoad(b.Context(), archive)
	if err != nil {
		b.Fatal(err)
	}
	defer loaded.Body.Close()
	if _, err := io.Copy(io.Discard, loaded.Body); err != nil {
		b.Fatal(err)
	}
	return r
}

func (r *rig) images() string { return r.dir + "/images" }

// folder is a new folder in memory.
func (r *rig) folder(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp(r.dir, "")
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// clean removes all containers.
func (r *rig) clean(b *testing.B) {
	b.Helper()
	all, err := r.docker.ContainerList(b.Context(), container.ListOptions{All: true})
	if err != nil {
		b.Fatal(err)
	}
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(8)
	for _, c := range all {
		group.Go(func() error { return remove(ctx, r.docker, c.ID) })
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func remove(ctx context.Context, api *client.Client, name string) error {
	return api.ContainerRemove(ctx, name, container.RemoveOptions{Force: true})
}

// running looks that so many containers run, and no others are there.
func (r *rig) running(b *testing.B, want int) {
	b.Helper()
	for _, state := range []string{"", container.StateRunning} {
		o := container.ListOptions{All: true}
		if state != "" {
			o.Filters = filters.NewArgs(filters.Arg("status", state))
		}
		all, err := r.docker.ContainerList(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		if len(all) != want {
			b.Fatalf("there are %d containers %s instead of %d", len(all), state, want)
		}
	}
}
