package machine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/daemon"
)

// shimNamespace is where a Docker daemon has its containers in containerd; that of
// its plugins is another one.
const shimNamespace = "moby"

// endOrphans ends containers that a daemon, which does not run, would know nothing
// of when it runs again: it was killed between having them made by containerd and
// writing that down, or between forgetting them and having them ended. Docker takes
// them for stopped, so that removing one leaves its processes behind.
func endOrphans(d daemon.Daemon) {
	var config struct {
		Data string `json:"data-root"`
		Exec string `json:"exec-root"`
	}
	if err := json.Unmarshal(d.JSON, &config); err != nil || config.Data == "" || config.Exec == "" {
		return // nothing is known of its containers
	}
	address := config.Exec + "/containerd/containerd.sock"
	for pid, command := range commands("/proc") {
		id, mine := shimOf(command, address)
		if !mine || runsByDocker(config.Data, id) {
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
