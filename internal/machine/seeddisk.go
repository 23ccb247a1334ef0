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

	configDrive = "configdrive"
)

// seedLabels are the labels of datasource disks, the better one first.
var seedLabels = []struct{ label, datasource string }{
	{configTag, configDrive},
	{"CONFIG-2", configDrive},
	{"cidata", "nocloud"},
	{"CIDATA", "nocloud"},
}

// readSeedDisk keeps what a config drive or a NoCloud disk says; without one it
// does nothing. Disks are there before PID 1 is, so that none is waited for.
// Drivers that take long are loaded only when the others show no datasource.
func readSeedDisk(ctx context.Context, b *Boot) error {
	for _, slowToo := range []bool{false, true} {
		b.storage.load(ctx, b, slowToo)
		if found, err := b.lookForSeed(); err != nil || found {
			return err
		}
	}
	all, err := disks()
	if err != nil {
		return err
	}
	return keepOVF(all)
}

// lookForSeed keeps what the best datasource among the disks that are there says.
func (b *Boot) lookForSeed() (found bool, err error) {
	all, err := disks()
	if err != nil {
		return false, err
	}
	for _, s := range seedLabels {
		if d, found := findDisk(all, "LABEL="+s.label); found {
			return true, b.readSeedFrom(s.datasource, d.path, d.FSType, "")
		}
		if s.label == configTag && hasTag("/sys", configTag) {
			return true, b.readSeedFrom(s.datasource, configTag, "9p", "trans=virtio,version=9p2000.L")
		}
	}
	return false, nil
}

// hasTag says whether the hypervisor shares a folder under a 9p tag.
func hasTag(sys, tag string) bool {
	files, _ := filepath.Glob(filepath.Join(sys, "bus/virtio/drivers/9pnet_virtio/virtio*/mount_tag")) // the pattern is sound
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err == nil && unix.ByteSliceToString(data) == tag {
			return true
		}
	}
	return false
}

func (b *Boot) readSeedFrom(datasource, device, fstype, data string) error {
	return withSeedMounted(device, fstype, data, func(dir string) error {
		logrus.Infof("datasource %s is on %s", datasource, device)
		return b.keepSeed(datasource, dir)
	})
}

// withSeedMounted mounts a device while do reads it.
func withSeedMounted(device, fstype, data string, do func(dir string) error) (err error) {
	if err := os.MkdirAll(seedMount, 0o700); err != nil {
		return fmt.Errorf("cannot make a mount point: %w", err)
	}
	loadFilesystem(fstype)
	flags := uintptr(unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount(device, seedMount, fstype, flags, data); err != nil {
		return fmt.Errorf("cannot mount datasource %s (%s): %w", device, fstype, err)
	}
	defer func() {
		if undone := unix.Unmount(seedMount, unix.MNT_DETACH); err == nil && undone != nil {
			err = fmt.Errorf("cannot unmount datasource %s: %w", device, undone)
		}
	}()
	return do(seedMount)
}

// filesystemModules are what it takes to mount a file system, by its type. The
// kernel would ask modprobe for them, which takes longer.
var filesystemModules = map[string][]string{
	"iso9660": {"isofs"}, "vfat": {"vfat", "nls_cp437", "nls_ascii"}, "9p": {"9pnet_virtio", "9p"}, "ext4": {"ext4"},
	"udf": {"udf"},
}

func loadFilesystem(fstype string) {
	tree, err := openModules()
	if err == nil {
		err = tree.load(filesystemModules[fstype]...)
	}
	if err != nil {
		logrus.WithField("err", err).Debug("the kernel has to find the file system by itself")
	}
}

// readSeedFolder reads the folder that stands for a datasource's disk in
// namespaces.
func readSeedFolder(_ context.Context, b *Boot) error {
	if _, err := os.Stat(seedFolder); errors.Is(err, fs.ErrNotExist) || !b.Namespaced {
		return nil
	}
	datasource := "nocloud"
	if _, err := os.Stat(filepath.Join(seedFolder, "openstack")); err == nil {
		datasource = configDrive
	}
	return b.keepSeed(datasource, seedFolder)
}

// keepSeed keeps what a datasource says, and that it was asked. The controller,
// which has the network, fetches what is included.
func (b *Boot) keepSeed(datasource, dir string) error {
	begin := b.clock()
	seed, err := source.ReadSeed(dir)
	if errors.Is(err, source.ErrNoSeed) {
		logrus.WithField("err", err).Info("a datasource is empty")
		return nil
	}
	if seed.Empty() && err != nil {
		return err
	}
	record, saved := source.SaveDisk("/", datasource, seed)
	if saved != nil {
		return errors.Join(err, saved)
	}
	b.seeded = true
	if err != nil {
		record.Problem = err.Error()
	}
	var unprepared error
	record.Instance, unprepared = source.PrepareInstance("/")
	record.Asked = []source.Asked{{
		Name: datasource, Outcome: source.Used, Begin: begin.Seconds(), Seconds: (b.clock() - begin).Seconds(), Tries: 1,
	}}
	return errors.Join(err, unprepared, source.SaveRecord("/", record))
}

// adoptSeed reads the configuration once more when a datasource was found, and
// makes what was set up before it follow.
func adoptSeed(ctx context.Context, b *Boot) error {
	if !b.seeded {
		return nil
	}
	if err := readConfig(ctx, b); err != nil {
		return err
	}
	name := b.hostname()
	return errors.Join(setHostname(name), writeHostFiles("/etc", name), b.reconfigureSystemDocker())
}
