package supervise

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// State is what a [Process] is doing.
type State int

const (
	// Stopped is the state before Start and after Stop.
	Stopped State = iota
	// Running means that the process was started and has not ended.
	Running
	// Backoff means that it ended, or could not be started, and will be started again.
	Backoff
	// Stopping means that it was told to end.
	Stopping
)

// String names the state.
func (s State) String() string {
	switch s {
	case Stopped:
		return "stopped"
	case Running:
		return "running"
	case Backoff:
		return "backoff"
	case Stopping:
		return "stopping"
	}
	return fmt.Sprintf("state %d", int(s))
}

// Spec says what a [Process] runs and how long it waits before it does so again.
type Spec struct {
	Name string
	// Command makes a new command for every start.
	Command func() *exec.Cmd

	FirstDelay time.Duration // before the first restart; 0 is 250 ms
	MaxDelay   time.Duration // the delay doubles up to this; 0 is 60 s
	Healthy    time.Duration // a run of this length forgets earlier failures; 0 is 60 s
}

func (s Spec) withDefaults() Spec {
	if s.FirstDelay == 0 {
		s.FirstDelay = 250 * time.Millisecond
	}
	if s.MaxDelay == 0 {
		s.MaxDelay = 60 * time.Second
	}
	if s.Healthy == 0 {
		s.Healthy = 60 * time.Second
	}
	return s
}

// Status is how a [Process] stands.
type Status struct {
	State    State
	PID      int // 0 when it does not run
	Restarts int // since Start
	LastExit string
}

// Process keeps one process running. Its methods may be called from several
// goroutines.
//
//	Stopped  --Start-->   Running | Backoff (it could not be started)
//	Running  --exited-->  Backoff
//	Backoff  --delay-->   Running | Backoff
//	Running  --Stop-->    Stopping --exited--> Stopped
//	Backoff  --Stop-->    Stopped
type Process struct {
	spec    Spec
	starter Starter
	changed chan struct{} // capacity 1

	// mu guards what follows. It is held while the process is started, which
	// does not wait for it, and never while something waits for it to end.
	mu       sync.Mutex
	state    State
	child    Child // its PID is 0 when nothing runs
	begun    time.Time
	delay    time.Duration // before the next restart
	timer    *time.Timer   // runs in Backoff
	restarts int
	lastExit string
	stopped  chan struct{} // closed on entering Stopped
}

// NewProcess returns a process that is not started yet.
func NewProcess(spec Spec, starter Starter) *Process {
	stopped := make(chan struct{})
	close(stopped)
	return &Process{
		spec: spec.withDefaults(), starter: starter,
		changed: make(chan struct{}, 1), stopped: stopped,
	}
}

// Start starts the process and keeps it running until Stop. It does nothing
// when the process is already being kept running.
func (p *Process) Start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.state {
	case Stopped:
		p.delay, p.restarts, p.lastExit = p.spec.FirstDelay, 0, ""
		p.stopped = make(chan struct{})
		p.launch()
	case Running, Backoff, Stopping:
	}
}

// Stop is StopWith SIGTERM.
func (p *Process) Stop(ctx context.Context) error { return p.StopWith(ctx, syscall.SIGTERM) }

// StopWith sends the signal and waits until the process has ended; when ctx ends
// first it is killed, and the error says so. It is not started again.
func (p *Process) StopWith(ctx context.Context, sig syscall.Signal) error {
	stopped, err := p.beginStop(sig)
	if err != nil {
		return err
	}
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-stopped
	return fmt.Errorf("cannot stop %s gently, it was killed: %w", p.spec.Name, ctx.Err())
}

// Restart ends the process with the signal; it is started again after the
// shortest delay.
func (p *Process) Restart(sig syscall.Signal) error {
	p.mu.Lock()
	p.delay = p.spec.FirstDelay
	p.mu.Unlock()
	return p.Signal(sig)
}

// Signal sends a signal to the process. A process that does not run gets none,
// which is no error.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signal(sig)
}

// Status is how the process stands now.
func (p *Process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Status{State: p.state, PID: p.child.PID, Restarts: p.restarts, LastExit: p.lastExit}
}

// Done is closed when the process has been stopped, or was never started.
func (p *Process) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped
}

// Changed nudges after each change of state; nudges that nobody took fold into
// one. It has room for one reader.
func (p *Process) Changed() <-chan struct{} { return p.changed }

// launch starts the process. It leads to Running, or to Backoff.
func (p *Process) launch() {
	child, err := p.starter.Start(p.spec.Command())
	p.begun = time.Now()
	if err != nil {
		p.backoff(fmt.Sprintf("cannot start: %v", err))
		return
	}
	p.child = child
	p.to(Running, fmt.Sprintf("pid %d", child.PID))
	go func() { p.exited(<-child.Exit) }() // ends with the process
}

// exited is the event that the process ended. It leads to Backoff, or to
// Stopped when that was wanted.
func (p *Process) exited(e Exit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.child = Child{}
	switch p.state {
	case Running:
		p.backoff(e.String())
	case Stopping:
		p.lastExit = e.String()
		p.to(Stopped, p.lastExit)
		close(p.stopped)
	case Stopped, Backoff: // only a running process can end
	}
}

// backoffElapsed is the event that the delay is over. It leads to Running, or
// to Backoff again.
func (p *Process) backoffElapsed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.state {
	case Backoff:
		p.restarts++
		p.launch()
	case Stopped, Running, Stopping: // stopped while the timer fired
	}
}

// beginStop leads to Stopping, or to Stopped when nothing runs.
func (p *Process) beginStop(sig syscall.Signal) (<-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.state {
	case Running:
		if err := p.signal(sig); err != nil {
			return nil, err
		}
		p.to(Stopping, sig.String())
	case Backoff:
		p.timer.Stop()
		p.to(Stopped, "was waiting for its restart")
		close(p.stopped)
	case Stopping: // a second, perhaps harsher, request
		if err := p.signal(sig); err != nil {
			return nil, err
		}
	case Stopped:
	}
	return p.stopped, nil
}

// backoff enters Backoff and sets the timer that leaves it.
func (p *Process) backoff(cause string) {
	if time.Since(p.begun) >= p.spec.Healthy {
		p.delay = p.spec.FirstDelay
	}
	p.lastExit = cause
	p.to(Backoff, fmt.Sprintf("%s, starting again in %v", cause, p.delay))
	p.timer = time.AfterFunc(p.delay, p.backoffElapsed)
	p.delay = min(2*p.delay, p.spec.MaxDelay)
}

func (p *Process) signal(sig syscall.Signal) error {
	if p.child.PID == 0 {
		return nil
	}
	if err := p.child.Signal(sig); err != nil {
		return fmt.Errorf("cannot send %v to %s: %w", sig, p.spec.Name, err)
	}
	return nil
}

// to is the only place that writes the state.
func (p *Process) to(s State, cause string) {
	p.state = s
	log := logrus.WithFields(logrus.Fields{"service": p.spec.Name})
	if s == Backoff {
		log.Warnf("%v: %s", s, cause)
	} else {
		log.Debugf("%v: %s", s, cause)
	}
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
