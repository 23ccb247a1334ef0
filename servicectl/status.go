package servicectl

import "github.com/ros-os/ros/cloudconfig"

// The states of the machine in [Status].
const (
	Converged  = "converged"
	Converging = "converging"
	Degraded   = "degraded"
)

// Status is what the controller publishes, also as `ros status -o json`.
type Status struct {
	State    string             `json:"state"`
	Problems cloudconfig.Report `json:"problems"`
	Services []ServiceStatus    `json:"services"`

	current bool // about the present configuration
	settled bool // nothing is under way, and waiting for anything is vain
}

// ServiceStatus is how one service stands.
type ServiceStatus struct {
	Name       string   `json:"name"`
	Of         string   `json:"of,omitempty"`      // the service as it is written, where that is another name: "shop/web"
	Project    string   `json:"project,omitempty"` // of its own that it belongs to
	Scope      string   `json:"scope"`
	State      string   `json:"state"` // plan.State…
	Ready      bool     `json:"ready"`
	Restarts   int      `json:"restarts"`
	WaitingFor []string `json:"waitingFor"`
	Image      string   `json:"image"`
	Builds     bool     `json:"builds,omitempty"`     // the image is built on this machine, and in no registry
	Container  string   `json:"container,omitempty"`  // ID
	Cause      string   `json:"cause"`                // of the last step
	Changed    string   `json:"changed,omitempty"`    // RFC 3339, of the last step
	ReadyAfter float64  `json:"readyAfter,omitempty"` // seconds from the last step's beginning until ready
	Problem    string   `json:"problem,omitempty"`

	Note    string   `json:"note,omitempty"`    // "runs without syslog, which failed: …"
	LastLog []string `json:"lastLog,omitempty"` // the last lines, while it is not as it should be

	Schedule   string `json:"schedule,omitempty"`
	NextRun    string `json:"nextRun,omitempty"`    // RFC 3339
	LastRun    string `json:"lastRun,omitempty"`    // RFC 3339
	LastResult string `json:"lastResult,omitempty"` // running, succeeded, failed

	stuck    bool // nothing but a change from outside helps, or many attempts
	accepted bool // what is wrong with it is no problem of the machine's
}
