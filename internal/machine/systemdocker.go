package machine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/daemon"
	"github.com/ros-os/ros/internal/leftover"
	"github.com/ros-os/ros/internal/supervise"
)

const (
	dockerd          = "/usr/bin/dockerd"
	systemDockerData = "/var/lib/system-docker"
	systemDockerPID  = "/run/system-docker.pid"
	// dockerPatience is how long System Docker may take to answer: the slowest
	// machine that it was seen on, an emulated one, took a tenth of it.
	dockerPatience = 3 * time.Minute
	// restartWithin is how long PID 1 waits at most before it starts System Docker or
	// the controller again, however often they end: without them nothing is looked after.
	restartWithin = 10 * time.Second
	// dockerFailures is after how many failed starts its data counts as broken.
	dockerFailures = 4
)

// startSystemDocker starts it and keeps it running; it does not wait for it.
func startSystemDocker(ctx context.Context, b *Boot) error {
	if _, err := b.configureSystemDocker(); err != nil {
		return err
	}
	if b.docker != nil {
		return nil // it was started by an earlier try of the boot
	}
	if err := b.isolateData(); err != nil {
		return err
	}
	b.docker = supervise.NewProcess(supervise.Spec{Name: "system-docker", Command: b.dockerCommand, MaxDelay: restartWithin}, b.reaper)
	b.docker.Start()
	b.spawn(ctx, "System Docker's socket", b.watchSocket)
	return nil
}

// isolateData keeps the mounts inside System Docker's containers to themselves.
// Those of a container with a shared volume would otherwise spread through the
// folder of its root into the host, and from there into other containers. On a
// full disk the data is in memory: the machine comes up and can be cleaned up.
func (b *Boot) isolateData() error {
	source, fstype, flags, data := systemDockerData, "", uintptr(unix.MS_BIND), ""
	if have, err := freeSpace(systemDockerData); err == nil && have.free < noSpace {
		b.problem("there is no space for System Docker: until the next boot, system services are kept in memory")
		source, fstype, flags, data = "tmpfs", "tmpfs", 0, "mode=0710"
	}
	if err := unix.Mount(source, systemDockerData, fstype, flags, data); err != nil {
		return fmt.Errorf("cannot isolate System Docker's data: %w", err)
	}
	if err := unix.Mount("", systemDockerData, "", unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot isolate System Docker's data: %w", err)
	}
	return nil
}

// configureSystemDocker writes its configuration, and says whether that differs
// from the one before.
func (b *Boot) configureSystemDocker() (changed bool, err error) {
	d := daemon.System(b.config, daemonEnv(systemFile(b.config)))
	old := b.daemon.Swap(&d)
	if old != nil && bytes.Equal(old.JSON, d.JSON) && slices.Equal(old.Args, d.Args) && slices.Equal(old.Environ, d.Environ) {
		return false, nil
	}
	b.warnings(d.Warnings)
	return true, writeDaemonFiles(d)
}

// reconfigureSystemDocker starts it again if its configuration has changed since
// it was started.
func (b *Boot) reconfigureSystemDocker() error {
	changed, err := b.configureSystemDocker()
	if err != nil || !changed {
		return err
	}
	logrus.Info("System Docker is started again with another configuration")
	return b.docker.Restart(syscall.SIGTERM)
}

// systemFile is a daemon.json that the user wants System Docker to read, too;
// the file that this system writes is not one.
func systemFile(cfg cloudconfig.Config) string {
	if f := cfg.Rancher.SystemDocker.ConfigFile; f != daemon.SystemConfigFile {
		return f
	}
	return ""
}

func daemonEnv(userFile string) daemon.Env {
	env := daemon.Env{
		Exists: func(path string) bool {
			_, err := os.Stat(path)
			return err == nil
		},
		HasGroup: func(name string) bool { return hasGroup("/etc/group", name) },
	}
	if userFile == "" {
		return env
	}
	data, err := os.ReadFile(userFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		logrus.WithField("err", err).Warn("a daemon.json cannot be read")
	}
	env.File = data
	return env
}

func hasGroup(file, name string) bool {
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if group, _, _ := strings.Cut(line, ":"); group == name {
			return true
		}
	}
	return false
}

// writeDaemonFiles writes the daemon's configuration and certificates; both may
// hold secrets.
func writeDaemonFiles(d daemon.Daemon) error {
	files := append([]daemon.File{{Path: d.ConfigFile, Content: string(d.JSON)}}, d.Files...)
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			return fmt.Errorf("cannot configure a Docker daemon: %w", err)
		}
		if err := os.WriteFile(f.Path, []byte(f.Content), 0o600); err != nil {
			return fmt.Errorf("cannot configure a Docker daemon: %w", err)
		}
	}
	return nil
}

