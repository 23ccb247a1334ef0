package compose

import (
	"cmp"
	"maps"
	"slices"
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
	// BrokenFiles are the compose files, sorted, of [Options.Files] that have
	// errors: what their projects have running is left as it is, too.
	BrokenFiles []string
	// BrokenDefinitions are the keys, sorted, of [Options.Definitions] that have
	// errors, or services that cannot be used.
	BrokenDefinitions []string
}

// Wanted names the containers that a person means by a name: the container
// itself, all replicas of a service, a service of a project ("shop/web"), or
// everything of a project. It is empty when there is none.
func (p Project) Wanted(name string) []string {
	if _, known := p.Services[name]; known {
		return []string{name}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(p.Services)) {
		svc := p.Services[key]
		if svc.Key() == name || svc.Project == name {
			out = append(out, key)
		}
	}
	return out
}

// Service is one desired container.
type Service struct {
	Name   string // also of its container
	Scope  Scope
	Origin cloudconfig.Pos // where the service is defined

	// Of is the service as it is written, of which this is container Number, from
	// 1; Project and File are the compose project of its own that it belongs to,
	// and the file that defines it. Project and File are empty for the services of
	// the machine's configuration, and Of is Name where there is one container.
	Of      string
	Number  int
	Project string
	File    string

	// Spec is the service in the compose specification, normalised: what
	// RancherOS's keys mean is already translated, variables are substituted,
	// virtual volume sets are resolved. Spec.Restart is always "no": the
	// controller restarts, as Restart says.
	//
	// ContainerName is always set, and one of NetworkMode and Networks. DependsOn
	// is empty: see Needs. Networks and named volumes have their names in Docker,
	// other services those of their containers. Secrets and configs are mounts, or
	// in Files.
	Spec types.ServiceConfig

	// Networks and Volumes declare what Spec uses, by name in Docker. What is
	// not External is to be created when it is missing, with its Labels and its
	// CustomLabels: by these it is known as ours, see [LabelHash].
	Networks map[string]types.NetworkConfig
	Volumes  map[string]types.VolumeConfig
	// Files are written into the container before it is started.
	Files []File
	// BuildSecrets are those that Spec.Build uses, by name: files of the machine.
	BuildSecrets map[string]types.SecretConfig

	Needs      []Dependency // sorted by name
	Restart    Restart
	Ready      Ready
	OneShot    bool // exits when done; ready is exit status 0
	CreateOnly bool // is created and never started
	StopGrace  time.Duration

	// Hash stands for everything that needs a new container when it changes:
	// "v1:" and a SHA-256. The digest of the image is not part of it.
	Hash string
	// Schedule is when the service is to be started, stopped or restarted; nil:
	// whenever it should run.
	Schedule *Schedule

	// Written stands for the text of the definition, before variables are put into
	// it, and Variables, by their paths, for the texts of the files of variables that
	// it may be made with: to say which of them changed.
	Written   uint64
	Variables map[string]uint64

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
	// Incomplete says that definitions are still to come: a service that is not
	// known may be in one of them, and who needs it waits.
	Incomplete bool
	// Environment are variables that the machine knows, such as KERNEL_VERSION.
	// rancher.environment may say otherwise.
	Environment map[string]string
	// ReadFile reads the files of env_file, by absolute path. When it is nil, a
	// service with env_file is an error.
	ReadFile func(name string) ([]byte, error)
	// Files are compose files that are projects of their own, in User Docker.
	Files []ProjectFile
}

// ProjectFile is a compose file that is a project of its own.
type ProjectFile struct {
	Path string // where problems are told
	Name string // of the project, unless the file says another
	Doc  cloudconfig.Document
	// Environment are the variables of its .env files; rancher.environment may
	// say otherwise.
	Environment map[string]string
	// Variables are the texts of those files, by their paths, see [Service.Variables].
	Variables map[string]uint64
	// Broken says that the file could not be read, for reasons that were told:
	// what its project has running is left as it is.
	Broken bool
}

// File is what a container finds at a path: the text of a secret or config.
type File struct {
	Target   string // absolute
	Content  string
	UID, GID int
	Mode     int64
}

// Labels written on every container that the controller creates.
const (
	LabelManaged = "io.rancher.os.managed" // "true"
	LabelService = "io.rancher.os.service" // the service's name
	LabelHash    = "io.rancher.os.hash"    // Service.Hash
	LabelFields  = "io.rancher.os.fields"  // JSON of Service.Fields
	LabelScope   = "io.rancher.os.scope"
)

// Labels of Docker's own compose, by which it finds what it can show.
const (
	LabelComposeProject = "com.docker.compose.project"
	LabelComposeService = "com.docker.compose.service"
	LabelComposeFiles   = "com.docker.compose.project.config_files"
	LabelComposeNetwork = "com.docker.compose.network"
	LabelComposeVolume  = "com.docker.compose.volume"
)

// Key is the service as a person writes it: "web", or "shop/web" in a project.
func (s Service) Key() string {
	of := cmp.Or(s.Of, s.Name)
	if s.Project == "" {
		return of
	}
	return s.Project + "/" + of
}
