package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"sync"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/daemon"
	"github.com/ros-os/ros/internal/engine"
	"github.com/ros-os/ros/internal/machine/network"
	"github.com/ros-os/ros/internal/machine/setting"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
)

// loader reads what should be: the layers, the catalogue, the project. It
// remembers the registry credentials of the last reading for the engine.
type loader struct {
	root string

	mu    sync.Mutex
	auths map[string]cloudconfig.Auth // guarded by mu
}

// Load is one whole reading. Problems are in the result; what is good of the
// configuration is always usable.
func (l *loader) Load(context.Context) (servicectl.Desired, error) {
	d := desired(l.root)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.auths = d.Config.Rancher.RegistryAuths
	return d, nil
}

func (l *loader) registryAuths() map[string]cloudconfig.Auth {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.auths
}

// desired is what the configuration below root asks for.
func desired(root string) servicectl.Desired {
	cfg, report := source.Load(root)
	definitions, found := catalogue.Load(root, cfg)
	report = append(report, found...)
	project, found := compose.Build(cfg, compose.Options{Definitions: definitions})
	report = append(report, found...)
	report = append(report, daemon.User(cfg, daemon.Env{}).Warnings...)
	return servicectl.Desired{Config: cfg, Project: project, Report: report.Sorted()}
}

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
	load := &loader{root: a.root}
	eng, err := engine.New(engine.Options{Auths: load.registryAuths})
	if err != nil {
		return err
	}
	c := servicectl.New(servicectl.Options{
		Engine:       eng,
		Machine:      setting.New(a.root),
		Loader:       load,
		Log:          logrus.NewEntry(log),
		StatePath:    a.path("/run/ros/controller.json"),
		BootProblems: func() cloudconfig.Report { return bootProblems(a.path("/run/ros/boot.json")) },
	})

	power := make(chan os.Signal, 1)
	signal.Notify(power, unix.SIGPWR)
	defer signal.Stop(power)

	parts := []func(context.Context) error{
		c.Run,
		func(ctx context.Context) error { return c.Serve(ctx, a.path(a.socket)) },
		func(ctx context.Context) error { return source.Watch(ctx, a.root, c.Reload) },
		// A host name that DHCP gives is part of what the host should be.
		func(ctx context.Context) error { return source.WatchFile(ctx, a.path(network.StatusFile), c.Reload) },
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
