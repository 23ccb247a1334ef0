//go:build dockerd

package engine

import (
	"syscall"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/engine/dockerdtest"
)

// testImage is the system image of these tests.
const testImage = dockerdtest.Image

// privateDaemon is a Docker daemon of a test's own.
type privateDaemon struct{ *dockerdtest.Daemon }

// startPrivate starts a daemon, which ends with the test and leaves nothing.
func startPrivate(tb testing.TB) *privateDaemon {
	tb.Helper()
	return &privateDaemon{dockerdtest.Start(tb, dockerdtest.Options{})}
}

func pause(d time.Duration) { <-time.After(d) }

// start starts the daemon's process anew and waits until it answers.
func (d *privateDaemon) start(tb testing.TB) {
	tb.Helper()
	d.Launch(tb)
}

// signal ends the daemon's process.
func (d *privateDaemon) signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	d.Signal(tb, s)
}

// daemon is a client of the daemon's.
func (d *privateDaemon) daemon(tb testing.TB) *daemon {
	tb.Helper()
	c, err := newDaemon(d.Socket())
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// engine is an engine whose two daemons are both this one.
func (d *privateDaemon) engine(tb testing.TB) *Engine {
	tb.Helper()
	images := d.Path("images")
	dockerdtest.Images(tb, images)
	e, err := New(Options{SystemSocket: d.Socket(), UserSocket: d.Socket(), ImageDir: images})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}
