//go:build dockerd

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

func forced() image.RemoveOptions { return image.RemoveOptions{Force: true} }

// rounds is how many pairs are run at least: the host's speed drifts, so what
// counts is the median of the ratios within pairs.
const rounds = 5

// BenchmarkConverge creates and starts ten services at the same time, and
// compares that with the floor: the same calls made directly.
func BenchmarkConverge(b *testing.B) {
	d := startPrivate(b)
	e := d.engine(b)
	names := make([]string, 10)
	project := compose.Project{Name: "ros", Services: map[string]compose.Service{}}
	for i := range names {
		names[i] = fmt.Sprintf("s%d", i)
		project.Services[names[i]] = service(names[i], types.ServiceConfig{
			Image: testImage, NetworkMode: "host", Command: types.ShellCommand{"sleep", "1000"},
		})
	}
	load := step(plan.Load, "s0")
	load.Image = testImage
	if err := e.Do(b.Context(), load, project.Services["s0"]); err != nil {
		b.Fatal(err)
	}
	e.daemons[compose.System].seen.follow(true)
	if d := e.Observe(b.Context(), compose.System, project, true); !d.Available {
		b.Fatal(d.Err)
	}
	ours := func(ctx context.Context, name string) error {
		svc := project.Services[name]
		if err := e.Do(ctx, step(plan.Create, name), svc); err != nil {
			return err
		}
		return e.Do(ctx, step(plan.Start, name), svc)
	}
	client := d.daemon(b)
	floor := func(ctx context.Context, name string) error {
		made, err := client.api().ContainerCreate(ctx,
			&container.Config{Image: testImage, Cmd: []string{"sleep", "1000"}},
			&container.HostConfig{NetworkMode: "host"}, nil, nil, name)
		if err != nil {
			return err
		}
		return client.api().ContainerStart(ctx, made.ID, container.StartOptions{})
	}
	var floors, ourses, ratios []float64
	b.ResetTimer()
	for i := range max(rounds, b.N) {
		pair := [2]func(context.Context, string) error{floor, ours}
		var took [2]float64
		for _, k := range []int{i % 2, 1 - i%2} { // who goes first alternates
			took[k] = inParallel(b, names, pair[k]).Seconds()
			inParallel(b, names, client.remove)
		}
		floors, ourses = append(floors, took[0]), append(ourses, took[1])
		ratios = append(ratios, took[1]/took[0])
	}
	b.ReportMetric(median(floors), "floor-s")
	b.ReportMetric(median(ourses), "converge-s")
	b.ReportMetric(median(ratios), "ratio")
}

// inParallel does something with all names at the same time.
func inParallel(b *testing.B, names []string, do func(context.Context, string) error) time.Duration {
	b.Helper()
	begun := time.Now()
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { errs[i] = do(b.Context(), name) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
