package plan

import (
	"time"

	"github.com/ros-os/ros/compose"
)

// Observed is what is: the containers and images of both daemons, and what the
// controller remembers about services between passes.
type Observed struct {
	Daemons map[compose.Scope]Daemon
	Memory  map[string]Memory // by service name
	Busy    map[string]string // services with steps under way, and which; they are left alone
	// Boot is when the machine booted, where that is known. A container that was
	// started before does not count as having run, unless Memory knows better.
	// When Boot is zero, Memory alone decides: it does not outlive a boot.
	Boot time.Time
	// KeepUnwanted: the configuration has errors, so what it lacks may be lacking
	// by mistake, and is not removed.
	KeepUnwanted bool
	// Incomplete: some of the configuration is still to come. What it lacks may be
	// in that: it is waited for, and not removed.
	Incomplete bool
}

// keeps is why nothing that the configuration lacks is removed; empty when it is.
func (o *Observed) keeps() string {
	switch {
	case o.KeepUnwanted:
		return "the configuration to be free of errors"
	case o.Incomplete:
		return "the rest of the configuration, which is still to come"
	}
	return ""
}

// Daemon is one Docker daemon. Containers holds those with [compose.LabelManaged]
// and any other whose name is one that the project wants.
type Daemon struct {
	Available bool
	// Whole: all containers were listed. Else only those were asked for that are
	// known to have changed.
	Whole      bool
	Err        string // why it is not available
	Containers []Container
	Images     map[string]string // image reference as written in the project → image ID, for those present
	// Untagged are the machine's images that the daemon has, but not under their
	// references: ID by reference.
	Untagged map[string]string
	// Networks and Volumes are those of ours and those that the project wants, by
	// name; nil: they are not known.
	Networks map[string]Network
	Volumes  map[string]Volume
	// Tagged is when each image got its reference: by being pulled, loaded or
	// tagged. What is not known is left out.
	Tagged map[string]time.Time
}

// Container is one container as inspected.
type Container struct {
	ID       string
	Name     string // without the leading slash
	Service  string // from the label; empty when somebody else made it
	Managed  bool
	Hash     string            // from the label
	Fields   map[string]string // from the label
	File     string            // from the label: the compose file of its project
	Networks map[string]string // IDs of the networks that it is joined to, by name; nil: not known
	Image    string            // reference it was created with
	ImageID  string
	State    State
	Health   Health
	Ready    bool // the check of the service's own (tcp, unix, file, exec) passed
	ExitCode int
	Error    string // of the last start, from Docker
	OOM      bool
	// Joined are the containers, by ID or name, whose namespaces or volumes it
	// shares.
	Joined   []string
	Ports    []string // of the machine that are its own while it runs: "8080/tcp"
	Created  time.Time
	Started  time.Time
	Finished time.Time
}

// State is Docker's state of a container.
type State string

// Docker's container states.
const (
	Created    State = "created"
	Running    State = "running"
	Paused     State = "paused"
	Restarting State = "restarting"
	Removing   State = "removing"
	Exited     State = "exited"
	Dead       State = "dead"
)

// Health is Docker's state of a container's health check.
type Health string

// Docker's health states.
const (
	NoHealth  Health = ""
	Starting  Health = "starting"
	Healthy   Health = "healthy"
	Unhealthy Health = "unhealthy"
)

// Memory is what is remembered about a service between passes.
type Memory struct {
	Intent    Intent
	Failures  []time.Time // recent failures (exits and failed steps), newest last
	Restarts  int         // restarts by the controller since its container was created
	NotBefore time.Time   // backoff: no step before this instant
	LastError string      // of the last failed step
	LastCause string      // of the last step done
	Restart   bool        // the user asked for one restart
	Start     bool        // the user asked for a start, whatever the restart policy says
	Gone      string      // why the controller removed its container, until there is another one
	Replace   string      // ID of a container that the user wants replaced
	// Grace is how long the user gives the service to end, once; 0: as long as
	// its configuration does.
	Grace time.Duration
	Hash  string // the service's hash that Failures, NotBefore and LastError are about
	Ran   string // ID of the container that was last seen running, or started, since boot

	// Of a service with a schedule: which one NextRun is of, when the next run is
	// due, and when the last one began.
	Schedule string
	NextRun  time.Time
	LastRun  time.Time

	// What status shows beside.
	Began      time.Time     // when the last change of the service began
	Changed    time.Time     // when its last step was done
	ReadyAfter time.Duration // from Began until ready; 0 when not ready since
}

// Intent is what a user asked for, kept until a reboot.
type Intent string

// The intents of `ros service start`, `stop` and `rm`.
const (
	NoIntent Intent = ""
	Stopped  Intent = "stopped"
	Removed  Intent = "removed" // stopped, and without a container
)
