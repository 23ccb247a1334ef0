package setting

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// settle says which instance a machine is.
func (h *host) settle(id string) {
	h.t.Helper()
	h.write(source.SeedDir+"/meta-data", "instance-id: "+id+"\n")
	if err := source.SettleInstance(h.m.root, source.InstanceFolder(id)); err != nil {
		h.t.Fatal(err)
	}
}

// loopDisk is a blank disk of the kernel's, as large as asked; its folders /dev
// and /sys are those of the host.
func (h *host) loopDisk(size int64) (dev string) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "disk")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		h.t.Fatal(err)
	}
	out, err := exec.CommandContext(h.t.Context(), "losetup", "--partscan", "--find", "--show", file).CombinedOutput()
	if err != nil {
		h.t.Fatalf("losetup: %v: %s", err, out)
	}
	dev = strings.TrimSpace(string(out))
	detach := exec.Command("losetup", "--detach", dev)
	h.t.Cleanup(func() {
		if err := detach.Run(); err != nil {
			h.t.Errorf("cannot detach %s: %v", dev, err)
		}
	})
	for _, name := range []string{"/dev", "/sys"} {
		if err := os.Symlink(name, h.m.path(name)); err != nil {
			h.t.Fatal(err)
		}
	}
	h.m.kernel.run, h.m.kernel.has = run, New("/").kernel.has
	return dev
}

// label is what the kernel's device holds, by blkid.
func blkid(t *testing.T, dev string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "blkid", "-p", "-o", "export", dev).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

func TestDisksAreSetUpOnceAndLeftAloneAfterwards(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	dev := h.loopDisk(64 << 20)
	text := strings.ReplaceAll(`
device_aliases: {data: DEV}
disk_setup: {data: {table_type: gpt, layout: [50, [50, 82]]}}
fs_setup:
- {label: data, filesystem: ext4, device: data, partition: 1}
- {label: swap, filesystem: swap, device: DEV, partition: 2}
growpart: {mode: off}
`, "DEV", dev)
	if got := h.slowly(text); got != "" {
		t.Fatalf("problems:\n%s", got)
	}
	first, second := blkid(t, dev+"p1"), blkid(t, dev+"p2")
	if !strings.Contains(first, "LABEL=data") || !strings.Contains(first, "TYPE=ext4") || !strings.Contains(second, "TYPE=swap") {
		t.Fatalf("the partitions are\n%s\n%s", first, second)
	}
	if whole := blkid(t, dev); !strings.Contains(whole, "PTTYPE=gpt") {
		t.Errorf("the disk is\n%s", whole)
	}
	if got := h.slowly(text); got != "" {
		t.Errorf("a second time: %s", got)
	}
	if got := blkid(t, dev+"p1"); got != first {
		t.Errorf("the file system was made again:\n%s", got)
	}
	p := h.m.pass(config(t, text))
	if got, err := p.device("LABEL=data"); err != nil || got != dev+"p1" {
		t.Errorf("LABEL=data is %s, %v", got, err)
	}

	got := h.slowly(strings.ReplaceAll(text, "[50, [50, 82]]", "[25, 25]"))
	if !strings.Contains(got, "disk_setup.data: "+dev+" is left alone: it holds a partition table with 2 partitions") {
		t.Errorf("problems %q", got)
	}
	if got := blkid(t, dev+"p1"); got != first {
		t.Errorf("the disk was touched:\n%s", got)
	}
}

// TestADiskWithDataIsNotTouchedWithoutOverwrite also looks at what overwrite
// does: it holds once for each instance.
func TestADiskWithDataIsNotTouchedWithoutOverwrite(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	dev := h.loopDisk(32 << 20)
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", "-L", "hers", dev).CombinedOutput(); err != nil {
		t.Fatalf("mkfs: %v: %s", err, out)
	}
	before := blkid(t, dev)
	const text = "growpart: {mode: off}\ndisk_setup: {DEV: {layout: true}}\nfs_setup: [{label: mine, filesystem: ext4, device: DEV}]\n"
	plain := strings.ReplaceAll(text, "DEV", dev)
	got := h.slowly(plain)
	for _, want := range []string{"disk_setup." + dev, "fs_setup.0", `is left alone: it holds a file system of type ext4 with the label "hers"`} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in %q", want, got)
		}
	}
	if now := blkid(t, dev); now != before {
		t.Fatalf("the disk was touched:\n%s", now)
	}
	fs := "growpart: {mode: off}\nfs_setup: [{label: mine, filesystem: ext4, device: " + dev + ", overwrite: true}]\n"
	if got := h.slowly(fs); got != "" {
		t.Fatalf("with overwrite: %s", got)
	}
	mine := blkid(t, dev)
	if !strings.Contains(mine, "LABEL=mine") {
		t.Fatalf("the disk is\n%s", mine)
	}
	if got := h.slowly(fs); got != "" || blkid(t, dev) != mine {
		t.Errorf("overwrite holds a second time: %q\n%s", got, blkid(t, dev))
	}
	h.settle("i-2")
	if got := h.slowly(fs); got != "" || blkid(t, dev) == mine {
		t.Errorf("for another instance: %q", got)
	}
}

