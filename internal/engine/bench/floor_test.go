//go:build dockerd

package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"github.com/ros-os/ros/internal/engine/dockerdtest"
)

// floorName is the prefix of the containers that the floor makes.
const floorName = "floor-"

// floor makes and starts so many containers: only the calls that nobody can do
// without, all at the same time, over one client.
func (r *rig) floor(b *testing.B, size int) time.Duration {
	b.Helper()
	begin := time.Now()
	group, ctx := errgroup.WithContext(b.Context())
	for i := range size {
		group.Go(func() error { return r.floorOne(ctx, floorName+serviceName(i)) })
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// floorOne makes and starts one container.
func (r *rig) floorOne(ctx context.Context, name string) error {
	made, err := r.docker.ContainerCreate(ctx,
		&container.Config{Image: dockerdtest.Image, Cmd: []string{mainOf, mainArg}, StopSignal: stopSignal},
		&container.HostConfig{NetworkMode: "host"}, nil, nil, name)
	if err != nil {
		return err
	}
	return r.docker.ContainerStart(ctx, made.ID, container.StartOptions{})
}
