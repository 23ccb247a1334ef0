package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

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
func ExecUserDocker(ctx context.Context) error {
	// First: the shim would take control groups among them for the machine's.
	if err := Hide(); err != nil {
		return err
	}
	if err := prepareShimCgroup(cgroupRoot); err != nil {
		return err
	}
	if err := wrapShim(); err != nil {
		return err
	}
	// What users mount below their volumes propagates as it would on a host.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("cannot share the mounts: %w", err)
	}
	cfg, _ := source.Load("/") // the controller reports what is wrong with it
	if len(cfg.MountPoints()) > 0 {
		awaitMounts(ctx, "/", mountsLimit)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stopped before it began: %w", err) // dockerd would not know of the signal
	}
	file := cfg.Rancher.Docker.ConfigFile
	if file == "" || file == daemon.UserConfigFile {
		file = daemon.UserFile
	}
	d := daemon.User(cfg, daemonEnv(file))
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
	clearBefore(d)
	argv := append([]string{dockerd}, d.Args...)
	if err := unix.Exec(dockerd, argv, append(os.Environ(), d.Environ...)); err != nil {
		return fmt.Errorf("cannot run %s: %w", dockerd, err)
	}
	return nil
}

// mountsLimit is how long User Docker waits for a disk that is being checked or
// formatted.
const mountsLimit = 15 * time.Second

// awaitMounts waits until the configuration's own mounts have been tried: containers
// that start with the daemon would write below them, where nobody finds it again.
func awaitMounts(ctx context.Context, root string, limit time.Duration) {
	stop := ctx
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; {
		if _, err := os.Stat(filepath.Join(root, source.MountedFile)); err == nil {
			return
		}
		select {
		case <-ctx.Done():
			if stop.Err() != nil {
				return
			}
			logrus.WithField("service", "docker").Warnf("the mounts of the configuration are not done after %s: starting without them",
				time.Since(begun).Round(time.Second))
			return
		case <-tick.C:
		}
	}
}

// prepareShimCgroup makes the group of the shims in every hierarchy.
func prepareShimCgroup(root string) error {
	if isCgroup2(root) {
		return makeGroup(filepath.Join(root, shimCgroup))
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return fmt.Errorf("cannot read the control groups: %w", err)
	}
	v1, unified := parseSelfCgroup(string(own))
	for _, h := range v1 {
		if err := makeGroup1(root, h); err != nil {
			return err
		}
	}
	if !unified {
		return nil
	}
	dir := filepath.Join(root, "unified")
	if err := remountCgroup(dir, "cgroup2", ""); err != nil {
		return err
	}
	return makeGroup(filepath.Join(dir, shimCgroup))
}

// shimWrapper is put before the shim and moves it into its group in every
// hierarchy. The shim's own option for that would do so in those of version 1
// only where there are both, and it can be set for a runtime of another name
// than runc alone, which would then be no longer the one that users ask for.
const shimWrapper = `#!/bin/sh
for group in ` + cgroupRoot + shimCgroup + ` ` + cgroupRoot + `/*` + shimCgroup + `; do
	[ ! -e "$group" ] || echo 0 >"$group/cgroup.procs"
done
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
