package plan

import (
	"encoding/json"
	"fmt"
	"time"
)

// Verb is what a step does: one change of one thing.
type Verb string

// The verbs. Load loads a system image from the machine, Pull fetches one from
// a registry. Create makes the container under its final name, CreateNext under
// the temporary name of a replacement, which Rename gives the final name.
const (
	Load       Verb = "load"
	Pull       Verb = "pull"
	Create     Verb = "create"
	CreateNext Verb = "create-next"
	Rename     Verb = "rename"
	Start      Verb = "start"
	Stop       Verb = "stop"
	Kill       Verb = "kill"
	Unpause    Verb = "unpause"
	Remove     Verb = "remove"

	// Tag gives an image that the daemon has its reference. What these make or
	// remove is the step's Resource.
	Tag           Verb = "tag"
	NetworkCreate Verb = "network-create"
	NetworkRemove Verb = "network-remove"
	VolumeCreate  Verb = "volume-create"
)

// Step is one change with its cause. Steps whose After is done may run in
// parallel; a step with Waits does not run in this pass.
//
// Which container a step is about: Container is its ID where the plan knows it
// (always for Stop, Kill, Unpause and Remove). Create and CreateNext give Name
// to a new one. Start takes the one that bears Name when Container is empty.
// Rename gives Name to Container or, when that is empty, to the one called From.
type Step struct {
	ID        int      `json:"id"`
	Verb      Verb     `json:"verb"`
	Service   string   `json:"service"`
	Scope     string   `json:"scope"`
	Container string   `json:"container,omitempty"` // ID of an existing one
	Name      string   `json:"name,omitempty"`      // name to give or take
	From      string   `json:"from,omitempty"`      // name before a Rename; ID of the image for Tag
	Image     string   `json:"image,omitempty"`
	Resource  string   `json:"resource,omitempty"` // network or volume, by name
	Cause     string   `json:"cause"`
	After     []int    `json:"after,omitempty"` // IDs that must have succeeded
	Waits     []string `json:"waits,omitempty"` // "network to be ready": not in this pass
	Grace     Seconds  `json:"grace,omitempty"` // for Stop
	Scheduled bool     `json:"scheduled,omitempty"`
	Deadline  Seconds  `json:"deadline"` // how long it may take

	// Failures is what [Memory] holds once this step has begun: the step answers
	// an exit or ill health. Nil when it answers none.
	Failures []time.Time `json:"-"`
}

// Seconds is a duration that JSON shows in seconds.
type Seconds time.Duration

// MarshalJSON is a number of seconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(s).Seconds())
}

// UnmarshalJSON reads a number of seconds.
func (s *Seconds) UnmarshalJSON(data []byte) error {
	var n float64
	if err := json.Unmarshal(data, &n); err != nil {
		return fmt.Errorf("cannot read a number of seconds: %w", err)
	}
	*s = Seconds(n * float64(time.Second))
	return nil
}

// UnderWay is what is being made for a service, which the plan leaves alone until then.
type UnderWay struct {
	Step Step   `json:"step"`
	Next []Step `json:"next,omitempty"` // after it
}

// Plan is the difference between desired and observed.
type Plan struct {
	Steps []Step `json:"steps"`
	// UnderWay is for whoever executes plans to say: of an earlier one.
	UnderWay []UnderWay `json:"underWay,omitempty"`
	// Wake is the earliest instant at which the plan would change by itself
	// (the end of a backoff); zero when there is none.
	Wake time.Time `json:"wake,omitzero"`
	// Services says how each service stands.
	Services map[string]Standing `json:"services,omitempty"`
}

// Standing is how one service stands, as the planner sees it.
type Standing struct {
	State   string   `json:"state"` // see the constants
	Ready   bool     `json:"ready"`
	Waiting []string `json:"waiting,omitempty"` // "network to be ready", "the retry in 4s"
	Problem string   `json:"problem,omitempty"` // why it is not as it should be
	Note    string   `json:"note,omitempty"`    // "runs without syslog, which failed: …"
	// Container is the one that counts for the service, nil when there is none.
	Container *Container `json:"-"`
	// Stuck: nobody should wait for it; it gets ready only when something else
	// changes, or after many attempts.
	Stuck bool `json:"stuck,omitempty"`
	// Accepted: Problem is none of the machine's, the service says so itself.
	Accepted bool `json:"accepted,omitempty"`
}

// The states of a service in [Standing] and in status.
const (
	StateAbsent    = "absent"
	StateCreated   = "created"
	StateStarting  = "starting" // running, not yet ready
	StateRunning   = "running"  // running and ready
	StateUnhealthy = "unhealthy"
	StateDone      = "done" // a one-shot that succeeded
	StateFailed    = "failed"
	StateBackoff   = "backoff"
	StateCrashLoop = "crash-loop"
	StateStopped   = "stopped" // on a user's word
	StateWaiting   = "waiting" // for another service
)
