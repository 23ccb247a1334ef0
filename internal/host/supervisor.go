package host

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// outcome is how one boot of a machine ended.
type outcome int

const (
	restarted  outcome = iota // the machine asked to be started again
	poweredOff                // the machine switched itself off
	died                      // anything else
	emulatorFault
)

// ending is how the process that a machine stands and falls with ended.
type ending struct{ err error }

// spawn starts cmd from a thread that lives as long as the child does, and says
// on exited how it ended: the kernel takes the end of that thread for the death
// of the parent.
func spawn(cmd *exec.Cmd, exited chan<- ending) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			exited <- ending{cmd.Wait()}
		}
	}()
	return <-started
}

// guest is one way to run a machine. Its methods are called from one goroutine,
// but for cut, powerOff and reboot, which may come at any time after start.
type guest interface {
	// start begins one boot and names the process the machine stands and
	// falls with.
	start(ctx context.Context) (Process, error)
	// wait returns when that boot is over and nothing runs any more.
	wait() (outcome, error)
	powerOff() error
	reboot() error
	cut() error
	// close gives back what outlives a boot.
	close() error
}

// Orders to a supervisor.
const (
	orderPowerOff = syscall.SIGTERM
	orderReboot   = syscall.SIGINT
	orderCut      = syscall.SIGUSR1
)

// faultRetries bounds how often a boot is repeated because the emulator failed.
const faultRetries = 5

type supervisor struct {
	machine *Machine
	guest   guest
	run     Run
	orders  chan os.Signal
	cut     bool
	log     *logrus.Logger
}

// Supervise runs the machine in dir until it is switched off. It is the body
// of the supervisor process, and returns only then.
func Supervise(ctx context.Context, dir string) error {
	m := &Machine{dir: dir}
	if err := readJSON(m.path("machine.json"), &m.Spec); err != nil {
		return err
	}
	lock, err := m.lock()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	s := &supervisor{machine: m, orders: make(chan os.Signal, 4), log: newLogger()}
	signal.Notify(s.orders, orderPowerOff, orderReboot, orderCut)
	signal.Ignore(syscall.SIGHUP) // the terminal of `start` may go away
	if s.run.Supervisor, err = identify(os.Getpid()); err != nil {
		return err
	}
	if s.guest, err = s.newGuest(ctx); err == nil {
		err = s.boots(ctx)
		if closing := s.guest.close(); closing != nil {
			s.log.WithError(closing).Error("cannot clean up")
		}
	}
	if err != nil {
		s.record(Crashed, err.Error())
	}
	return err
}

func newLogger() *logrus.Logger {
	log := logrus.New()
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true, TimestampFormat: time.RFC3339})
	return log
}

func (s *supervisor) newGuest(ctx context.Context) (guest, error) {
	if s.machine.Spec.Kind == VirtualMachine {
		return newVMGuest(ctx, s.machine, &s.run, s.log)
	}
	return newNSGuest(ctx, s.machine, s.log)
}

// boots starts the machine, and again for as long as it asks for that.
func (s *supervisor) boots(ctx context.Context) error {
	faults := 0
	for {
		s.run.Boots++
		s.record(Starting, "")
		main, err := s.guest.start(ctx)
		if err != nil {
			return err
		}
		s.run.Main = main
		s.record(Running, "")
		end, err := s.watch()
		switch {
		case s.cut:
			s.record(Stopped, "power cut")
			return nil
		case end == poweredOff:
			s.record(Stopped, "switched off")
			return nil
		case end == emulatorFault && faults < faultRetries:
			faults++
			s.log.Warn("the emulator failed (Oops: int3 in sched_clock_cpu, known for thread=multi): booting again")
		case end == restarted:
			s.log.Info("the machine reboots")
		default:
			return err
		}
	}
}

// watch passes orders on until the boot is over.
func (s *supervisor) watch() (outcome, error) {
	type verdict struct {
		outcome outcome
		err     error
	}
	over := make(chan verdict, 1)
	go func() {
		end, err := s.guest.wait()
		over <- verdict{end, err}
	}()
	for {
		select {
		case end := <-over:
			return end.outcome, end.err
		case order := <-s.orders:
			s.obey(order)
		}
	}
}

func (s *supervisor) obey(order os.Signal) {
	var err error
	switch order {
	case orderPowerOff:
		s.log.Info("switching off")
		err = s.guest.powerOff()
	case orderReboot:
		s.log.Info("rebooting")
		err = s.guest.reboot()
	case orderCut:
		s.log.Info("cutting the power")
		s.cut = true
		err = s.guest.cut()
	}
	if err != nil {
		s.log.WithError(err).Error("cannot obey")
	}
}

func (s *supervisor) record(state State, reason string) {
	s.run.State, s.run.Reason, s.run.Since = state, reason, time.Now()
	fields := logrus.Fields{"state": state, "boot": s.run.Boots}
	if reason != "" {
		fields["reason"] = reason
	}
	s.log.WithFields(fields).Info("machine " + s.machine.Spec.Name)
	if err := writeJSON(s.machine.path("run.json"), &s.run); err != nil {
		s.log.WithError(err).Error("cannot record the state")
	}
}
