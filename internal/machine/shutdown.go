package machine

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/source"
)

const (
	defaultShutdown = 60 * time.Second
	leastShutdown   = 5 * time.Second
	dockerStop      = 15 * time.Second // for System Docker, when its containers are gone
	// forceAfter is how many further signals mean "now".
	forceAfter = 3
)

// stopper is a process that can be ended.
type stopper interface {
	StopWith(ctx context.Context, sig syscall.Signal) error
}

// leaving is what a shutdown does to the machine; tests have another one.
type leaving interface {
	// killAll ends all processes but PID 1: politely, then not.
	killAll(ctx context.Context)
	// unmount writes everything to disk and lets go of the file systems.
	unmount(ctx context.Context)
	// leave ends the machine. It returns only when that fails.
	leave(Action) error
}

// shutdown is the order in which a machine is left.
type shutdown struct {
	controller stopper // stops the services; nil when it was not started
	docker     stopper // nil when it was not started
	timeout    time.Duration
	machine    leaving
}

// run stops everything, whatever fails on the way, and leaves the machine. When
// hurry ends, nothing is waited for any more, and what is on its way to the disk
// is still written.
func (s shutdown) run(hurry context.Context, action Action) error {
	s.stop(hurry, "the services", s.controller, s.timeout, syscall.SIGPWR)
	s.stop(hurry, "System Docker", s.docker, dockerStop, syscall.SIGTERM)
	s.machine.killAll(hurry)
	s.machine.unmount(hurry)
	logrus.Info(action.String())
	return s.machine.leave(action)
}

func (s shutdown) stop(ctx context.Context, what string, p stopper, limit time.Duration, sig syscall.Signal) {
	if p == nil {
		return
	}
	logrus.Infof("stopping %s (for at most %v)", what, limit)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := p.StopWith(ctx, sig); err != nil {
		logrus.WithField("err", err).Warnf("%s did not stop in time", what)
	}
}

// shutDown takes the machine down. Three more signals make it hurry.
func (b *Boot) shutDown(ctx context.Context, action Action, signals <-chan os.Signal) error {
	logrus.Infof("the machine is asked to %v", action)
	hurry, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- guard(func() error { return b.plannedShutdown().run(hurry, action) }) }()
	for further := 1; ; further++ {
		select {
		case err := <-done:
			if err != nil { // a panic, or reboot(2) refused: once more, without ado
				return errors.Join(err, b.kernel().leave(action))
			}
			return nil
		case <-signals:
			if further == forceAfter {
				logrus.Warn("hurrying: services are killed")
				cancel()
			}
		}
	}
}

func (b *Boot) plannedShutdown() shutdown {
	s := shutdown{timeout: b.shutdownTimeout(), machine: b.kernel()}
	if b.controller != nil {
		s.controller = b.controller
	}
	if b.docker != nil {
		s.docker = b.docker
	}
	return s
}

// shutdownTimeout is what the configuration says now: it may have been changed
// since the boot.
func (b *Boot) shutdownTimeout() time.Duration {
	cfg, _ := source.Load("/") // an unreadable layer is not the shutdown's business
	if cfg.Rancher.ShutdownTimeout == 0 {
		return defaultShutdown
	}
	return max(leastShutdown, time.Duration(cfg.Rancher.ShutdownTimeout)*time.Second)
}

func (b *Boot) kernel() leaving { return &kernelLeaving{boot: b} }
