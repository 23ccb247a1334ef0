package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/source"
)

const (
	seedMount  = "/run/ros/media"
	seedFolder = "/seed" // in namespaces
	configTag  = "config-2"
)

// seedLabels are the labels of datasource disks, the better one first.
var seedLabels = []struct{ label, datasource string }{
	{configTag, "configdrive"}, {"CONFIG-2", "configdrive"},
	{"cidata", "nocloud"}, {"CIDATA", "nocloud"},
}

// readSeedDisk keeps what a config drive or a NoCloud disk says; without one it
// does nothing. Disks are there before PID 1 is, so that none is waited for.
func readSeedDisk(ctx context.Context, b *Boot) error {
	all, err := disks()
	if err != nil {
		return err
	}
	for _, s := range seedLabels {
		if d, found := findDisk(all, "LABEL="+s.label); found {
			return readSeedFrom(s.datasource, d.path, d.FSType, "")
		}
		if s.label == configTag && hasTag("/sys", configTag) {
			if err := b.modprobe(ctx, "-a", "-q", "-b", "9p", "9pnet_virtio"); err != nil {
				logrus.WithField("err", err).Debug("the kernel may lack 9p")
			}
			return readSeedFrom(s.datasource, configTag, "9p", "trans=virtio,version=9p2000.L")
		}
	}
	return nil
}

// hasTag says whether the hypervisor shares a folder under a 9p tag.
func hasTag(sys, tag string) bool {
	files, _ := filepath.Glob(filepath.Join(sys, "bus/virtio/drivers/9pnet_virtio/virtio*/mount_tag")) // the pattern is sound
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err == nil && cString(data) == tag {
			return true
		}
	}
	return false
}

func readSeedFrom(datasource, device, fstype, data string) (err error) {
	if err := os.MkdirAll(seedMount, 0o700); err != nil {
		return fmt.Errorf("cannot make a mount point: %w", err)
	}
	flags := uintptr(unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount(device, seedMount, fstype, flags, data); err != nil {
		return fmt.Errorf("cannot mount datasource %s (%s): %w", device, fstype, err)
	}
	defer func() {
		if undone := unix.Unmount(seedMount, unix.MNT_DETACH); err == nil && undone != nil {
			err = fmt.Errorf("cannot unmount datasource %s: %w", device, undone)
		}
	}()
	logrus.Infof("datasource %s is on %s", datasource, device)
	return keepSeed(datasource, seedMount)
}

// readSeedFolder reads the folder that stands for a NoCloud disk in namespaces.
func readSeedFolder(_ context.Context, b *Boot) error {
	if _, err := os.Stat(seedFolder); errors.Is(err, fs.ErrNotExist) || !b.Namespaced {
		return nil
	}
	return keepSeed("nocloud", seedFolder)
}

func keepSeed(datasource, dir string) error {
	seed, err := source.ReadSeed(dir)
	if errors.Is(err, source.ErrNoSeed) {
		logrus.WithField("err", err).Info("a datasource is empty")
		return nil
	}
	if err != nil {
		return err
	}
	return source.SaveSeed("/", datasource, seed)
}
