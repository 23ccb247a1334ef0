package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/internal/machine/block"
)

func TestFindDisk(t *testing.T) {
	all := []disk{
		{"/dev/vda", block.Superblock{}},
		{"/dev/vda1", block.Superblock{FSType: "ext4", Label: "RANCHER_STATE", UUID: "aa-bb"}},
		{"/dev/vdb", block.Superblock{FSType: "ext4", Label: "RANCHER_STATE", UUID: "cc-dd"}},
	}
	for _, row := range []struct{ name, spec, want string }{
		{"the first of several with the label", "LABEL=RANCHER_STATE", "/dev/vda1"},
		{"a UUID in any case", "UUID=CC-DD", "/dev/vdb"},
		{"a path", "/dev/vda", "/dev/vda"},
		{"no such label", "LABEL=rancher_state", ""},
		{"an empty label is not a wildcard", "LABEL=X", ""},
		{"an unknown key", "PARTUUID=cc-dd", ""},
		{"a path that is no disk", "/dev/null", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if d, found := findDisk(all, row.spec); d.path != row.want || found != (row.want != "") {
				t.Errorf("%q, %v", d.path, found)
			}
		})
	}
}

// TestTheMarkOutlivesFormatting is what autoformat relies on: a power cut while
// mkfs.ext4 runs leaves the mark, so that the disk is formatted again.
func TestTheMarkOutlivesFormatting(t *testing.T) {
	const size = 64 << 20
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	if err := writeDurably(path, []byte(formatMark), markOffset(size)); err != nil {
		t.Fatal(err)
	}
	check(t, path, size, true, true)
	cmd := exec.CommandContext(t.Context(), "/sbin/mkfs.ext4", "-q", "-F", "-E", "nodiscard", "-L", stateLabel, path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	check(t, path, size, false, true)
	if err := unmark(path, size); err != nil {
		t.Fatal(err)
	}
	check(t, path, size, false, false)
	if out, err := exec.CommandContext(t.Context(), "/sbin/e2fsck", "-fn", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func check(t *testing.T, path string, size int64, wantBlank, wantMark bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	blank, err := isBlank(f)
	if err != nil || blank != wantBlank {
		t.Errorf("blank: %v, %v", blank, err)
	}
	mark, err := isMarked(f, size)
	if err != nil || mark != wantMark {
		t.Errorf("marked: %v, %v", mark, err)
	}
}

func TestOnlyStorageWithoutADriverIsProbed(t *testing.T) {
	sys := t.TempDir()
	add := func(bus, name, alias string, driver bool) {
		dir := filepath.Join(sys, "bus", bus, "devices", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "modalias"), []byte(alias+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if driver {
			if err := os.Symlink("../../drivers/x", filepath.Join(dir, "driver")); err != nil {
				t.Fatal(err)
			}
		}
	}
	add("pci", "nvme", "pci:v00008086d00001234sv0sd0bc01sc08i02", false)
	add("pci", "ahci", "pci:v00008086d00002922sv0sd0bc01sc06i01", true)
	add("pci", "network", "pci:v00001AF4d00001000sv0sd0bc02sc00i00", false)
	add("virtio", "disk", "virtio:d00000002v00001AF4", false)
	add("virtio", "random", "virtio:d00000004v00001AF4", false)
	got := findDriverless(sys)
	if len(got) != 2 || got[0].alias != "virtio:d00000002v00001AF4" || got[0].drivers[0] != "virtio_blk" ||
		got[1].alias != "pci:v00008086d00001234sv0sd0bc01sc08i02" || got[1].drivers != nil {
		t.Errorf("%v", got)
	}
	if !hasSlowStorage(sys) || hasSlowStorage(t.TempDir()) {
		t.Error("NVMe disks appear some time after their driver")
	}
}

func TestModulesDep(t *testing.T) {
	deps := parseModulesDep("kernel/fs/isofs/isofs.ko: kernel/drivers/cdrom/cdrom.ko\nkernel/fs/nls/nls_iso8859-1.ko.xz:\nrubbish\n")
	if len(deps) != 2 || !slices.Equal(deps["isofs"], []string{"kernel/fs/isofs/isofs.ko", "kernel/drivers/cdrom/cdrom.ko"}) ||
		!slices.Equal(deps["nls_iso8859_1"], []string{"kernel/fs/nls/nls_iso8859-1.ko.xz"}) {
		t.Errorf("%q", deps)
	}
}

func TestADiskThatAppearsLateIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		appeared := make(chan struct{}, 1)
		begun := time.Now()
		look := func() (disk, bool, error) { return disk{path: "/dev/sda"}, time.Since(begun) >= 3*time.Second, nil }
		time.AfterFunc(time.Second, func() { appeared <- struct{}{} }) // another disk
		time.AfterFunc(3*time.Second, func() { appeared <- struct{}{} })
		d, found, err := awaitDisk(t.Context(), look, stateWait, appeared)
		if err != nil || !found || d.path != "/dev/sda" || time.Since(begun) != 3*time.Second {
			t.Errorf("%v, %v, %v after %v", d.path, found, err, time.Since(begun))
		}
	})
}

func TestADiskThatNeverAppearsIsNotWaitedForLong(t *testing.T) {
	for _, limit := range []time.Duration{0, stateWait} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			look := func() (disk, bool, error) { return disk{}, false, nil }
			if _, found, err := awaitDisk(t.Context(), look, limit, nil); found || err != nil || time.Since(begun) != limit {
				t.Errorf("%v, %v after %v", found, err, time.Since(begun))
			}
		})
	}
}
