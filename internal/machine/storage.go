package machine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
)

// storageRounds bounds how often a driver that was loaded shows hardware behind
// it: a controller, then its disks.
const storageRounds = 4

// storageHardware is how storage names itself, by bus: a part of the modalias,
// and the drivers of what is usual. The rest is left to modprobe, which is slow
// to start.
var storageHardware = []struct {
	bus, kind string
	drivers   []string
	slow      bool // the driver takes a second to look for disks
}{
	{"virtio", "d00000002", []string{"virtio_blk"}, false},
	{"virtio", "d00000008", []string{"virtio_scsi"}, false},
	{"virtio", "d00000009", []string{"9pnet_virtio"}, false}, // a config drive may be a shared folder
	{"virtio", "d0000001A", []string{"virtiofs"}, false},
	{"scsi", "t-0x00", []string{"sd_mod"}, false},
	{"scsi", "t-0x05", []string{"sr_mod"}, false},
	{"pci", "bc01sc06", []string{"ahci"}, true},
	{"pci", "bc01sc01", []string{"ata_piix", "ata_generic"}, true},
	{"pci", "bc01", nil, true},
	{"pci", "bc0Csc03", nil, true}, // USB controllers
	{"vmbus", "vmbus:", nil, true},
	{"usb", "ic08", nil, true},
}

// driverless is a device of storage hardware that no driver has taken.
type driverless struct {
	alias   string
	drivers []string // nil when modprobe has to know
	slow    bool
}

// storageDrivers remembers what was tried: hardware without a driver stays so.
type storageDrivers struct {
	tried map[string]bool // by alias
}

// load loads the drivers of the storage hardware that is present; the slow ones
// only when they are asked for.
func (s *storageDrivers) load(ctx context.Context, b *Boot, slowToo bool) {
	tree, err := openModules()
	if err != nil {
		logrus.WithField("err", err).Debug("drivers of disks are left to the kernel")
		return
	}
	if s.tried == nil {
		s.tried = map[string]bool{}
	}
	for range storageRounds {
		var unusual []string
		fresh := false
		for _, d := range findDriverless("/sys") {
			if s.tried[d.alias] || d.slow && !slowToo {
				continue
			}
			s.tried[d.alias], fresh = true, true
			if d.drivers == nil || tree.load(d.drivers...) != nil {
				unusual = append(unusual, d.alias)
			}
		}
		if !fresh {
			return
		}
		b.probe(ctx, unusual...)
	}
}

// probe lets modprobe find drivers, or names, that may not exist.
func (b *Boot) probe(ctx context.Context, names ...string) {
	if len(names) == 0 {
		return
	}
	if err := b.modprobe(ctx, append([]string{"-a", "-q", "-b"}, names...)...); err != nil {
		logrus.WithField("err", err).Debug("some hardware has no driver")
	}
}

// hasSlowStorage says whether there is hardware whose disks appear some time
// after its driver: NVMe controllers and USB storage.
func hasSlowStorage(sys string) bool {
	for pattern, kind := range map[string]string{
		"bus/pci/devices/*/modalias": "bc01sc08", "bus/usb/devices/*/modalias": "ic08",
	} {
		files, _ := filepath.Glob(filepath.Join(sys, pattern)) // the pattern is sound
		if slices.ContainsFunc(files, func(f string) bool { return strings.Contains(readTrimmed(f), kind) }) {
			return true
		}
	}
	return false
}

// findDriverless lists the storage hardware that no driver has taken, each kind
// once.
func findDriverless(sys string) []driverless {
	var out []driverless
	for _, h := range storageHardware {
		dirs, _ := filepath.Glob(filepath.Join(sys, "bus", h.bus, "devices", "*")) // the pattern is sound
		for _, dir := range dirs {
			alias := readTrimmed(filepath.Join(dir, "modalias"))
			_, err := os.Lstat(filepath.Join(dir, "driver"))
			known := slices.ContainsFunc(out, func(d driverless) bool { return d.alias == alias })
			if strings.Contains(alias, h.kind) && errors.Is(err, fs.ErrNotExist) && !known {
				out = append(out, driverless{alias, h.drivers, h.slow})
			}
		}
	}
	return out
}
