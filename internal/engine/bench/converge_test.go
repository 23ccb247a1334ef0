//go:build dockerd

package bench_test

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkConverge converges from nothing: a controller that starts, until it
// says that everything is ready; and Compose, until its process ends.
func BenchmarkConverge(b *testing.B) {
	r := newRig(b)
	compose := r.newComposer(b)
	for _, size := range chosen(b) {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			alone := func(do func(b *testing.B) time.Duration) func(*testing.B, int) time.Duration {
				return func(b *testing.B, _ int) time.Duration {
					b.Helper()
					took := do(b)
					r.running(b, size)
					r.clean(b)
					return took
				}
			}
			writeProject(b, compose.file, size, nobody)
			compete(b,
				entrant{"floor", alone(func(b *testing.B) time.Duration { return r.floor(b, size) })},
				entrant{"ours", alone(func(b *testing.B) time.Duration { return r.converge(b, size) })},
				entrant{"compose", alone(compose.time)},
			)
		})
	}
}

// converge runs a controller until it has converged.
func (r *rig) converge(b *testing.B, size int) time.Duration {
	b.Helper()
	s := r.settings(b)
	writeProject(b, s.config(), size, nobody)
	begin := time.Now()
	c := start(b, s)
	c.settle(b)
	took := time.Since(begin)
	c.stop()
	return took
}

// time is how long it takes to make what runs be what the file says.
func (c *composer) time(b *testing.B) time.Duration {
	b.Helper()
	took, _ := c.up(b)
	return took
}

// BenchmarkChange changes one service of a project that runs. The floor removes,
// creates and starts a container among as many others.
func BenchmarkChange(b *testing.B) {
	r := newRig(b)
	compose := r.newComposer(b)
	size := upTo(b, 50)
	s := r.settings(b)
	writeProject(b, s.config(), size, nobody)
	ours := start(b, s)
	ours.settle(b)
	writeProject(b, compose.file, size, nobody)
	compose.time(b)
	r.floor(b, 1)
	b.Run(fmt.Sprint(size), func(b *testing.B) {
		compete(b,
			entrant{"floor", func(b *testing.B, _ int) time.Duration {
				begin := time.Now()
				if err := remove(b.Context(), r.docker, floorName+serviceName(0)); err != nil {
					b.Fatal(err)
				}
				r.floor(b, 1)
				return time.Since(begin)
			}},
			entrant{"ours", func(b *testing.B, round int) time.Duration {
				writeProject(b, s.config(), size, round)
				before := r.id(b, serviceName(0))
				begin := time.Now()
				ours.Reload()
				ours.settle(b)
				took := time.Since(begin)
				if r.id(b, serviceName(0)) == before {
					b.Fatal("the service was not replaced")
				}
				return took
			}},
			entrant{"compose", func(b *testing.B, round int) time.Duration {
				writeProject(b, compose.file, size, round)
				return compose.time(b)
			}})
		r.running(b, 2*size+1)
	})
}

// id is that of a container.
func (r *rig) id(b *testing.B, name string) string {
	b.Helper()
	c, err := r.docker.ContainerInspect(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	return c.ID
}
