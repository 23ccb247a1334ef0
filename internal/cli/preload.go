package cli

import (
	"context"
	"io"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine"
	"github.com/ros-os/ros/internal/preload"
	"github.com/ros-os/ros/servicectl"
)

// preloadFolder is the folder of archives for a daemon.
func preloadFolder(scope compose.Scope) string {
	if scope == compose.User {
		return preload.UserFolder
	}
	return preload.SystemFolder
}

// newPreloader loads the archives below dir into the engine's daemons, and has
// the controller tell what cannot be loaded.
func newPreloader(dir string, eng *engine.Engine, c *servicectl.Controller, log *logrus.Entry) *preload.Preloader {
	o := preload.Options{
		Dir: dir, Daemons: map[string]preload.Daemon{}, Log: log.WithField("phase", "preload"),
		Tell: func(r cloudconfig.Report) { c.Note("preload", r) },
	}
	for _, scope := range []compose.Scope{compose.System, compose.User} {
		o.Daemons[preloadFolder(scope)] = archiveDaemon{eng, scope}
	}
	return preload.New(o)
}

// archiveDaemon is one daemon, as archives are loaded into it.
type archiveDaemon struct {
	engine *engine.Engine
	scope  compose.Scope
}

func (d archiveDaemon) ID(ctx context.Context) (string, error) {
	return d.engine.DaemonID(ctx, d.scope)
}

func (d archiveDaemon) Load(ctx context.Context, name string, archive io.Reader, size int64) ([]string, error) {
	return d.engine.LoadArchive(ctx, d.scope, name, archive, size)
}

// gate lets pulls wait for preloaded images, where the configuration wants that.
type gate struct {
	wanted func() bool
	images *preload.Preloader // set before the first pull
}

func (g *gate) beforePull(ctx context.Context, scope compose.Scope) error {
	if !g.wanted() {
		return nil
	}
	return g.images.Wait(ctx, preloadFolder(scope))
}
