package setting

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ros-os/ros/internal/machine/block"
)

// stateMount is where PID 1 mounts the state partition. It is what "/" stands for
// in the keys of cloud-init: the root of this system never grows.
const stateMount = "/state"

// tooLittle is a difference that is not worth a resize: file systems leave the
// end of a device free that does not make a whole group of blocks.
const tooLittle = 32 << 20

// growpart grows partitions to the size of their disks, and file systems to the
// size of their partitions.
func (p *pass) growpart(ctx context.Context) {
	off := p.cfg.Growpart.Mode == "off" || p.cfg.Growpart.Mode == "false" ||
		p.m.exists("/etc/growroot-disabled") && !p.cfg.Growpart.IgnoreGrowrootDisabled
	if p.namespaced {
		return
	}
	all, err := p.mountPoints()
	if err != nil {
		p.fail(err, "growpart")
		return
	}
	names := p.cfg.Growpart.Devices
	if len(names) == 0 {
		names = []string{"/"}
	}
	if off {
		names = nil
	}
	for _, name := range names {
		p.fail(p.growOne(ctx, all, name), "growpart", "devices")
	}
	p.fail(p.growDevice(ctx, all), "rancher", "resize_device")
	if p.cfg.ResizeRootfs != "false" && off {
		p.fail(p.growFS(ctx, all, stateDevice(all, stateMount)), "resize_rootfs")
	}
}

// stateDevice is the device that is mounted at a folder, "" when that is none.
func stateDevice(all []mountPoint, target string) string {
	if m, ok := mountedAt(all, target); ok && strings.HasPrefix(m.Source, "/dev/") {
		return m.Source
	}
	return ""
}

// growOne grows one of the devices of growpart: a device, or where it is mounted.
func (p *pass) growOne(ctx context.Context, all []mountPoint, name string) error {
	dev := name
	if !strings.HasPrefix(name, "/dev/") {
		if dev = name; name == "/" {
			dev = stateMount
		}
		if dev = stateDevice(all, dev); dev == "" {
			if name == "/" {
				return nil // the state is kept in memory
			}
			return fmt.Errorf("cannot grow %s: no device is mounted there", name)
		}
	}
	dev, err := p.device(dev)
	if err != nil {
		return fmt.Errorf("cannot grow: %w", err)
	}
	if err := p.growPartition(dev, "growpart", "devices"); err != nil {
		return err
	}
	if p.cfg.ResizeRootfs == "false" {
		return nil
	}
	return p.growFS(ctx, all, dev)
}

// growDevice does what rancher.resize_device asks: the first partition of the
// disk, and the file system on it, fill it.
func (p *pass) growDevice(ctx context.Context, all []mountPoint) error {
	name := p.cfg.Rancher.ResizeDevice
	if name == "" {
		return nil
	}
	disk, err := p.device(name)
	if err != nil {
		return fmt.Errorf("cannot grow: %w", err)
	}
	part := disk
	if _, _, is := p.parentOf(disk); !is {
		n := 1
		if strings.Contains(path.Base(disk), "mmcblk") {
			n = 2 // the first one is the firmware's
		}
		part = partitionOf(disk, n)
	}
	if err := p.growPartition(part, "rancher", "resize_device"); err != nil {
		return err
	}
	return p.growFS(ctx, all, part)
}

// growPartition lets a partition take the free space behind it.
func (p *pass) growPartition(dev string, at ...string) error {
	disk, n, ok := p.parentOf(dev)
	if !ok {
		return nil // a whole disk grows by itself
	}
	table, size, found, err := p.table(disk)
	if err != nil {
		return fmt.Errorf("cannot grow %s: %w", dev, err)
	}
	grown, ok := block.Grow(table, size, n)
	if !found || !ok {
		return nil
	}
	p.do("grow partition "+dev, at, func() error { return p.grow(disk, table, grown) })
	return nil
}

func (p *pass) grow(disk string, table block.Table, grown block.Part) (err error) {
	f, size, err := block.OpenUsed(p.m.path(disk))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := block.WriteGrown(f, size, table, grown); err != nil {
		return err
	}
	return block.Resize(f, grown)
}

// growFS lets the file system of a device fill it.
func (p *pass) growFS(ctx context.Context, all []mountPoint, dev string) error {
	if dev == "" {
		return nil
	}
	sb, err := p.probe(dev)
	if err != nil {
		return fmt.Errorf("cannot grow the file system of %s: %w", dev, err)
	}
	_, size, err := p.holds(dev)
	if err != nil {
		return fmt.Errorf("cannot grow the file system of %s: %w", dev, err)
	}
	i := slices.IndexFunc(all, func(m mountPoint) bool { return m.Source == dev })
	var argv []string
	switch {
	case sb.FSType == "ext4" && sb.Size > 0 && sb.Size+tooLittle < size:
		argv = []string{"resize2fs", p.m.path(dev)}
	case sb.FSType == "xfs" && i >= 0 && p.m.kernel.has("xfs_growfs"):
		argv = []string{"xfs_growfs", "-d", all[i].Target}
	case sb.FSType == "btrfs" && i >= 0 && p.m.kernel.has("btrfs"):
		argv = []string{"btrfs", "filesystem", "resize", "max", all[i].Target}
	default:
		return nil
	}
	if sb.FSType != "ext4" && (p.dry || p.m.doneThisBoot("resize:"+dev)) {
		return nil // nobody can tell how large they are: once a boot is enough
	}
	p.do("grow the file system of "+dev, []string{"resize_rootfs"}, func() error {
		if err := p.m.kernel.run(ctx, "", argv...); err != nil {
			return fmt.Errorf("cannot grow the file system of %s: %w", dev, err)
		}
		if sb.FSType == "ext4" {
			return nil
		}
		return p.m.stampThisBoot("resize:" + dev)
	})
	return nil
}
