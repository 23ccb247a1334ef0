package compose

import (
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// Scope says which Docker daemon runs a service.
type Scope string

const (
	// System is System Docker, the machine's own.
	System Scope = "system"
	// User is User Docker.
	User Scope = "user"
)

// Project is everything that should run, by service name. It is built by
// [Build] and never changed afterwards.
type Project struct {
	Name     string
	Services map[string]Service

	// Broken are the names, sorted, of services that are defined and cannot be
	// used, for the reasons in the report. Their containers are to be left as
	// they are: a bad configuration does not stop what runs.
	Broken []string
}

// Service is one desired container.
type Service struct {
	Name   string
	Scope  Scope
	Origin cloudconfig.Pos // where the service is defined

	// Spec is the service in the compose specification, normalised: what
	// RancherOS's keys mean is already translated, variables are substituted,
	// virtual volume sets are resolved. Spec.Restart is always "no": the
	// controller restarts, as Restart says.
	//
	// ContainerName is always set, and one of NetworkMode and Networks. DependsOn
	// is empty: see Needs. Networks and named volumes have their names in Docker.
	Spec types.ServiceConfig

	// Networks and Volumes declare what Spec uses, by name in Docker. What is
	// not External is to be created when it is missing.
	Networks map[string]types.NetworkConfig
	Volumes  map[string]types.VolumeConfig

	Needs      []Dependency // sorted by name
	Restart    Restart
	Ready      Ready
	OneShot    bool // exits when done; ready is exit status 0
	CreateOnly bool // is created and never started
	StopGrace  time.Duration

	// Hash stands for everything that needs a new container when it changes:
	// "v1:" and a SHA-256. The digest of the image is not part of it.
	Hash string
	// Fields are the hashed fields as short text, to say what changed:
	// "image" → "os-x:1". Values that may be secret are hashed.
	Fields map[string]string
}

// Condition is what a dependent waits for.
type Condition string

// The conditions of the compose specification. RancherOS's labels after and
// before, links and volumes_from all mean IsReady here: running, and healthy
// where a check exists, and exit status 0 for a one-shot.
const (
	Started   Condition = "started"
	IsReady   Condition = "ready"
	Completed Condition = "completed"
)

// Dependency is an edge of the graph: this service waits for Service.
type Dependency struct {
	Service   string
	Condition Condition
	// Required: when the dependency is absent or failed, the dependent waits.
	// Otherwise the order alone counts: an absent or failed dependency lets
	// the dependent run.
	Required bool
	Origin   cloudconfig.Pos
	Cause    string // "depends_on", "label io.rancher.os.after", "scope user", "log driver syslog", …
}

// RestartMode is compose's restart policy.
type RestartMode string

// The restart policies of the compose specification.
const (
	RestartNo            RestartMode = "no"
	RestartAlways        RestartMode = "always"
	RestartOnFailure     RestartMode = "on-failure"
	RestartUnlessStopped RestartMode = "unless-stopped"
)

// Restart is the policy that the controller applies.
type Restart struct {
	Mode RestartMode
	Max  int // for on-failure; 0 is no limit
}

// ReadyKind says how readiness is observed.
type ReadyKind string

// The kinds of readiness: none is running; health is Docker's health check;
// the others are the label io.rancher.os.ready ("tcp:PORT", "unix:PATH",
// "file:PATH", "exec:CMD").
const (
	ReadyRunning ReadyKind = ""
	ReadyHealth  ReadyKind = "health"
	ReadyTCP     ReadyKind = "tcp"
	ReadyUnix    ReadyKind = "unix"
	ReadyFile    ReadyKind = "file"
	ReadyExec    ReadyKind = "exec"
)

// Ready is a service's readiness check.
type Ready struct {
	Kind   ReadyKind
	Target string // port, path (as System Docker's host sees it) or command
}

// Options are what Build needs beside the configuration.
type Options struct {
	// Definitions are the documents of services_include, by name: each maps
	// service names to definitions, or is a whole compose file ("services:").
	Definitions map[string]cloudconfig.Document
	// Environment are variables that the machine knows, such as KERNEL_VERSION.
	// rancher.environment may say otherwise.
	Environment map[string]string
	// ReadFile reads the files of env_file, by absolute path. When it is nil, a
	// service with env_file is an error.
	ReadFile func(name string) ([]byte, error)
}

// Labels written on every container that the controller creates.
const (
	LabelManaged = "io.rancher.os.managed" // "true"
	LabelService = "io.rancher.os.service" // the service's name
	LabelHash    = "io.rancher.os.hash"    // Service.Hash
	LabelFields  = "io.rancher.os.fields"  // JSON of Service.Fields
	LabelScope   = "io.rancher.os.scope"
)
