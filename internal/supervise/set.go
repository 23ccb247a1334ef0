package supervise

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// Program is one member of a [Set].
type Program struct {
	Name string   // unique in its set
	Argv []string // the program and its arguments
	// Inputs stands for what the program reads when it starts, such as the text
	// of its configuration: when it changes, the program is started anew.
	Inputs string
}

func (p Program) equal(o Program) bool {
	return p.Name == o.Name && p.Inputs == o.Inputs && slices.Equal(p.Argv, o.Argv)
}

// Set keeps a changing set of programs running. Its output is the caller's. It
// is used from one goroutine.
type Set struct {
	starter Starter
	members map[string]member
}

type member struct {
	program Program
	process *Process
}

// NewSet returns an empty set.
func NewSet(starter Starter) *Set {
	return &Set{starter: starter, members: map[string]member{}}
}

// Keep stops what is no longer wanted, or wanted otherwise, and starts what is
// missing. What did not change is left alone.
func (s *Set) Keep(ctx context.Context, wanted []Program) error {
	keep := map[string]Program{}
	for _, p := range wanted {
		keep[p.Name] = p
	}
	var surplus []string
	for name, m := range s.members {
		if p, ok := keep[name]; !ok || !p.equal(m.program) {
			surplus = append(surplus, name)
		}
	}
	err := s.stop(ctx, surplus)
	for _, p := range wanted {
		if _, ok := s.members[p.Name]; ok {
			continue
		}
		process := NewProcess(Spec{
			Name: p.Name, Command: p.command,
			MaxDelay: 10 * time.Second, Healthy: 5 * time.Second,
		}, s.starter)
		process.Start()
		s.members[p.Name] = member{program: p, process: process}
	}
	return err
}

// Stop stops all of them; those that have not ended when ctx ends are killed.
func (s *Set) Stop(ctx context.Context) error {
	var all []string
	for name := range s.members {
		all = append(all, name)
	}
	return s.stop(ctx, all)
}

// Running says whether the named program runs now.
func (s *Set) Running(name string) bool {
	m, ok := s.members[name]
	return ok && m.process.Status().State == Running
}

// stop stops the named members, all at the same time.
func (s *Set) stop(ctx context.Context, names []string) error {
	results := make(chan error, len(names))
	for _, name := range names {
		process := s.members[name].process
		delete(s.members, name)
		go func() { results <- end(ctx, process) }()
	}
	var errs []error
	for range names {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

const (
	// stopLimit is how long a member has to end. Whoever keeps a set has other
	// things to do than to wait for a program that does not end.
	stopLimit = 5 * time.Second
	// stopAgain is when it is told once more: dhcpcd (9.4) has been seen to lose a
	// signal that comes in the moment when an interface appears.
	stopAgain = time.Second
)

// end stops a member, and kills it when it does not end.
func end(ctx context.Context, p *Process) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- p.Stop(ctx) }()
	again := time.NewTicker(stopAgain)
	defer again.Stop()
	for {
		select {
		case err := <-result:
			return err
		case <-again.C:
			if err := p.Signal(syscall.SIGTERM); err != nil {
				return err
			}
		}
	}
}

func (p Program) command() *exec.Cmd {
	// The processes of a set end by its Stop, in order, not with a context.
	cmd := exec.Command(p.Argv[0], p.Argv[1:]...) //nolint:noctx // ended by Process.Stop
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// A getty can own its terminal only as the leader of a session.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}
