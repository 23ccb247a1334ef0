//go:build dockerd

package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
)

// restAfter is how long after a convergence a controller is at rest for certain.
const restAfter = 12 * time.Second

// BenchmarkMemory is what a controller holds in memory when it has converged, when
// it has come to rest after that, after it was woken half as often as it is to be,
// and at the end.
func BenchmarkMemory(b *testing.B) {
	r := newRig(b)
	size := upTo(b, 100)
	b.Run(fmt.Sprint(size), func(b *testing.B) {
		p := r.spawn(b, size)
		busy := p.memory(b)
		first := p.memoryAtRest(b)
		p.wakeUntil(b, r.docker, size, *wakes/2)
		half := p.memoryAtRest(b)
		p.wakeUntil(b, r.docker, size, *wakes)
		last := p.memoryAtRest(b)
		b.ReportMetric(busy.resident, "busy-MB")
		b.ReportMetric(busy.anonymous, "anonymous-busy-MB")
		b.ReportMetric(first.resident, "resident-MB")
		b.ReportMetric(first.anonymous, "anonymous-MB")
		b.ReportMetric(last.resident, "after-MB")
		b.ReportMetric(last.anonymous, "anonymous-after-MB")
		b.ReportMetric(last.most, "most-MB")
		b.ReportMetric(last.resident/half.resident, "after/half")
		noTime(b)
		r.running(b, size)
	})
}

func (p *process) memoryAtRest(b *testing.B) memory {
	b.Helper()
	<-time.After(restAfter)
	return p.memory(b)
}

// eventEvery is every how many wakes a container says something, which the
// controller answers by looking. Others are a user who wants what is there: they
// cost a plan, and let many be made in a short time.
const eventEvery = 25

// wakeUntil wakes the controller until it was woken so often in all.
func (p *process) wakeUntil(b *testing.B, docker *client.Client, size, times int) {
	b.Helper()
	for i := 0; ; i++ {
		name := serviceName(i % size)
		if err := p.Start(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		if i%eventEvery != 0 {
			continue
		}
		if _, err := docker.ContainerUpdate(b.Context(), name, container.UpdateConfig{}); err != nil {
			b.Fatal(err)
		}
		if p.woken(b) >= times {
			break
		}
	}
	p.settle(b)
}

// BenchmarkIdle is what a controller costs while nothing happens.
func BenchmarkIdle(b *testing.B) {
	r := newRig(b)
	size := upTo(b, 50)
	b.Run(fmt.Sprint(size), func(b *testing.B) {
		p := r.spawn(b, size)
		<-time.After(restAfter)
		before := p.processor(b)
		<-time.After(*idle)
		used := p.processor(b) - before
		b.ReportMetric(used.Seconds()*1e3/idle.Minutes(), "ms/minute")
		noTime(b)
	})
}
