package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// mountPoint is one file system of the kernel.
type mountPoint struct {
	fstype string
	target string
	flags  uintptr
	data   string
}

const noExec = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// kernelMounts are mounted in this order, where nothing is mounted yet.
func kernelMounts() []mountPoint {
	return []mountPoint{
		{"proc", "/proc", noExec, ""},
		{"sysfs", "/sys", noExec, ""},
		{"devtmpfs", "/dev", unix.MS_NOSUID, "mode=0755"},
		{"devpts", "/dev/pts", unix.MS_NOSUID | unix.MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"},
		{"tmpfs", "/dev/shm", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
		{"mqueue", "/dev/mqueue", noExec, ""},
		{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
	}
}

// deviceLinks are what programs expect in /dev besides devices.
var deviceLinks = map[string]string{
	"/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2",
	"/dev/log": "/run/syslog/log", // service syslog listens there
}

// mountKernelFilesystems mounts what the kernel offers, in the initrd's root or,
// in namespaces, what the host has not mounted.
func mountKernelFilesystems(_ context.Context, b *Boot) error {
	for _, m := range kernelMounts() {
		if b.Namespaced && m.fstype == "devtmpfs" {
			continue // it would show the host's devices
		}
		if err := m.mount(); err != nil {
			return err
		}
	}
	for link, target := range deviceLinks {
		if err := os.Symlink(target, link); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("cannot link %s: %w", link, err)
		}
	}
	if err := os.MkdirAll("/run/lock", 0o755); err != nil {
		return fmt.Errorf("cannot make a folder: %w", err)
	}
	if err := markNamespaced(b.Namespaced); err != nil {
		return err
	}
	return mountCgroups(b.Namespaced)
}

// markNamespaced tells services to leave the host's clock and devices alone.
func markNamespaced(namespaced bool) error {
	if err := os.MkdirAll("/run/ros/public", 0o755); err != nil {
		return fmt.Errorf("cannot make a folder: %w", err)
	}
	if !namespaced {
		return nil
	}
	if err := os.WriteFile("/run/ros/public/namespaced", nil, 0o644); err != nil {
		return fmt.Errorf("cannot mark the machine as namespaced: %w", err)
	}
	return nil
}

// mount mounts the file system unless something is mounted there already.
func (m mountPoint) mount() error {
	if isMountPoint(m.target) {
		return nil
	}
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return fmt.Errorf("cannot make a mount point: %w", err)
	}
	if err := unix.Mount(m.fstype, m.target, m.fstype, m.flags, m.data); err != nil {
		return fmt.Errorf("cannot mount %s at %s: %w", m.fstype, m.target, err)
	}
	return nil
}

// isMountPoint says whether another file system begins at path.
func isMountPoint(path string) bool {
	var at, above unix.Stat_t
	if unix.Lstat(path, &at) != nil || unix.Lstat(filepath.Dir(path), &above) != nil {
		return false
	}
	return at.Dev != above.Dev
}

const cgroupRoot = "/sys/fs/cgroup"

// mountCgroups mounts the unified hierarchy, or those of version 1 where the
// kernel has no other, or uses them already.
func mountCgroups(namespaced bool) error {
	if !isMountPoint(cgroupRoot) {
		if err := mountCgroupRoot(); err != nil {
			return err
		}
	}
	if namespaced && isCgroup2(cgroupRoot) {
		return delegateCgroup2(cgroupRoot)
	}
	return nil
}

func mountCgroupRoot() error {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return fmt.Errorf("cannot read the control groups: %w", err)
	}
	v1, unified := parseSelfCgroup(string(own))
	if len(v1) == 0 {
		err := unix.Mount("cgroup2", cgroupRoot, "cgroup2", noExec, "nsdelegate,memory_recursiveprot")
		if errors.Is(err, unix.EINVAL) { // an old kernel does not know these options
			err = unix.Mount("cgroup2", cgroupRoot, "cgroup2", noExec, "")
		}
		if err == nil {
			return nil
		}
		logrus.WithField("err", err).Debug("this kernel has no unified control groups")
		table, err := os.ReadFile("/proc/cgroups")
		if err != nil {
			return fmt.Errorf("cannot read the kernel's control groups: %w", err)
		}
		v1, unified = parseCgroupTable(string(table)), false
	}
	return mountCgroup1(v1, unified)
}

func isCgroup2(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

// mountCgroup1 mounts version 1's hierarchies, and the unified one beside them
// where the host has it too.
func mountCgroup1(hierarchies []string, unified bool) error {
	if err := (mountPoint{"tmpfs", cgroupRoot, noExec, "mode=0755"}).mount(); err != nil {
		return err
	}
	for _, h := range hierarchies {
		name := strings.TrimPrefix(h, "name=")
		data := h
		if name != h {
			data = "none," + h
		}
		if err := (mountPoint{"cgroup", filepath.Join(cgroupRoot, name), noExec, data}).mount(); err != nil {
			return err
		}
		for c := range strings.SplitSeq(name, ",") {
			if c == name {
				continue
			}
			if err := os.Symlink(name, filepath.Join(cgroupRoot, c)); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("cannot name a control group: %w", err)
			}
		}
	}
	if unified {
		return (mountPoint{"cgroup2", filepath.Join(cgroupRoot, "unified"), noExec, ""}).mount()
	}
	return nil
}

// parseSelfCgroup reads /proc/self/cgroup: which hierarchies of version 1 are in
// use, by their mount options, and whether there is a unified one.
func parseSelfCgroup(text string) (v1 []string, unified bool) {
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(fields) != 3:
		case fields[1] == "":
			unified = true
		default:
			v1 = append(v1, fields[1])
		}
	}
	return v1, unified
}

// parseCgroupTable reads /proc/cgroups and returns the hierarchies to mount;
// two pairs of controllers are by custom mounted together.
func parseCgroupTable(text string) []string {
	together := map[string]string{"cpu": "cpu,cpuacct", "cpuacct": "", "net_cls": "net_cls,net_prio", "net_prio": ""}
	var out []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 4 || strings.HasPrefix(fields[0], "#") || fields[3] != "1" {
			continue
		}
		h, paired := together[fields[0]]
		if !paired {
			h = fields[0]
		}
		if h != "" {
			out = append(out, h)
		}
	}
	return out
}

// delegateCgroup2 makes a group that is not the kernel's root share out its
// controllers: the kernel allows that only when no process is in it.
func delegateCgroup2(root string) error {
	own := filepath.Join(root, "init")
	if err := os.MkdirAll(own, 0o755); err != nil {
		return fmt.Errorf("cannot make a control group: %w", err)
	}
	procs, err := os.ReadFile(filepath.Join(root, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("cannot read a control group: %w", err)
	}
	for pid := range strings.FieldsSeq(string(procs)) {
		err := os.WriteFile(filepath.Join(own, "cgroup.procs"), []byte(pid), 0o644)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("cannot move process %s to its control group: %w", pid, err)
		}
	}
	controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("cannot read a control group: %w", err)
	}
	for c := range strings.FieldsSeq(string(controllers)) {
		// One that cannot be shared out is missing below; the others are not.
		if err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+c), 0o644); err != nil {
			logrus.WithField("err", err).Debugf("controller %s is not shared out", c)
		}
	}
	return nil
}