// TestABlankDiskIsNotFormattedAgainByOverwrite is about the second boot.
func TestABlankDiskIsNotFormattedAgainByOverwrite(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	dev := h.loopDisk(32 << 20)
	text := "growpart: {mode: off}\nfs_setup: [{label: mine, filesystem: ext4, device: " + dev + ", overwrite: true}]\n"
	if got := h.slowly(text); got != "" {
		t.Fatalf("problems %q", got)
	}
	first := blkid(t, dev)
	if got := h.slowly(text); got != "" || !strings.Contains(first, "LABEL=mine") || blkid(t, dev) != first {
		t.Errorf("problems %q; first it was\n%s\nthen\n%s", got, first, blkid(t, dev))
	}
}

func TestAMountedDiskIsNotTouchedByOverwriteEither(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	dev := h.loopDisk(32 << 20)
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", dev).CombinedOutput(); err != nil {
		t.Fatalf("mkfs: %v: %s", err, out)
	}
	real := New("/").kernel
	dir := t.TempDir()
	if err := real.mount(dev, dir, "ext4", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := real.unmount(dir); err != nil {
			t.Errorf("cannot unmount %s: %v", dir, err)
		}
	})
	got := h.slowly("growpart: {mode: off}\ndisk_setup: {" + dev + ": {layout: true, overwrite: true}}\n")
	if !strings.Contains(got, dev+" is in use") || !strings.Contains(blkid(t, dev), "TYPE=ext4") {
		t.Errorf("problems %q, the disk is\n%s", got, blkid(t, dev))
	}
}

func TestAPartitionAndItsFileSystemGrow(t *testing.T) {
	for _, table := range []string{"gpt", "mbr"} {
		t.Run(table, func(t *testing.T) {
			h := newHost(t)
			dev := h.loopDisk(128 << 20)
			setUp := "growpart: {mode: off}\ndisk_setup: {" + dev + ": {table_type: " + table + ", layout: [30]}}\n" +
				"fs_setup: [{filesystem: ext4, device: " + dev + ", partition: 1}]\n"
			if got := h.slowly(setUp); got != "" || !strings.Contains(blkid(t, dev+"p1"), "TYPE=ext4") {
				t.Fatalf("problems %q", got)
			}
			grown := "growpart: {devices: [" + dev + "p1]}\n"
			if got := h.slowly(grown); got != "" {
				t.Errorf("problems %q", got)
			}
			p := h.m.pass(config(t, grown))
			_, size, err := p.holds(dev + "p1")
			if err != nil || size < 120<<20 {
				t.Errorf("the partition has %d bytes, %v", size, err)
			}
			sb, err := p.probe(dev + "p1")
			if err != nil || sb.Size < 110<<20 {
				t.Errorf("the file system has %d bytes, %v", sb.Size, err)
			}
			p.growpart(t.Context())
			if len(p.changes) != 0 || len(p.report) != 0 {
				t.Errorf("a second time: %v, %v", p.changes, p.report)
			}
		})
	}
}

func TestWithoutTheProgramAFileSystemIsNotMade(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	h.write("/dev/sdb", strings.Repeat("\x00", 4<<20))
	h.m.kernel.has = func(string) bool { return false }
	got := h.slowly("fs_setup: [{filesystem: xfs, device: /dev/sdb}, {filesystem: ext4, device: /dev/missing}]")
	for _, want := range []string{
		"cloud-config.yml:2:12: fs_setup.0: cannot make a file system of type xfs: there is no mkfs.xfs on this system",
		"fs_setup.1: cannot make a file system: there is no device /dev/missing",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}

func TestInNamespacesTheHostsDisksAreLeftAlone(t *testing.T) {
	h := newHost(t)
	h.write("/run/ros/public/namespaced", "")
	h.write("/dev/sdb", "")
	got := h.slowly("disk_setup: {/dev/sdb: {layout: true}}\nfs_setup: [{filesystem: ext4, device: /dev/sdb}]\nmounts: [[/dev/sdb, /mnt/a, ext4]]")
	if strings.Count(got, "disks are left alone") != 3 || len(h.ran) != 0 {
		t.Errorf("problems %q, ran %q", got, h.ran)
	}
}

// cloud-init's documentation has the program mkfs, which is not on this system.
func TestMkfsIsWhatItCalls(t *testing.T) {
	h := newHost(t)
	want := cloudconfig.FSSetup{Label: "a", Filesystem: "ext4", Cmd: cloudconfig.Texts{"mkfs -t %(filesystem)s -L %(label)s %(device)s"}}
	for has, text := range map[bool]string{true: "mkfs -t ext4 -L a ", false: "mke2fs -F -t ext4 -L a "} {
		h.m.kernel.has = func(string) bool { return has }
		argv, err := h.m.pass(config(t, "")).mkfs("/dev/sdb1", want)
		if err != nil || argv[2] != text+h.m.path("/dev/sdb1") {
			t.Errorf("it is made by %q, %v", argv, err)
		}
	}
}
