package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Exit is how a process ended.
type Exit struct {
	Code   int            // the exit status; -1 when a signal ended it
	Signal syscall.Signal // 0 when it exited by itself
}

// String is "exit status 3" or "signal: killed".
func (e Exit) String() string {
	if e.Signal != 0 {
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// Err is nil for exit status 0.
func (e Exit) Err() error {
	if e.Code == 0 && e.Signal == 0 {
		return nil
	}
	return &ExitError{Exit: e}
}

// ExitError is the error of a process that ended otherwise than with status 0.
type ExitError struct{ Exit Exit }

func (e *ExitError) Error() string { return e.Exit.String() }

func exitOf(ws syscall.WaitStatus) Exit {
	if ws.Signaled() {
		return Exit{Code: -1, Signal: ws.Signal()}
	}
	return Exit{Code: ws.ExitStatus()}
}

// Child is a process that was started.
type Child struct {
	PID    int
	Exit   <-chan Exit                // receives once, how it ended
	Signal func(syscall.Signal) error // nil when it has ended already
}

// Starter starts a command. [Direct] is for ordinary processes; PID 1, where one
// place reaps all children, uses its [Reaper].
type Starter interface {
	Start(cmd *exec.Cmd) (Child, error)
}

// pipeDelay is how long output of a process that ended is still waited for when
// its descendants hold the pipes open.
const pipeDelay = 2 * time.Second

// Direct is the Starter of a process that is not PID 1.
type Direct struct{}

// Start starts cmd and waits for it in a goroutine that ends with it.
func (Direct) Start(cmd *exec.Cmd) (Child, error) {
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = pipeDelay
	}
	if err := cmd.Start(); err != nil {
		return Child{}, err
	}
	exit := make(chan Exit, 1)
	go func() {
		err := cmd.Wait()
		exit <- directExit(cmd.ProcessState, err)
	}()
	return Child{PID: cmd.Process.Pid, Exit: exit, Signal: signaller(cmd.Process)}, nil
}

// signaller is safe against a PID that was given to another process since: the
// kernel's handle of the process, which os.Process holds, knows that it is gone.
func signaller(p *os.Process) func(syscall.Signal) error {
	return func(sig syscall.Signal) error {
		if err := p.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		return nil
	}
}

func directExit(state *os.ProcessState, err error) Exit {
	if state != nil {
		if ws, ok := state.Sys().(syscall.WaitStatus); ok {
			return exitOf(ws)
		}
	}
	if err != nil {
		return Exit{Code: -1}
	}
	return Exit{}
}

// Run starts cmd and waits until it has ended. When ctx ends first the process
// is killed, and the error is that of ctx.
func Run(ctx context.Context, s Starter, cmd *exec.Cmd) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	child, err := s.Start(cmd)
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", cmd.Path, err)
	}
	select {
	case e := <-child.Exit:
		return e.Err()
	case <-ctx.Done():
	}
	if err := child.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("cannot kill %s: %w", cmd.Path, err)
	}
	<-child.Exit
	return ctx.Err()
}
