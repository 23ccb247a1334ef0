package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/machine/block"
)

// disk is a block device or a partition.
type disk struct {
	path string // "/dev/vda1"
	block.Superblock
}

// disks probes every block device that can hold files, in the order of their
// names. One that cannot be read is left out.
func disks() ([]disk, error) {
	entries, err := os.ReadDir("/sys/class/block")
	if err != nil {
		return nil, fmt.Errorf("cannot list the disks: %w", err)
	}
	var all []disk
	for _, e := range entries {
		if !holdsFiles(e.Name()) {
			continue
		}
		path := filepath.Join("/dev", strings.ReplaceAll(e.Name(), "!", "/"))
		sb, err := probeDevice(path)
		if err != nil {
			logrus.WithField("err", err).Debugf("disk %s is left out", path)
			continue
		}
		all = append(all, disk{path, sb})
	}
	return all, nil
}

// holdsFiles leaves out devices made of memory, other devices and nothing.
func holdsFiles(name string) bool {
	for _, prefix := range []string{"loop", "ram", "zram", "fd", "nbd"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return readTrimmed(filepath.Join("/sys/class/block", name, "size")) != "0"
}

func probeDevice(path string) (block.Superblock, error) {
	if strings.HasPrefix(filepath.Base(path), "sr") && !hasMedium(path) {
		return block.Superblock{}, fmt.Errorf("cannot read %s: %w", path, unix.ENOMEDIUM)
	}
	f, err := openDevice(path)
	if err != nil {
		return block.Superblock{}, err
	}
	defer func() { _ = f.Close() }() // read only
	return block.Probe(f)
}

func openDevice(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open a disk: %w", err)
	}
	return f, nil
}

// hasMedium asks a drive whether there is a disc in it; opening an empty one in
// any other way closes its tray and fills the kernel's log.
func hasMedium(path string) bool {
	const driveStatus, discOK = 0x5326, 4 // CDROM_DRIVE_STATUS, CDS_DISC_OK
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }() // read only
	status, err := unix.IoctlRetInt(fd, driveStatus)
	return err == nil && status == discOK
}

// findDisk finds a device by LABEL=, UUID= or path; ok is false when there is
// none. Of several the first is taken.
func findDisk(all []disk, spec string) (found disk, ok bool) {
	key, value, named := strings.Cut(spec, "=")
	i := slices.IndexFunc(all, func(d disk) bool {
		switch {
		case !named:
			return d.path == spec || d.path == resolved(spec)
		case strings.EqualFold(key, "LABEL"):
			return d.Label == value
		case strings.EqualFold(key, "UUID"):
			return strings.EqualFold(d.UUID, value)
		default:
			return false
		}
	})
	if i < 0 {
		return disk{}, false
	}
	return all[i], true
}

// resolved follows links such as those in /dev/disk.
func resolved(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return path
	}
	return real
}

// sizeOf is a device's size in bytes.
func sizeOf(path string) (int64, error) {
	text := readTrimmed(filepath.Join("/sys/class/block", filepath.Base(path), "size"))
	sectors, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("cannot read the size of %s: %w", path, err)
	}
	return sectors * 512, nil
}

// hasPartitions says whether the kernel found partitions on a disk.
func hasPartitions(path string) bool {
	name := filepath.Base(path)
	entries, err := os.ReadDir(filepath.Join("/sys/class/block", name))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // in doubt, it has
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), name) })
}
