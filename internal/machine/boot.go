package machine

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/daemon"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/supervise"
)

// Boot is PID 1's life: it brings the machine up, keeps System Docker and the
// controller running, and takes the machine down.
type Boot struct {
	// Namespaced says that a host has set up the root, and that clocks, disks
	// and modules are the host's.
	Namespaced bool
	// Clock is the time since the machine began.
	Clock func() time.Duration

	reaper *supervise.Reaper
	record *recorder
	config cloudconfig.Config

	storage    storageDrivers
	stateDir   string // where var, home and opt are
	seeded     bool   // a datasource said something
	dockerLog  *logFile
	controlLog *logFile
	daemon     atomic.Pointer[daemon.Daemon] // how System Docker is started next
	docker     *supervise.Process
	controller *supervise.Process
	actions    chan Action // capacity 1; what the power button asks for
}

// NewBoot returns a boot that has not begun.
func NewBoot(namespaced bool) *Boot {
	return &Boot{
		Namespaced: namespaced,
		Clock:      clock(namespaced),
		reaper:     supervise.NewReaper(),
		record:     &recorder{path: RecordFile},
		stateDir:   stateMount,
		dockerLog:  &logFile{path: "/var/log/system-docker.log"},
		controlLog: &logFile{path: "/var/log/ros.log"},
		actions:    make(chan Action, 1),
	}
}

// clock counts from the start of the kernel; in namespaces, where that is the
// host's, from now.
func clock(namespaced bool) func() time.Duration {
	begun := time.Now()
	return func() time.Duration {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil || namespaced {
			return time.Since(begun)
		}
		return time.Duration(ts.Nano())
	}
}

func (b *Boot) clock() time.Duration { return b.Clock() }

// Run brings the machine up, and takes it down when it is told to. It returns
// only when the machine cannot be left in another way: in namespaces after a
// failed boot, or when reboot(2) fails.
func (b *Boot) Run(ctx context.Context) error {
	debug.SetGCPercent(50)                                // PID 1 does next to nothing: small is better than fast
	if err := os.Setenv("PATH", searchPath); err != nil { // the kernel gives none
		return err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, powerSignals()...)
	// Taken and not read: their default would end PID 1, and ignoring them would
	// be passed on to its children.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGPIPE)
	if !b.Namespaced {
		// Ctrl-Alt-Del becomes SIGINT. It fails only where there is no such key.
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF)
	}
	b.spawn(ctx, "reaper", b.reaper.Run)

	booting, cancel := context.WithCancel(ctx)
	defer cancel()
	booted := make(chan error, 1)
	go func() { booted <- guard(func() error { return b.bringUp(booting) }) }()
	for {
		select {
		case err := <-booted:
			if err != nil && b.Namespaced && ctx.Err() == nil {
				return err
			}
			booted = nil
			b.spawn(ctx, "space", b.watchSpace)
			b.spawn(ctx, "logs", b.boundLogs)
			debug.FreeOSMemory()
		case sig := <-signals:
			cancel()
			return b.shutDown(ctx, actionOf(sig), signals)
		case a := <-b.actions:
			cancel()
			return b.shutDown(ctx, a, signals)
		}
	}
}

// bringUp runs all phases. What it cannot pass leads to the recovery console,
// and from there to another try.
func (b *Boot) bringUp(ctx context.Context) error {
	phases := Phases()
	from := 0
	for {
		err := b.run(ctx, phases, from)
		var failed *PhaseError
		switch {
		case err == nil:
			logrus.Info("the boot is done")
			return nil
		case ctx.Err() != nil || b.Namespaced || !errors.As(err, &failed):
			return err
		}
		if err := b.recover(ctx, failed.Error()); err != nil {
			return err
		}
		from = failed.Index
	}
}

// readConfig reads every layer that is there by now. A change on trial whose
// time is up is taken back first.
func readConfig(_ context.Context, b *Boot) error {
	trial, verdict, err := source.Settle("/", source.Now())
	switch {
	case err != nil: // the controller tries again, and tells
		logrus.WithFields(logrus.Fields{"config": source.CloudConfigFile, "err": err}).Error("cannot look after the change on trial")
	case verdict != source.NoTrial:
		logrus.WithField("config", source.CloudConfigFile).Infof("%q: %s", trial.Command, verdict)
	}
	cfg, report := source.Load("/")
	b.config = cfg
	if cfg.Rancher.Debug {
		logrus.SetLevel(logrus.DebugLevel)
	}
	for _, p := range report {
		// The controller reports them: it reads the same layers.
		logrus.WithField("config", p.Pos.String()).Warn(p.String())
	}
	return nil
}
