package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOnlyWhatIsMountedBelowAFolderIsListed(t *testing.T) {
	const table = `1 0 0:1 / / rw shared:1 - overlay overlay rw
2 1 8:1 / /data rw shared:2 - ext4 /dev/sda1 rw
3 2 0:2 / /data/roots/a rw shared:3 - overlay overlay rw
4 3 0:2 /docker/x /data/roots/a/sys/fs/cgroup rw - cgroup cgroup rw,cpu
5 3 0:2 / /data/roots/a rw - overlay overlay rw
6 2 0:2 / /data/roots/with\040blank rw - overlay overlay rw
7 1 0:3 / /database rw - tmpfs tmpfs rw
no line
`
	want := []string{"/data/roots/with blank", "/data/roots/a", "/data/roots/a/sys/fs/cgroup", "/data/roots/a"}
	if got := mountsBelow(table, "/data"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestShimsAreMovedInEveryHierarchy runs the wrapper over folders that stand for
// control groups.
func TestShimsAreMovedInEveryHierarchy(t *testing.T) {
	for _, row := range []struct {
		name   string
		groups []string
	}{
		{"the unified hierarchy", []string{"ros-shims"}},
		{"version 1", []string{"cpu,cpuacct/ros-shims", "memory/ros-shims"}},
		{"both", []string{"cpu/ros-shims", "unified/ros-shims"}},
		{"none", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, g := range row.groups {
				if err := os.MkdirAll(filepath.Join(dir, g), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			script := strings.NewReplacer(cgroupRoot, dir, "/usr/bin/containerd-shim-runc-v2", "echo").Replace(shimWrapper)
			out, err := exec.CommandContext(t.Context(), "sh", "-c", script, "shim", "-id", "a b", "start").CombinedOutput()
			if err != nil || string(out) != "-id a b start\n" {
				t.Errorf("it printed %q, %v", out, err)
			}
			for _, g := range row.groups {
				if got, err := os.ReadFile(filepath.Join(dir, g, "cgroup.procs")); string(got) != "0\n" {
					t.Errorf("%s: %q, %v", g, got, err)
				}
			}
		})
	}
}
