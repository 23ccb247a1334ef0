package host

import (
	"errors"
	"io/fs"
	"time"
)

// State is how a machine stands.
type State string

// The states of a machine.
const (
	Stopped  State = "stopped"
	Starting State = "starting"
	Running  State = "running"
	Crashed  State = "crashed"
)

// Run is what the supervisor writes down about the machine it runs, in
// run.json. Nobody else writes it.
type Run struct {
	State      State     `json:"state"`
	Reason     string    `json:"reason,omitempty"` // why it is stopped or crashed
	Supervisor Process   `json:"supervisor"`
	Main       Process   `json:"main"` // PID 1 in namespaces, QEMU of a virtual machine
	SSHPort    int       `json:"sshPort,omitempty"`
	Accel      string    `json:"accel,omitempty"`
	Boots      int       `json:"boots"` // since `start`, reboots counted
	Since      time.Time `json:"since"`
}

// Run tells how the machine stands now.
func (m *Machine) Run() (Run, error) {
	var run Run
	err := readJSON(m.path("run.json"), &run)
	if errors.Is(err, fs.ErrNotExist) {
		return Run{State: Stopped, Since: m.Spec.Created}, nil
	}
	if err != nil {
		return Run{}, err
	}
	up := run.State == Starting || run.State == Running
	if up && !run.Supervisor.Alive() {
		run.State, run.Reason = Crashed, "its supervisor died"
	}
	return run, nil
}

// up reports whether a supervisor owns the machine.
func (r *Run) up() bool { return r.State == Starting || r.State == Running }
