package leftover

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// shimNamespace is where a Docker daemon has its containers in containerd; that of
// its plugins is another one.
const shimNamespace = "moby"

// tasks is where containerd has a folder for each of Docker's tasks, below the data-root
// (what outlives a boot) and the exec-root (what does not).
const tasks = "/containerd/daemon/io.containerd.runtime.v2.task/" + shimNamespace

// Clear clears away what would be in the way of a daemon that does not run: data and
// exec are its data-root and exec-root. What cannot be cleared is logged: the daemon
// may well do without.
func Clear(data, exec string) {
	if data == "" || exec == "" {
		return // nothing is known of its containers
	}
	endUnknown(data, exec)
	unmountUnused(data)
	removeHalfRemoved(exec + tasks)
	removeHalfRemoved(data + tasks)
}

// unmountUnused unmounts the root file systems of containers that do not run: the daemon
// was killed between mounting one and starting the container in it. When it runs again
// it counts such a mount as one that somebody else uses, and never unmounts it.
func unmountUnused(data string) {
	roots := filepath.Join(data, "rootfs")
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(roots))
	if err != nil {
		logrus.WithField("err", err).Warn("what is left mounted for containers stays so")
		return
	}
	for _, m := range mounts {
		snapshotter, id := filepath.Split(m.Mountpoint)
		if filepath.Dir(filepath.Clean(snapshotter)) != roots || runsByDocker(data, id) {
			continue
		}
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil {
			logrus.WithField("err", err).Warn("a root file system that no container uses stays mounted")
			continue
		}
		_ = os.Remove(m.Mountpoint) // else Docker does
	}
}

// removeHalfRemoved finishes what containerd was killed at: it renames the folder of a
// task to a hidden one before it removes it, and never looks at hidden ones again, but
// cannot rename the task's next folder while there is one. So that one stays, and no
// start of the container succeeds any more: "mkdir …: file exists"
// (https://github.com/moby/moby/issues/50040).
func removeHalfRemoved(dir string) {
	entries, _ := os.ReadDir(dir) // there may be none yet
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			logrus.WithField("err", err).Warn("what is left of a container stays, and may be in the way of its next start")
		}
	}
}

// endUnknown ends containers that the daemon would know nothing of when it runs
// again: it was killed between having them made by containerd and writing that down,
// or between forgetting them and having them ended. Docker takes them for stopped, so
// that removing one leaves its processes behind.
func endUnknown(data, exec string) {
	address := exec + "/containerd/containerd.sock"
	for pid, command := range commands("/proc") {
		id, mine := shimOf(command, address)
		if !mine || runsByDocker(data, id) {
			continue
		}
		logrus.WithField("container", id).Warn("a container is ended that Docker does not know to run: the daemon was killed while it made or removed it")
		for _, p := range append(descendants("/proc", pid), pid) {
			_ = unix.Kill(p, unix.SIGKILL) // it may have ended
		}
	}
}

// commands are the command lines of all processes.
func commands(proc string) map[int][]string {
	all := map[int][]string{}
	entries, _ := os.ReadDir(proc) // without it there is none
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(proc, e.Name(), "cmdline")); err == nil {
			all[pid] = strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		}
	}
	return all
}

// shimOf says whose shim a process is: that of which container of the daemon whose
// containerd has an address.
func shimOf(command []string, address string) (id string, mine bool) {
	if filepath.Base(command[0]) != "containerd-shim-runc-v2" {
		return "", false
	}
	flag := func(name string) string {
		if i := slices.Index(command, name); i > 0 && i+1 < len(command) {
			return command[i+1]
		}
		return ""
	}
	id = flag("-id")
	return id, id == filepath.Base(id) && flag("-namespace") == shimNamespace && flag("-address") == address
}

// runsByDocker says whether the daemon has written down that a container runs. What
// cannot be read is left alone.
func runsByDocker(data, id string) bool {
	text, err := os.ReadFile(filepath.Join(data, "containers", id, "config.v2.json"))
	if err != nil {
		return !os.IsNotExist(err)
	}
	var c struct {
		State struct{ Running, Paused, Restarting bool }
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return true
	}
	return c.State.Running || c.State.Paused || c.State.Restarting
}

// descendants are the processes below another one, parents first.
func descendants(proc string, pid int) []int {
	var out []int
	tasks, _ := filepath.Glob(filepath.Join(proc, strconv.Itoa(pid), "task", "*", "children"))
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // it may have ended
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				out = append(out, child)
				out = append(out, descendants(proc, child)...)
			}
		}
	}
	return out
}
