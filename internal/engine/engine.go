package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/docker/cli/cli/command"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
)

// Where the daemons listen and the machine keeps its images, unless [Options]
// say otherwise.
const (
	DefaultSystemSocket = "/var/run/system-docker.sock"
	DefaultUserSocket   = "/var/run/docker.sock"
	DefaultImageDir     = "/usr/share/ros/images"

	defaultSystemPID = "/run/system-docker.pid"
	defaultUserPID   = "/run/docker.pid"
)

// Options say where things are. The zero value is the machine itself.
type Options struct {
	SystemSocket string // DefaultSystemSocket when empty
	UserSocket   string // DefaultUserSocket when empty
	ImageDir     string // DefaultImageDir when empty
	// SystemPID and UserPID are the files with the daemons' numbers. When they are empty
	// they are those of the machine, if the socket is; else nobody ends that daemon.
	SystemPID, UserPID string
	// Auths returns the registry credentials by registry; it is asked at each
	// pull, from any goroutine. Nil means none.
	Auths func() map[string]cloudconfig.Auth
	// Domain returns the machine's own registry, REGISTRY_DOMAIN: what it is to
	// be asked for is taken from the images that the daemon has without it, where
	// there is such an image. Nil means none.
	Domain func() string
	// BeforePull waits for what may make a pull needless; nil: for nothing.
	BeforePull func(ctx context.Context, scope compose.Scope) error
	// Answer is how long a daemon may take to answer a question; 0: 30 seconds
	// for a list, 10 for what is about one thing.
	Answer time.Duration
	// Stall is how long nothing may arrive of a pull before it is given up, to be
	// resumed later; 0: 2 minutes.
	Stall time.Duration
}

// Engine is both Docker daemons. Its methods may be called from several
// goroutines. It connects when it has to, and needs no closing.
type Engine struct {
	daemons map[compose.Scope]*daemon
	images  *imageDir
	auths   func() map[string]cloudconfig.Auth
	domain  func() string
	// beforePull is nil when there is nothing to wait for.
	beforePull func(ctx context.Context, scope compose.Scope) error
	cli        *command.DockerCli // answers what Compose asks of a command line
}

var (
	_ servicectl.Engine  = (*Engine)(nil)
	_ servicectl.Stopper = (*Engine)(nil)

	_ servicectl.Progresser = (*Engine)(nil)
)

// New returns an Engine. It connects to nothing yet.
func New(o Options) (*Engine, error) {
	cli, err := silentCLI()
	if err != nil {
		return nil, fmt.Errorf("cannot set up compose: %w", err)
	}
	e := &Engine{
		daemons: map[compose.Scope]*daemon{},
		images:  &imageDir{dir: cmp.Or(o.ImageDir, DefaultImageDir)},
		auths:   o.Auths,
		domain:  o.Domain,
		cli:     cli,

		beforePull: o.BeforePull,
	}
	if e.auths == nil {
		e.auths = func() map[string]cloudconfig.Auth { return nil }
	}
	if e.domain == nil {
		e.domain = func() string { return "" }
	}
	if o.SystemSocket == "" {
		o.SystemSocket, o.SystemPID = DefaultSystemSocket, cmp.Or(o.SystemPID, defaultSystemPID)
	}
	if o.UserSocket == "" {
		o.UserSocket, o.UserPID = DefaultUserSocket, cmp.Or(o.UserPID, defaultUserPID)
	}
	for scope, at := range map[compose.Scope][2]string{
		compose.System: {o.SystemSocket, o.SystemPID},
		compose.User:   {o.UserSocket, o.UserPID},
	} {
		if e.daemons[scope], err = newDaemon(at[0]); err != nil {
			return nil, fmt.Errorf("cannot set up a client of %s: %w", at[0], err)
		}
		e.daemons[scope].phantoms.pidFile = at[1]
		e.daemons[scope].answer = o.Answer
		e.daemons[scope].under.stall = o.Stall
	}
	e.daemons[compose.System].others = []*daemon{e.daemons[compose.User]}
	return e, nil
}

// daemon returns the daemon of a scope.
func (e *Engine) daemon(scope compose.Scope) (*daemon, error) {
	d := e.daemons[scope]
	if d == nil {
		return nil, fmt.Errorf("there is no docker daemon %q", scope)
	}
	return d, nil
}
