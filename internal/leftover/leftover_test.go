package leftover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

func TestShimsAreKnownByTheirCommandLines(t *testing.T) {
	const address = "/run/docker/containerd/containerd.sock"
	shim := func(namespace, id, address string) []string {
		return []string{"/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", id, "-address", address}
	}
	for name, c := range map[string]struct {
		command []string
		mine    bool
	}{
		"of this daemon":           {shim("moby", "1a", address), true},
		"of the other daemon":      {shim("moby", "1a", "/run/system-docker/containerd/containerd.sock"), false},
		"of a plugin":              {shim("plugins.moby", "1a", address), false},
		"an ID that is a path":     {shim("moby", "../1a", address), false},
		"no ID":                    {shim("moby", "1a", address)[:3], false},
		"another program":          {append([]string{"sh"}, shim("moby", "1a", address)[1:]...), false},
		"a thread of the kernel":   {[]string{""}, false},
		"a flag without its value": {[]string{"/usr/bin/containerd-shim-runc-v2", "-id"}, false},
	} {
		if id, mine := shimOf(c.command, address); mine != c.mine || mine && id != "1a" {
			t.Errorf("%s: %q, %t", name, id, mine)
		}
	}
}

func TestWhatDockerHasWrittenDown(t *testing.T) {
	data := t.TempDir()
	for name, c := range map[string]struct {
		text string
		runs bool
	}{
		"running":    {`{"State": {"Running": true, "Pid": 7}}`, true},
		"paused":     {`{"State": {"Paused": true}}`, true},
		"restarting": {`{"State": {"Restarting": true}}`, true},
		"created":    {`{"State": {"Running": false}}`, false},
		"unreadable": {`{"State": `, true},
	} {
		dir := filepath.Join(data, "containers", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config.v2.json"), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := runsByDocker(data, name); got != c.runs {
			t.Errorf("%s: %t", name, got)
		}
	}
	if runsByDocker(data, "removed") {
		t.Error("a container runs that Docker has forgotten")
	}
}

func TestWhatContainerdDidNotFinishIsRemoved(t *testing.T) {
	data, exec := t.TempDir(), t.TempDir()
	for _, dir := range []string{
		exec + tasks + "/1a/rootfs", exec + tasks + "/.1a/work", data + tasks + "/.2b/x", data + tasks + "/2b",
	} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	Clear(data, exec)
	for _, root := range []string{data, exec} {
		left, err := filepath.Glob(root + tasks + "/.*")
		if err != nil || len(left) > 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	}
	for _, dir := range []string{exec + tasks + "/1a/rootfs", data + tasks + "/2b"} {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("what containerd looks after itself is gone: %v", err)
		}
	}
}

// TestWhatNoContainerUsesIsUnmounted mounts in a mount namespace of its own.
func TestWhatNoContainerUsesIsUnmounted(t *testing.T) {
	data := t.TempDir()
	within(t, func() error {
		if err := unix.Mount("tmpfs", data, "tmpfs", 0, ""); err != nil {
			return err
		}
		roots := filepath.Join(data, "rootfs", "overlayfs")
		for _, id := range []string{"runs", "created", "removed"} {
			if err := errors.Join(os.MkdirAll(filepath.Join(roots, id), 0o700), unix.Mount("tmpfs", filepath.Join(roots, id), "tmpfs", 0, "")); err != nil {
				return err
			}
		}
		for id, text := range map[string]string{"runs": `{"State": {"Running": true}}`, "created": `{"State": {}}`} {
			dir := filepath.Join(data, "containers", id)
			if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "config.v2.json"), []byte(text), 0o600)); err != nil {
				return err
			}
		}
		Clear(data, t.TempDir())
		left, err := os.ReadDir(roots)
		if err != nil || len(left) != 1 || left[0].Name() != "runs" {
			return fmt.Errorf("left: %v, %w", left, err)
		}
		if mounted, err := mountinfo.Mounted(filepath.Join(roots, "runs")); err != nil || !mounted {
			return fmt.Errorf("what a container runs in is not mounted any more: %w", err)
		}
		return nil
	})
}

// within calls what has to be alone with its mounts, on a thread that ends with it.
func within(t *testing.T, do func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "")
		}
		if err == nil {
			err = do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
