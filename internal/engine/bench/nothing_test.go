//go:build dockerd

package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// quiet is how long nothing is said before everything counts as said.
const quiet = time.Second

// rechecked is how long after the last change a controller has listed once more.
const rechecked = 6 * time.Second

// BenchmarkIrrelevant makes events that do not matter to a project that runs, and
// counts what the controller asks the daemons because of them.
func BenchmarkIrrelevant(b *testing.B) {
	r := newRig(b)
	size := upTo(b, 50)
	b.Run(fmt.Sprint(size), func(b *testing.B) {
		s := r.settings(b)
		var calls counter
		s.System, s.User = calls.before(b, s.Dir+"/system.sock", s.System), calls.before(b, s.Dir+"/user.sock", s.User)
		writeProject(b, s.config(), size, nobody)
		start(b, s).settle(b)
		messages, failed := r.docker.Events(b.Context(), events.ListOptions{})
		drain(b, messages, failed)
		<-time.After(rechecked) // and the controller comes to rest
		before := calls.Load()
		for range *rounds {
			r.meddle(b)
		}
		said := drain(b, messages, failed)
		b.ReportMetric(float64(said), "events")
		b.ReportMetric(float64(calls.Load()-before), "calls")
		noTime(b)
		r.running(b, size)
		r.clean(b)
	})
}

// drain counts events until nothing is said any more.
func drain(b *testing.B, messages <-chan events.Message, failed <-chan error) int {
	b.Helper()
	for n := 0; ; n++ {
		select {
		case <-messages:
		case err := <-failed:
			b.Fatal(err)
		case <-time.After(quiet):
			return n
		}
	}
}

// meddle does with Docker what somebody else does.
func (r *rig) meddle(b *testing.B) {
	b.Helper()
	const name = "somebody-elses"
	ctx := b.Context()
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	must(r.floorOne(ctx, name))
	must(r.docker.ContainerRename(ctx, name, name+"-too"))
	must(r.docker.ContainerPause(ctx, name+"-too"))
	must(r.docker.ContainerUnpause(ctx, name+"-too"))
	must(remove(ctx, r.docker, name+"-too"))
	_, err := r.docker.NetworkCreate(ctx, name, network.CreateOptions{Driver: "bridge"})
	must(err)
	must(r.docker.NetworkRemove(ctx, name))
	_, err = r.docker.VolumeCreate(ctx, volume.CreateOptions{Name: name})
	must(err)
	must(r.docker.VolumeRemove(ctx, name, true))
}

// BenchmarkNothing looks whether something is to be done when nothing is: one
// container list, a resync of the controller, and Compose.
func BenchmarkNothing(b *testing.B) {
	r := newRig(b)
	compose := r.newComposer(b)
	size := upTo(b, 50)
	s := r.settings(b)
	writeProject(b, s.config(), size, nobody)
	writeProject(b, compose.file, size, nobody)
	compose.time(b)
	ours := start(b, s)
	ours.settle(b)
	b.Run(fmt.Sprint(size), func(b *testing.B) {
		var memory []float64
		compete(b,
			entrant{"list", func(b *testing.B, _ int) time.Duration {
				begin := time.Now()
				if _, err := r.docker.ContainerList(b.Context(), container.ListOptions{All: true}); err != nil {
					b.Fatal(err)
				}
				return time.Since(begin)
			}},
			entrant{"resync", func(b *testing.B, _ int) time.Duration {
				<-time.After(100 * time.Millisecond) // the controller rests after it has looked
				begin := time.Now()
				ours.Reload()
				ours.settle(b)
				return time.Since(begin)
			}},
			entrant{"compose", func(b *testing.B, _ int) time.Duration {
				took, used := compose.up(b)
				memory = append(memory, float64(used)/1e6)
				return took
			}})
		b.ReportMetric(median(memory), "compose-MB")
		r.running(b, 2*size)
	})
}

// BenchmarkHeal removes a service's container by force: how long it takes until
// another one runs, against creating and starting one.
func BenchmarkHeal(b *testing.B) {
	r := newRig(b)
	size := upTo(b, 50)
	s := r.settings(b)
	writeProject(b, s.config(), size, nobody)
	ours := start(b, s)
	ours.settle(b)
	b.Run(fmt.Sprint(size), func(b *testing.B) {
		compete(b,
			entrant{"floor", func(b *testing.B, _ int) time.Duration {
				took := r.floor(b, 1)
				if err := remove(b.Context(), r.docker, floorName+serviceName(0)); err != nil {
					b.Fatal(err)
				}
				return took
			}},
			entrant{"ours", func(b *testing.B, round int) time.Duration {
				took := r.heal(b, serviceName(round%size))
				ours.settle(b)
				return took
			}})
		r.running(b, size)
	})
}
