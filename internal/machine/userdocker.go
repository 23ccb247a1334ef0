package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/daemon"
	"github.com/ros-os/ros/internal/source"
)

// shimCgroup is where the shims of users' containers live: outside the group of
// the service docker, so that they outlive it.
const shimCgroup = "/ros-shims"

const userDockerPID = "/run/docker.pid"

// ExecUserDocker is the main of the service docker: it prepares the container
// that it runs in and becomes dockerd. It returns only when it fails.
func ExecUserDocker(_ context.Context) error {
	hybrid, err := prepareShimCgroup(cgroupRoot)
	if err != nil {
		return err
	}
	if hybrid {
		if err := wrapShim(); err != nil {
			return err
		}
	}
	// What users mount below their volumes propagates as it would on a host.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("cannot share the mounts: %w", err)
	}
	cfg, _ := source.Load("/") // the controller reports what is wrong with it
	file := cfg.Rancher.Docker.ConfigFile
	if file == "" || file == daemon.UserConfigFile {
		file = daemon.UserFile
	}
	env := daemonEnv(file)
	env.ShimCgroup = shimCgroup
	d := daemon.User(cfg, env)
	for _, p := range d.Warnings {
		logrus.WithField("config", p.Pos.String()).Warn(p.String())
	}
	if err := writeDaemonFiles(d); err != nil {
		return err
	}
	// With the host's PIDs, the number in an old file may be any process.
	if err := os.Remove(userDockerPID); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove an old PID file: %w", err)
	}
	argv := append([]string{dockerd}, d.Args...)
	if err := unix.Exec(dockerd, argv, append(os.Environ(), d.Environ...)); err != nil {
		return fmt.Errorf("cannot run %s: %w", dockerd, err)
	}
	return nil
}

// prepareShimCgroup makes the group of the shims in every hierarchy. It says
// whether there are hierarchies of both versions.
func prepareShimCgroup(root string) (hybrid bool, err error) {
	if isCgroup2(root) {
		return false, makeGroup(filepath.Join(root, shimCgroup))
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false, fmt.Errorf("cannot read the control groups: %w", err)
	}
	if err := hideStrayCgroups(root); err != nil {
		return false, err
	}
	v1, unified := parseSelfCgroup(string(own))
	for _, h := range v1 {
		if err := makeGroup1(root, h); err != nil {
			return false, err
		}
	}
	if !unified {
		return false, nil
	}
	dir := filepath.Join(root, "unified")
	if err := remountCgroup(dir, "cgroup2", ""); err != nil {
		return false, err
	}
	return true, makeGroup(filepath.Join(dir, shimCgroup))
}

// shimWrapper is put before the shim on hosts with control groups of both
// versions: there the daemon's option moves a shim in those of version 1 only,
// and it would be killed through its group of version 2.
const shimWrapper = `#!/bin/sh
echo 0 >/sys/fs/cgroup/unified` + shimCgroup + `/cgroup.procs
exec /usr/bin/containerd-shim-runc-v2 "$@"
`

// wrapShim lets the daemon find the wrapper before the shim.
func wrapShim() error {
	const dir = "/run/ros/shim"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot wrap the shim: %w", err)
	}
	if err := os.WriteFile(dir+"/containerd-shim-runc-v2", []byte(shimWrapper), 0o755); err != nil { //nolint:gosec // a program
		return fmt.Errorf("cannot wrap the shim: %w", err)
	}
	if err := os.Setenv("PATH", dir+":"+searchPath); err != nil {
		return fmt.Errorf("cannot wrap the shim: %w", err)
	}
	return nil
}

// hideStrayCgroups unmounts the copies of this container's control groups that
// come with its volume /var, in which its own root lies: the shim takes the
// first it finds for the machine's.
func hideStrayCgroups(root string) error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("cannot read the mounts: %w", err)
	}
	for _, target := range strayCgroups(string(table), root) {
		// Only here: the mount below it may be shared with the machine.
		if err := unix.Mount("", filepath.Dir(target), "", unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("cannot hide control groups: %w", err)
		}
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("cannot hide control groups: %w", err)
		}
	}
	return nil
}

// strayCgroups lists, last mounted first, the hierarchies of version 1 that are
// mounted outside root, from the text of mountinfo.
func strayCgroups(mountinfo, root string) []string {
	var out []string
	for line := range strings.Lines(mountinfo) {
		own, of, ok := strings.Cut(line, " - ")
		fields := strings.Fields(own)
		if !ok || len(fields) < 5 || !strings.HasPrefix(of, "cgroup ") {
			continue
		}
		if target := unescape(fields[4]); !strings.HasPrefix(target, root+"/") {
			out = append(out, target)
		}
	}
	slices.Reverse(out)
	return out
}

// makeGroup1 makes the group in one hierarchy of version 1. A container sees
// only its own groups, below which nothing can outlive it: the hierarchy is
// mounted anew.
func makeGroup1(root, hierarchy string) error {
	name := strings.TrimPrefix(hierarchy, "name=")
	data := hierarchy
	if name != hierarchy {
		data = "none," + hierarchy
	}
	dir := filepath.Join(root, name)
	if err := remountCgroup(dir, "cgroup", data); err != nil {
		return err
	}
	group := filepath.Join(dir, shimCgroup)
	if err := makeGroup(group); err != nil {
		return err
	}
	if !strings.Contains(","+name+",", ",cpuset,") {
		return nil
	}
	// A new cpuset group is empty, and takes no process until it has both.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		all, err := os.ReadFile(filepath.Join(dir, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(group, file), all, 0o644)
		}
		if err != nil {
			return fmt.Errorf("cannot give processors to a control group: %w", err)
		}
	}
	return nil
}

func makeGroup(path string) error {
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot make a control group: %w", err)
	}
	return nil
}

// remountCgroup shows the whole hierarchy where the container's own part of it
// was shown.
func remountCgroup(dir, fstype, data string) error {
	err := unix.Unmount(dir, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("cannot show control groups: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot show control groups: %w", err)
	}
	if err := unix.Mount(fstype, dir, fstype, noExec, data); err != nil {
		return fmt.Errorf("cannot show control groups: %w", err)
	}
	return nil
}
