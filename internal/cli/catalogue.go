package cli

import (
	"context"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/catalogue/repository"
	"github.com/ros-os/ros/internal/machine/network"
	"github.com/ros-os/ros/internal/source"
)

// newUpdater keeps the copies of definitions in the network up to date, for the
// controller. A new version that cannot be used does not replace the old one.
func newUpdater(root string, log *logrus.Entry) *repository.Updater {
	ready := filepath.Join(root, network.ReadyFile)
	return repository.NewUpdater(repository.UpdaterOptions{
		Root: root, Check: checkDocument, Log: log, Online: func() bool { return online(ready) },
	})
}

// online says whether service network says that the network is ready.
func online(readyFile string) bool {
	_, err := os.Stat(readyFile)
	return err == nil
}

// watchNetwork tells whenever service network says that the network is ready, or
// is not any more.
func watchNetwork(ctx context.Context, path string, changed func(up bool)) error {
	return source.WatchFile(ctx, path, func() { changed(online(path)) })
}
