package servicectl

import (
	"context"
	"io"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// Engine is both Docker daemons, as the controller needs them. Its methods may
// be called from several goroutines.
type Engine interface {
	// Observe tells what one daemon has: by listing it, when whole is asked for, else
	// by asking for what events and steps have changed, where that is known and the same
	// names are wanted as before. A daemon that does not answer is not an error: it is
	// Available: false.
	Observe(ctx context.Context, scope compose.Scope, want compose.Project, whole bool) plan.Daemon
	// Do makes one step. svc is the service as it should be (its zero value
	// when the project no longer has it). Doing a step whose effect is already
	// there succeeds.
	Do(ctx context.Context, step plan.Step, svc compose.Service) error
	// Events nudges on every event of a daemon, and once after each
	// (re)connection; it never says what happened. It ends with ctx.
	Events(ctx context.Context, scope compose.Scope, nudge func())
	// Logs copies a container's last lines (all when tail is negative), and
	// goes on when follow is set.
	Logs(ctx context.Context, scope compose.Scope, container string, opts LogOptions, w io.Writer) error
}

// Progresser is an [Engine] that tells how far the images are that its steps
// fetch.
type Progresser interface {
	// Progress is, by reference, what to say of the images that are being pulled
	// and loaded: "43%, 12.3 of 28.6 MB". An image that takes no time has none.
	Progress(scope compose.Scope) map[string]string
}

// PullMeter is an [Engine] that counts what it pulls.
type PullMeter interface {
	// PulledBytes is how many bytes have come from registries into a daemon.
	PulledBytes(scope compose.Scope) uint64
}

// LogOptions say how much of a log is wanted.
type LogOptions struct {
	Tail   int // lines; 0 is 100, negative is all
	Follow bool
	Since  time.Time // zero: from the beginning
	// Timestamps has the instant before each line.
	Timestamps bool
}

// Machine makes the host match the configuration: host name, users, files.
type Machine interface {
	Apply(ctx context.Context, cfg cloudconfig.Config) cloudconfig.Report
}

// Loader reads the layers and returns what they say now.
type Loader interface {
	Load(ctx context.Context) (Desired, error)
}

// Desired is one reading of the configuration. When a layer is bad, Project is
// what the others say and Report says what is wrong.
type Desired struct {
	Config  cloudconfig.Config
	Project compose.Project
	Report  cloudconfig.Report

	// Waiting is what the configuration asks for and is not there yet. The machine
	// is converging until it is there, or is an error in Report; what runs already
	// may be of it, and is left running.
	Waiting []Waiting

	// Changes are the keys that say something else than at the reading before,
	// with who wrote them where that is known; empty at the first one.
	Changes []journal.Change
	// Files are the files that services are made of, by their paths, which say
	// something else: they are told, and it is known of each service by itself
	// whether it is another one.
	Files []journal.Change

	// Keep is called once when the machine has converged with this reading, so
	// that it can be gone back to; nil: nothing is to be kept.
	Keep func() error
}
