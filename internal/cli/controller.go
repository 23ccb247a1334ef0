package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/engine"
	"github.com/ros-os/ros/internal/machine/network"
	"github.com/ros-os/ros/internal/machine/setting"
	"github.com/ros-os/ros/internal/preload"
	"github.com/ros-os/ros/internal/resident"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/source/datasource"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
)

func (a *app) controllerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "controller",
		Short:  "Keep the machine's services converged (started by PID 1)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runController(cmd.Context())
		},
	}
}

// runController runs until its context ends (SIGTERM: containers live on) or
// until SIGPWR, when it stops every service first: the machine goes down.
func (a *app) runController(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log := logrus.New()
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true})
	logToJournal(log)
	trial := trials{root: a.root, log: logrus.NewEntry(log)}
	trial.settle()
	updates := newUpdater(a.root, logrus.NewEntry(log))
	sources := datasource.New(datasource.Options{Root: a.root, Log: logrus.NewEntry(log)})
	named, err := source.NewNamed(a.root)
	if err != nil {
		return err
	}
	load := &loader{root: a.root, console: openConsole, updates: updates, sources: sources, named: named}
	gate := &gate{wanted: load.preloadWait}
	eng, err := engine.New(engine.Options{Auths: load.registryAuths, Domain: load.registryDomain, BeforePull: gate.beforePull})
	if err != nil {
		return err
	}
	machine := setting.New(a.root)
	c := servicectl.New(servicectl.Options{
		Engine:       eng,
		Machine:      machine,
		Loader:       load,
		Log:          logrus.NewEntry(log),
		StatePath:    a.path("/run/ros/controller.json"),
		IntentPath:   a.path("/var/lib/rancher/intents.json"),
		Journal:      journal.Open(journal.Options{Path: a.path("/var/lib/rancher/events.jsonl")}),
		BootProblems: func() cloudconfig.Report { return bootProblems(a.path("/run/ros/boot.json")) },
		AtRest:       func() { releaseMemory(log) },
	})

	trial.reload = c.Reload
	gate.images = newPreloader(a.path(preload.DefaultDir), eng, c, logrus.NewEntry(log))

	power := make(chan os.Signal, 1)
	signal.Notify(power, unix.SIGPWR)
	defer signal.Stop(power)

	parts := []func(context.Context) error{
		c.Run,
		func(ctx context.Context) error { return c.Serve(ctx, a.path(a.socket)) },
		func(ctx context.Context) error { return source.Watch(ctx, a.root, c.Reload) },
		func(ctx context.Context) error { return named.Run(ctx, c.Reload) },
		trial.run,
		func(ctx context.Context) error { return updates.Run(ctx, c.Reload) },
		func(ctx context.Context) error {
			return watchNetwork(ctx, a.path(network.ReadyFile), func(up bool) {
				updates.NetworkChanged(up)
				if up {
					sources.NetworkUp()
				}
			})
		},
		func(ctx context.Context) error { return sources.Run(ctx, c.Reload) },
		gate.images.Run,
		func(ctx context.Context) error { return machine.Run(ctx, c.Reapply) },
		func(ctx context.Context) error { return watchNetworkStatus(ctx, a.path(network.StatusFile), c.Reapply) },
	}
	var all sync.WaitGroup
	failed := make(chan error, len(parts))
	for _, part := range parts {
		all.Go(func() { failed <- part(ctx) })
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	case <-power:
		err = c.Shutdown(ctx)
	}
	cancel()
	all.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// releaseMemory gives back what the controller does not need while it rests. What
// it does not succeed in costs memory only.
func releaseMemory(log *logrus.Logger) {
	if err := resident.Release(); err != nil {
		log.WithField("err", err).Debug("not all memory is given back")
	}
}

// watchNetworkStatus calls changed when DHCP gives the machine another name, which
// is part of what the host should be, and when others are to know of other problems.
// Of the rest of the network's status the host needs nothing.
func watchNetworkStatus(ctx context.Context, path string, changed func()) error {
	var last network.Status // what there is at first may be told once too often
	return source.WatchFile(ctx, path, func() {
		status, err := network.ReadStatus(path)
		same := status.Hostname == last.Hostname && slices.Equal(status.Lasting, last.Lasting) && slices.Equal(status.Lacks, last.Lacks)
		if err != nil || same {
			return // of an error its writer tells
		}
		last = status
		changed()
	})
}

// bootProblems are what PID 1 could not do; a machine without a boot record has
// none to tell.
func bootProblems(path string) cloudconfig.Report {
	var record struct {
		Problems cloudconfig.Report `json:"problems"`
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, &record)
	}
	if err != nil {
		return cloudconfig.Report{{Pos: cloudconfig.Pos{File: path}, Msg: "cannot read the boot record: " + err.Error()}}
	}
	return record.Problems
}
