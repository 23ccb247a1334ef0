package setting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/block"
)

// diskSetup makes partition tables. A disk that holds anything is left alone,
// unless overwrite says so; and that only once for each instance.
func (p *pass) diskSetup(context.Context) {
	if p.hostsDisks("disk_setup", len(p.cfg.DiskSetup) > 0) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.cfg.DiskSetup)) {
		p.fail(p.setUpDisk(name, p.cfg.DiskSetup[name]), "disk_setup", name)
	}
}

func (p *pass) setUpDisk(name string, want cloudconfig.DiskSetup) error {
	dev, err := p.device(name)
	if err != nil {
		return fmt.Errorf("cannot partition: %w", err)
	}
	shares := sharesOf(want.Layout)
	if shares == nil && !want.Layout.Remove {
		return nil
	}
	what, size, err := p.holds(dev)
	if err != nil {
		return fmt.Errorf("cannot partition %s: %w", dev, err)
	}
	if want.Layout.Remove && what == "" {
		return nil
	}
	var table block.Table
	if !want.Layout.Remove {
		kind := want.TableType
		if kind == "" {
			kind = block.MBR
		}
		if table, err = block.MakeTable(kind, size, shares); err != nil {
			return fmt.Errorf("cannot partition %s: %w", dev, err)
		}
		if p.hasTable(dev, table) {
			return nil
		}
	}
	if err := p.mayOverwrite(dev, what, want.Overwrite, "disk_setup:"+name); err != nil {
		return err
	}
	p.do("partition "+dev, []string{"disk_setup", name}, func() error { return p.partition(dev, table) })
	return nil
}

// sharesOf is nil when the layout asks for no partition.
func sharesOf(l cloudconfig.Layout) []block.Share {
	if l.Whole {
		return []block.Share{{Percent: 100}}
	}
	var out []block.Share
	for _, part := range l.Partitions {
		out = append(out, block.Share{Percent: part.Percent, Type: part.Type})
	}
	return out
}

func (p *pass) hasTable(dev string, want block.Table) bool {
	have, size, found, err := p.table(dev)
	return err == nil && found && have.Like(want, size)
}

// table is the partition table of a disk.
func (p *pass) table(dev string) (t block.Table, size int64, found bool, err error) {
	f, size, err := block.OpenRead(p.m.path(dev))
	if err != nil {
		return t, 0, false, err
	}
	defer func() { _ = f.Close() }() // read only
	t, found, err = block.ReadTable(f, size)
	return t, size, found, err
}

// mayOverwrite is the one rule about disks that hold something: they are left
// alone unless overwrite is said, and then it holds once for each instance, a
// blank disk counting: what is there the next time is what was made.
func (p *pass) mayOverwrite(dev, what string, overwrite bool, stamp string) error {
	if !overwrite {
		if what == "" {
			return nil
		}
		return fmt.Errorf("%s is left alone: it holds %s (overwrite: true replaces it)", dev, what)
	}
	done, err := p.m.doneOnce(stamp)
	switch {
	case err != nil:
		return fmt.Errorf("%s is left alone: %w", dev, err)
	case done && what != "":
		return fmt.Errorf("%s is left alone: it holds %s, and was overwritten once already for this instance", dev, what)
	case p.dry:
		return nil
	}
	if err := p.m.stampOnce(stamp); err != nil {
		return fmt.Errorf("%s is left alone: %w", dev, err)
	}
	return nil
}

