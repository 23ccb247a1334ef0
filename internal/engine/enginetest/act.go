package enginetest

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// Signal sends a signal to a container; all but HUP end it.
func (f *Fake) Signal(_ context.Context, scope compose.Scope, id, signal string) error {
	f.mu.Lock()
	c := f.daemons[scope].find(plan.Step{Container: id})
	if c == nil || c.State != plan.Running {
		f.mu.Unlock()
		return fmt.Errorf("cannot send %s: container %s is not running", signal, id)
	}
	name := "SIG" + strings.TrimPrefix(strings.ToUpper(signal), "SIG")
	if _, err := strconv.Atoi(signal); err != nil && unix.SignalNum(name) == 0 {
		f.mu.Unlock()
		return fmt.Errorf("invalid signal: %s", signal)
	}
	c.output = append(c.output, "got "+signal)
	if name != "SIGHUP" {
		f.end(c, 137)
	}
	f.mu.Unlock()
	f.event(scope)
	return nil
}

// ImageSize is how many bytes every image of the registry has.
const ImageSize = 1000

// PulledBytes is how much was pulled into a daemon.
func (f *Fake) PulledBytes(scope compose.Scope) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.daemons[scope].pulled
}

// Top lists the one process of a container.
func (f *Fake) Top(_ context.Context, scope compose.Scope, id string) (servicectl.Processes, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.daemons[scope].find(plan.Step{Container: id})
	if c == nil || c.State != plan.Running {
		return servicectl.Processes{}, fmt.Errorf("container %s is not running", id)
	}
	return servicectl.Processes{Titles: []string{"PID", "CMD"}, Rows: [][]string{{"1", c.Service}}}, nil
}
