package machine

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sirupsen/logrus"
)

// Phase is one step of the boot.
type Phase struct {
	Name string
	// Must says that the boot cannot go on without it. The failure of another
	// phase is recorded as a problem.
	Must bool
	// Hardware phases are left out in namespaces, where a host has done their work.
	Hardware bool
	Do       func(context.Context, *Boot) error
}

// Phases is the boot, in order.
func Phases() []Phase {
	return []Phase{
		{Name: "mount the kernel's file systems", Must: true, Do: mountKernelFilesystems},
		{Name: "load the drivers in the initrd", Hardware: true, Do: loadInitrdModules},
		{Name: "mount the root", Must: true, Hardware: true, Do: mountRoot},
		{Name: "read the configuration of the image", Do: readConfig},
		{Name: "hide what the command line says to init alone", Hardware: true, Do: hideCmdline},
		{Name: "mount the state disk", Must: true, Hardware: true, Do: mountState},
		{Name: "look at the space on the state disk", Do: checkSpace},
		{Name: "put /var, /home and /opt on the state disk", Must: true, Do: bindState},
		{Name: "read the configuration on the state disk", Do: readConfig},
		{Name: "set up the host", Do: setUpHost},
		{Name: "open the recovery console if it is asked for", Do: recoverIfAsked},
		// System Docker takes by far the longest: what it does not need comes after.
		{Name: "start System Docker", Must: true, Do: startSystemDocker},
		{Name: "load the drivers of network cards", Hardware: true, Do: loadNetworkDrivers},
		{Name: "look for a datasource disk", Hardware: true, Do: readSeedDisk},
		{Name: "look for a seed folder", Do: readSeedFolder},
		{Name: "adopt what the datasource says", Do: adoptSeed},
		{Name: "load modules", Hardware: true, Do: loadConfiguredModules},
		{Name: "watch the power button", Hardware: true, Do: watchPowerButton},
		// It takes a while to read what is to be, and waits for the daemon by itself.
		{Name: "start the controller", Must: true, Do: startController},
		{Name: "wait until System Docker answers", Must: true, Do: awaitSystemDocker},
	}
}

// PhaseError is the failure of a phase that the boot cannot go on without.
type PhaseError struct {
	Index int // in the list of phases
	Name  string
	Err   error
}

func (e *PhaseError) Error() string { return fmt.Sprintf("cannot %s: %v", e.Name, e.Err) }

// Unwrap gives the cause.
func (e *PhaseError) Unwrap() error { return e.Err }

// run runs phases from the given index on. It stops at the first failure of one
// that must succeed, which is a [*PhaseError], or when ctx ends.
func (b *Boot) run(ctx context.Context, phases []Phase, from int) error {
	for i := from; i < len(phases); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := phases[i]
		if p.Hardware && b.Namespaced {
			continue
		}
		if err := b.runPhase(ctx, p); err != nil && p.Must {
			return &PhaseError{Index: i, Name: p.Name, Err: err}
		}
	}
	return nil
}

func (b *Boot) runPhase(ctx context.Context, p Phase) error {
	begin := b.clock()
	err := guard(func() error { return p.Do(ctx, b) })
	took := b.clock() - begin
	rec := PhaseRecord{Name: p.Name, Begin: begin.Seconds(), Duration: took.Seconds()}
	entry := logrus.WithField("phase", p.Name)
	switch {
	case err == nil:
		entry.Info(fmt.Sprintf("%s (%.2fs)", p.Name, took.Seconds()))
	case ctx.Err() != nil: // the machine is being left
		rec.Error = err.Error()
	case p.Must:
		rec.Error = err.Error()
		entry.WithField("err", err).Error("cannot " + p.Name)
	default:
		rec.Error = err.Error()
		b.problem("cannot %s: %v", p.Name, err)
	}
	b.record.addPhase(rec)
	return err
}

// guard turns a panic into an error: PID 1 goes on.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("this is a bug: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// spawn runs do in a goroutine that lives as long as the machine, and starts it
// again, a second later, when it panics.
func (b *Boot) spawn(ctx context.Context, name string, do func(context.Context)) {
	go func() {
		for {
			err := guard(func() error { do(ctx); return nil })
			if err == nil || ctx.Err() != nil {
				return
			}
			logrus.WithFields(logrus.Fields{"step": name, "err": err}).Error("a part of PID 1 failed")
			if !sleep(ctx, time.Second) {
				return
			}
		}
	}()
}

// sleep waits, and says whether it did so to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