// partition writes a table, or takes one away when it has no kind. The kernel
// refuses a disk that is in use.
func (p *pass) partition(dev string, table block.Table) (err error) {
	f, size, err := block.OpenDisk(p.m.path(dev))
	if err != nil {
		return fmt.Errorf("cannot partition %s: %w", dev, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if table.Kind == "" {
		err = block.Wipe(f, size)
	} else {
		err = block.WriteTable(f, size, table)
	}
	if err != nil {
		return err
	}
	return block.Reread(f, table)
}

// fsSetup makes file systems, by the same rule.
func (p *pass) fsSetup(ctx context.Context) {
	if p.hostsDisks("fs_setup", len(p.cfg.FSSetup) > 0) {
		return
	}
	for i, want := range p.cfg.FSSetup {
		p.fail(p.setUpFS(ctx, i, want), "fs_setup", strconv.Itoa(i))
	}
}

func (p *pass) setUpFS(ctx context.Context, i int, want cloudconfig.FSSetup) error {
	dev, err := p.fsDevice(want)
	if err != nil {
		return fmt.Errorf("cannot make a file system: %w", err)
	}
	sb, err := p.probe(dev)
	if err != nil {
		return fmt.Errorf("cannot make a file system on %s: %w", dev, err)
	}
	same := sameType(sb.FSType, want.Filesystem) && (want.Label == "" || sb.Label == want.Label)
	if same && !want.Overwrite {
		return nil
	}
	what, _, err := p.holds(dev)
	if err != nil {
		return fmt.Errorf("cannot make a file system on %s: %w", dev, err)
	}
	stamp := "fs_setup:" + want.Device + ":" + want.Partition
	if done, err := p.m.doneOnce(stamp); same && done && err == nil {
		return nil
	}
	argv, err := p.mkfs(dev, want)
	if err != nil {
		return err
	}
	replace := want.Overwrite || want.ReplaceFS != "" && sameType(sb.FSType, want.ReplaceFS)
	if err := p.mayOverwrite(dev, what, replace, stamp); err != nil {
		return err
	}
	p.do(fmt.Sprintf("make a file system of type %s on %s", want.Filesystem, dev), []string{"fs_setup", strconv.Itoa(i)}, func() error {
		return p.makeFS(ctx, dev, argv)
	})
	return nil
}

// makeFS asks the kernel whether the device is free before a program is let
// loose on it.
func (p *pass) makeFS(ctx context.Context, dev string, argv []string) error {
	f, _, err := block.OpenDisk(p.m.path(dev))
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = p.m.kernel.run(ctx, "", argv...)
	}
	if err != nil {
		return fmt.Errorf("cannot make a file system on %s: %w", dev, err)
	}
	return nil
}

// fsDevice is the disk, or its partition: by number, or with auto and any the
// one that has the file system already, else the first.
func (p *pass) fsDevice(want cloudconfig.FSSetup) (string, error) {
	dev, err := p.device(want.Device)
	if err != nil {
		return "", err
	}
	switch want.Partition {
	case "", "none":
		return dev, nil
	case "auto", "any":
	default:
		n, err := strconv.Atoi(want.Partition)
		if err != nil || n == 0 {
			return dev, err
		}
		return p.device(partitionOf(dev, n))
	}
	first := dev
	for n := 1; p.m.exists(partitionOf(dev, n)); n++ {
		part := partitionOf(dev, n)
		if n == 1 {
			first = part
		}
		sb, err := p.probe(part)
		if err == nil && sameType(sb.FSType, want.Filesystem) && sb.Label == want.Label {
			return part, nil
		}
	}
	return first, nil
}

// sameType takes ext2 and ext3 for ext4, which cannot be told apart here.
func sameType(a, b string) bool {
	plain := func(t string) string {
		switch t {
		case "ext2", "ext3":
			return "ext4"
		case "fat", "fat12", "fat16", "fat32", "msdos":
			return "vfat"
		}
		return t
	}
	return plain(a) == plain(b)
}

// mkfs is the command that makes a file system.
func (p *pass) mkfs(dev string, want cloudconfig.FSSetup) ([]string, error) {
	if len(want.Cmd) > 0 {
		fill := strings.NewReplacer("%(label)s", want.Label, "%(filesystem)s", want.Filesystem, "%(device)s", p.m.path(dev))
		if len(want.Cmd) == 1 {
			text := fill.Replace(want.Cmd[0])
			if rest, ok := strings.CutPrefix(text, "mkfs -t ext"); ok && !p.m.kernel.has("mkfs") { // which only calls another
				text = "mke2fs -F -t ext" + rest
			}
			return []string{"/bin/sh", "-c", text}, nil
		}
		var argv []string
		for _, word := range want.Cmd {
			argv = append(argv, fill.Replace(word))
		}
		return argv, nil
	}
	if want.Filesystem == "" {
		return nil, fmt.Errorf("cannot make a file system on %s: it is not said of which type (filesystem: ext4)", dev)
	}
	argv, label := []string{"mkfs." + want.Filesystem}, "-L"
	switch want.Filesystem {
	case "ext2", "ext3", "ext4":
		argv = []string{"mke2fs", "-q", "-F", "-t", want.Filesystem}
	case "xfs", "btrfs":
		argv = append(argv, "-f")
	case "vfat":
		label = "-n"
	case "swap":
		argv = []string{"mkswap"}
	}
	if !p.m.kernel.has(argv[0]) {
		return nil, fmt.Errorf("cannot make a file system of type %s: there is no %s on this system", want.Filesystem, argv[0])
	}
	if want.Label != "" {
		argv = append(argv, label, want.Label)
	}
	return append(append(argv, want.ExtraOpts...), p.m.path(dev)), nil
}
