package servicectl_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
)

// At rest is after something was done, once; and never while a step is made.
func TestAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := enginetest.New()
		var rests atomic.Int64
		fake.Latency = 12 * time.Second
		load := &loader{}
		load.set(svc("ntp", "ros/base:1"))
		c := servicectl.New(servicectl.Options{Engine: fake, Loader: load, AtRest: func() { rests.Add(1) }})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		want := func(n int64, when string) {
			t.Helper()
			if got := rests.Load(); got != n {
				t.Errorf("%s: %d times at rest, not %d", when, got, n)
			}
		}
		after(35 * time.Second)
		want(0, "while the image is loaded and the container created and started")
		after(10 * time.Second)
		want(1, "afterwards")
		after(4 * time.Minute)
		want(1, "while nothing happens")
		c.Reload()
		after(10 * time.Second)
		want(2, "after another reading of the configuration")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
