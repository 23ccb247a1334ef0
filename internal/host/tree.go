package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// tree builds a machine's root step by step; after the first error the rest
// does nothing.
type tree struct {
	root string
	err  error
}

func (t *tree) fail(verb, path string, err error) {
	if t.err == nil && err != nil {
		t.err = fmt.Errorf("cannot %s %s in the machine: %w", verb, path, err)
	}
}

func (t *tree) dir(path string) {
	if t.err != nil {
		return
	}
	full := filepath.Join(t.root, path)
	err := os.MkdirAll(full, 0o755)
	if err == nil {
		err = os.Chmod(full, 0o755) // whatever the umask
	}
	t.fail("make", path, err)
}

func (t *tree) file(path, text string) {
	if t.err == nil {
		t.fail("write", path, os.WriteFile(filepath.Join(t.root, path), []byte(text), 0o644))
	}
}

func (t *tree) link(path, target string) {
	if t.err != nil {
		return
	}
	err := os.Symlink(target, filepath.Join(t.root, path))
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	t.fail("link", path, err)
}

func (t *tree) mount(source, path, kind string, flags uintptr, options string) {
	if t.err == nil {
		t.fail("mount", "/"+path, unix.Mount(source, filepath.Join(t.root, path), kind, flags, options))
	}
}

// bind shows source, a path of the host, at path.
func (t *tree) bind(source, path string) {
	t.mount(source, path, "", unix.MS_BIND, "")
}

// protect makes one mount read-only, and not the file system behind it.
func (t *tree) protect(path string, flags uintptr) {
	t.mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|flags, "")
}

const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// system mounts what every Linux system has.
func (t *tree) system() {
	for _, dir := range []string{"proc", "sys", "dev", "run", "state", "seed"} {
		t.dir(dir)
	}
	t.mount("proc", "proc", "proc", quiet, "")
	if exists(filepath.Join(t.root, "proc/sysrq-trigger")) {
		// One letter written there would reboot the host.
		t.bind("/dev/null", "proc/sysrq-trigger")
	}
	t.mount("sysfs", "sys", "sysfs", quiet, "")
	t.protect("sys", quiet)
	t.mount("tmpfs", "run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755")
}

// own shows the machine its state, its seed and its kernel command line.
func (t *tree) own(m *Machine) {
	if m.Spec.StateSize > 0 {
		if t.err == nil {
			t.err = mountLoop(m.path("state.img"), filepath.Join(t.root, "state"), "ext4", readWrite)
		}
	} else {
		t.bind(m.path("state"), "state")
	}
	t.bind(m.seedFolder(), "seed")
	t.protect("seed", 0)
	t.dir("run/ros")
	t.file("run/ros/cmdline", strings.TrimSpace(m.Spec.Append)+"\n")
}

// cgroups mounts the hierarchies that the host has, each showing the machine's
// own group as its root.
func (t *tree) cgroups(hierarchies []hierarchy) {
	base := "sys/fs/cgroup"
	if len(hierarchies) != 1 || hierarchies[0].name != "" {
		t.mount("tmpfs", base, "tmpfs", quiet, "mode=0755")
	}
	for _, h := range hierarchies {
		path := filepath.Join(base, h.name)
		if h.name != "" {
			t.dir(path)
		}
		if h.unified {
			t.mount("cgroup2", path, "cgroup2", quiet, "")
			t.leaf(path)
			continue
		}
		t.mount("cgroup", path, "cgroup", quiet, strings.Join(h.options, ","))
		for _, controller := range h.options {
			if controller != h.name && !strings.Contains(controller, "=") && len(h.options) > 1 {
				t.link(filepath.Join(base, controller), h.name)
			}
		}
	}
}

// leaf moves this process out of the top group: with cgroup v2, a group with
// processes in it cannot share controllers out, but for the host's own root.
func (t *tree) leaf(path string) {
	available, err := os.ReadFile(filepath.Join(t.root, path, "cgroup.controllers"))
	if err != nil || len(strings.Fields(string(available))) == 0 {
		return // nothing to share out, as on hosts that use v1 for everything
	}
	t.dir(filepath.Join(path, "init"))
	if t.err != nil {
		return
	}
	t.fail("join", path, os.WriteFile(filepath.Join(t.root, path, "init/cgroup.procs"), []byte("0"), 0o644))
	for _, controller := range strings.Fields(string(available)) {
		// Some need more than a group to be shared out; the rest is useful without.
		_ = os.WriteFile(filepath.Join(t.root, path, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
}
