package cli

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/catalogue/repository"
	"github.com/ros-os/ros/internal/source"
)

// newUpdater keeps the copies of definitions in the network up to date, for the
// controller. A new version that cannot be used does not replace the old one.
func newUpdater(root string, log *logrus.Entry) *repository.Updater {
	return repository.NewUpdater(repository.UpdaterOptions{Root: root, Check: checkDocument, Log: log})
}

// watchNetwork calls up whenever service network says that the network is ready.
func watchNetwork(ctx context.Context, path string, up func()) error {
	return source.WatchFile(ctx, path, func() {
		if _, err := os.Stat(path); err == nil {
			up()
		}
	})
}
