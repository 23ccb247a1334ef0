package supervise

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
)

// Reaper is the one place in PID 1 that waits for children. Everything that
// starts a process there goes through its Start; processes that others left
// behind are reaped too, and forgotten.
type Reaper struct {
	// mu is held while a process is started and registered, and while one is
	// reaped: a child that ends at once is never missed. It is not held while
	// an exit is delivered, which cannot block.
	mu    sync.Mutex
	exits map[int]chan Exit // by PID; capacity 1
}

// NewReaper returns a reaper; it does nothing before Run.
func NewReaper() *Reaper { return &Reaper{exits: map[int]chan Exit{}} }

// Run reaps until ctx ends. One Reaper runs once, in PID 1 only: it would take
// away the children that another part of the process waits for.
func (r *Reaper) Run(ctx context.Context) {
	child := make(chan os.Signal, 1) // a full channel means "look again" already
	signal.Notify(child, syscall.SIGCHLD)
	defer signal.Stop(child)
	for {
		for r.reapOne() {
		}
		select {
		case <-ctx.Done():
			return
		case <-child:
		}
	}
}

// Start starts cmd; Run says how it ended.
func (r *Reaper) Start(cmd *exec.Cmd) (Child, error) {
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = pipeDelay
	}
	reaped, err := r.startAndRegister(cmd)
	if err != nil {
		return Child{}, err
	}
	exit := make(chan Exit, 1)
	go func() {
		e := <-reaped
		// The child is gone: Wait cannot know how it ended and says so, but it
		// copies the rest of its output and closes its pipes.
		_ = cmd.Wait()
		exit <- e
	}()
	return Child{PID: cmd.Process.Pid, Exit: exit, Signal: signaller(cmd.Process)}, nil
}

func (r *Reaper) startAndRegister(cmd *exec.Cmd) (<-chan Exit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	reaped := make(chan Exit, 1)
	r.exits[cmd.Process.Pid] = reaped
	return reaped, nil
}

// reapOne reaps one child, and says whether there was one.
func (r *Reaper) reapOne() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ws syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
	if errors.Is(err, syscall.EINTR) {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if reaped, ok := r.exits[pid]; ok {
		delete(r.exits, pid)
		reaped <- exitOf(ws)
	}
	return true
}