// clearBefore clears away what the daemon left when it was killed, before it runs again.
func clearBefore(d daemon.Daemon) {
	var config struct {
		Data string `json:"data-root"`
		Exec string `json:"exec-root"`
	}
	if err := json.Unmarshal(d.JSON, &config); err == nil { // else its own words tell it
		leftover.Clear(config.Data, config.Exec)
	}
}

func (b *Boot) dockerCommand() *exec.Cmd {
	d := b.daemon.Load()
	// After a crash the number in the file may be another process's, and the
	// daemon would take that for itself.
	if err := os.Remove(systemDockerPID); err != nil && !errors.Is(err, fs.ErrNotExist) {
		logrus.WithField("err", err).Warn("an old PID file stays")
	}
	clearBefore(*d)
	cmd := exec.Command(dockerd, d.Args...) //nolint:noctx // ended by shutDown, in order
	cmd.Env = append(environ(), d.Environ...)
	cmd.Dir = "/"
	log := b.dockerLog.open()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// watchSocket makes the socket root's alone whenever System Docker has made it
// anew; until then it belongs to root and its group.
func (b *Boot) watchSocket(ctx context.Context) {
	last := 0
	for {
		if s := b.docker.Status(); s.State == supervise.Running && s.PID != last {
			if last = s.PID; pingUntil(ctx, daemon.SystemSocket, dockerPatience) == nil {
				if err := os.Chmod(daemon.SystemSocket, 0o600); err != nil {
					logrus.WithField("err", err).Warn("System Docker's socket keeps its mode")
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-b.docker.Changed():
		}
	}
}

// awaitSystemDocker waits until System Docker answers. When it keeps failing its
// data is set aside, once: everything in it but volumes can be made again.
func awaitSystemDocker(ctx context.Context, b *Boot) error {
	deadline, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	aside := false
	for {
		err := ping(deadline, daemon.SystemSocket)
		if err == nil {
			return nil
		}
		s := b.docker.Status()
		if s.Restarts >= dockerFailures && !aside {
			aside = true
			if err := b.setDataAside(deadline); err != nil {
				return err
			}
		}
		if !sleep(deadline, 20*time.Millisecond) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w; it was started %d times, the last end: %q; its log ends:\n%s",
				err, s.Restarts+1, s.LastExit, b.dockerLog.tail(15))
		}
	}
}

// setDataAside lets System Docker begin with empty data and the old volumes.
func (b *Boot) setDataAside(ctx context.Context) error {
	if have, err := freeSpace(systemDockerData); err != nil || have.free < noSpace {
		return nil //nolint:nilerr // a full disk is the likelier reason, and not mended by this
	}
	if err := b.docker.Stop(ctx); err != nil {
		logrus.WithField("err", err).Warn("System Docker does not stop")
	}
	if err := unix.Unmount(systemDockerData, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot set System Docker's data aside: %w", err)
	}
	broken := systemDockerData + ".broken"
	if err := os.RemoveAll(broken); err != nil {
		return fmt.Errorf("cannot set System Docker's data aside: %w", err)
	}
	if err := os.Rename(systemDockerData, broken); err != nil {
		return fmt.Errorf("cannot set System Docker's data aside: %w", err)
	}
	if err := makeFolder(systemDockerData, 0o710); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(broken, "volumes"), filepath.Join(systemDockerData, "volumes"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot keep System Docker's volumes: %w", err)
	}
	if err := b.isolateData(); err != nil {
		return err
	}
	b.problem("System Docker did not start with its data, which is now in %s; system services are made anew, volumes were kept", broken)
	b.docker.Start()
	return nil
}

func pingUntil(ctx context.Context, socket string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ping(ctx, socket)
		if err == nil || !sleep(ctx, 50*time.Millisecond) {
			return err
		}
	}
}

// ping asks a Docker daemon whether it answers.
func ping(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("cannot reach the daemon: %w", err)
	}
	defer func() { _ = conn.Close() }() // the answer has been read
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("cannot reach the daemon: %w", err)
		}
	}
	if _, err := conn.Write([]byte("GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")); err != nil {
		return fmt.Errorf("cannot ask the daemon: %w", err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the daemon does not answer: %w", err)
	}
	if fields := strings.Fields(line); len(fields) < 2 || fields[1] != "200" {
		return fmt.Errorf("the daemon answers %q", strings.TrimSpace(line))
	}
	return nil
}

// startController starts `ros controller` and keeps it running.
func startController(_ context.Context, b *Boot) error {
	if b.controller == nil {
		b.controller = supervise.NewProcess(supervise.Spec{Name: "controller", Command: b.controllerCommand, MaxDelay: restartWithin}, b.reaper)
	}
	b.controller.Start()
	return nil
}

func (b *Boot) controllerCommand() *exec.Cmd {
	cmd := exec.Command("/usr/bin/ros", "controller") //nolint:noctx // ended by shutDown, in order
	cmd.Env = environ()
	cmd.Dir = "/"
	log := b.controlLog.open()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}
