package host

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchy is one cgroup hierarchy that the host has mounted.
type hierarchy struct {
	mount   string   // where the host has it
	name    string   // its folder's name; empty for a host with v2 only
	unified bool     // v2
	options []string // of v1: controllers, or name=…
}

// groups is one group of that name in every hierarchy.
type groups struct {
	hierarchies []hierarchy
	name        string
}

func hostHierarchies() ([]hierarchy, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cannot read the host's mounts: %w", err)
	}
	defer func() { _ = f.Close() }()
	all, err := parseHierarchies(f)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("cannot find a cgroup hierarchy below " + cgroupRoot)
	}
	return all, nil
}

// parseHierarchies picks the cgroup hierarchies out of a mountinfo file.
func parseHierarchies(r io.Reader) ([]hierarchy, error) {
	var all []hierarchy
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		// 36 35 98:0 /root /mount/point rw,noatime master:1 - cgroup source rw,cpu
		own, of, ok := strings.Cut(lines.Text(), " - ")
		fields, super := strings.Fields(own), strings.Fields(of)
		if !ok || len(fields) < 5 || len(super) < 3 {
			continue
		}
		mount, below := strings.CutPrefix(fields[4], cgroupRoot)
		if !below || slices.ContainsFunc(all, func(h hierarchy) bool { return h.mount == fields[4] }) {
			continue
		}
		h := hierarchy{mount: fields[4], name: strings.TrimPrefix(mount, "/")}
		switch super[0] {
		case "cgroup2":
			h.unified = true
		case "cgroup":
			h.options = controllers(super[2])
		default:
			continue
		}
		all = append(all, h)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the host's mounts: %w", err)
	}
	return all, nil
}

// controllers keeps of a v1 hierarchy's mount options those that choose it.
func controllers(options string) []string {
	var chosen []string
	named := false
	for o := range strings.SplitSeq(options, ",") {
		switch {
		case o == "rw", o == "ro", o == "xattr", o == "clone_children", o == "noprefix",
			o == "cpuset_v2_mode", strings.HasPrefix(o, "release_agent="):
		default:
			named = named || strings.HasPrefix(o, "name=")
			chosen = append(chosen, o)
		}
	}
	if named && len(chosen) == 1 {
		chosen = append([]string{"none"}, chosen...)
	}
	return chosen
}

func (g groups) path(h hierarchy) string { return filepath.Join(h.mount, g.name) }

// create makes the groups and gives them what their processes need.
func (g groups) create() error {
	for _, h := range g.hierarchies {
		if err := os.Mkdir(g.path(h), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return errors.Join(fmt.Errorf("cannot make a control group: %w", err), g.remove())
		}
		if err := g.initialise(h); err != nil {
			return errors.Join(err, g.remove())
		}
	}
	return nil
}

func (g groups) initialise(h hierarchy) error {
	if h.unified {
		g.shareOut(h)
		return nil
	}
	if !slices.Contains(h.options, "cpuset") {
		return nil
	}
	// A new cpuset group is empty, and takes no process until it has both.
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		all, err := os.ReadFile(filepath.Join(h.mount, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(g.path(h), name), all, 0o644)
		}
		if err != nil {
			return fmt.Errorf("cannot give processors to a control group: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(g.path(h), "cgroup.clone_children"), []byte("1"), 0o644); err != nil {
		return fmt.Errorf("cannot prepare a control group: %w", err)
	}
	return nil
}

// shareOut makes the host's v2 controllers usable in the group. One that
// cannot be shared out is simply not there in the machine.
func (g groups) shareOut(h hierarchy) {
	available, err := os.ReadFile(filepath.Join(h.mount, "cgroup.controllers"))
	if err != nil {
		return
	}
	for _, controller := range strings.Fields(string(available)) {
		_ = os.WriteFile(filepath.Join(h.mount, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
}

func (g groups) add(pid int) error {
	for _, h := range g.hierarchies {
		path := filepath.Join(g.path(h), "cgroup.procs")
		if err := os.WriteFile(path, []byte(strconv.Itoa(pid)), 0o644); err != nil {
			return fmt.Errorf("cannot put PID 1 into its control group: %w", err)
		}
	}
	return nil
}

// remove kills what is in the groups and takes them away, with all groups
// below. The kernel needs a moment to bury the last processes.
func (g groups) remove() error {
	var err error
	for range 250 {
		if err = g.tryRemove(); err == nil {
			return nil
		}
		timer := time.NewTimer(20 * time.Millisecond)
		<-timer.C
	}
	return err
}

func (g groups) tryRemove() error {
	var all []error
	for _, h := range g.hierarchies {
		all = append(all, removeGroup(g.path(h)))
	}
	return errors.Join(all...)
}

func removeGroup(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot remove a control group: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroup(filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	killGroup(path)
	if err := unix.Rmdir(path); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("cannot remove control group %s: %w", path, err)
	}
	return nil
}

func killGroup(path string) {
	procs, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
	if err != nil {
		return // no such group, no processes
	}
	for _, word := range bytes.Fields(procs) {
		if pid, err := strconv.Atoi(string(word)); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is as good
		}
	}
}
