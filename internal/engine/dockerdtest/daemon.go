package dockerdtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/ros-os/ros/internal/leftover"
)

// patience is how long the daemon may take to start or to end.
const patience = 60 * time.Second

// Options say what the daemon is like. The zero value is the usual one.
type Options struct {
	// DataSize makes the daemon's data a file system of so many bytes, in memory.
	// 0 is the disk of the host.
	DataSize int64
	// Config is put over the daemon's configuration, key by key.
	Config map[string]any
	// Etc are files below /etc that the daemon has in place of the host's, by
	// their path there. When it is not nil the daemon's /etc can be written to.
	Etc map[string][]byte
}

// Daemon is a Docker daemon in network and mount namespaces of its own.
type Daemon struct {
	dir     string
	engines string // folder with the programs
	holder  *exec.Cmd
	process *exec.Cmd
	ended   chan struct{}
}

// Start starts a daemon, which ends with the test and leaves nothing.
func Start(tb testing.TB, o Options) *Daemon {
	tb.Helper()
	engines := EngineDir(tb)
	dir, err := os.MkdirTemp("", "ros-engine-") // tb.TempDir is too long for sockets
	if err != nil {
		tb.Fatal(err)
	}
	d := &Daemon{dir: dir, engines: engines}
	tb.Cleanup(func() { d.clean(tb) })
	d.holder = exec.Command("sleep", "infinity") //nolint:noctx // it ends with the test
	d.holder.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL,
	}
	if err := d.holder.Start(); err != nil {
		tb.Fatal(err)
	}
	if err := d.prepare(o); err != nil {
		tb.Fatal(err)
	}
	d.Launch(tb)
	return d
}

// prepare writes the daemon's configuration and makes its file system.
func (d *Daemon) prepare(o Options) error {
	doc := map[string]any{
		"features":     map[string]bool{"embedded-containerd": true},
		"live-restore": true, "userland-proxy": false,
		"iptables": false, "ip6tables": false, "ip-forward": false,
		"bip": "10.213.7.1/24", "cgroup-parent": d.group(), "log-level": "warn",
		"data-root": d.Path("data"), "exec-root": d.Path("exec"), "pidfile": d.Path("pid"),
		"hosts": []string{"unix://" + d.Socket()},
	}
	maps.Copy(doc, o.Config)
	config, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("cannot write the daemon's configuration: %w", err)
	}
	if err := os.WriteFile(d.Path("daemon.json"), config, 0o600); err != nil {
		return fmt.Errorf("cannot write the daemon's configuration: %w", err)
	}
	if o.Etc != nil {
		if err := d.ownEtc(o.Etc); err != nil {
			return err
		}
	}
	if o.DataSize == 0 {
		return nil
	}
	if err := os.Mkdir(d.Path("data"), 0o711); err != nil {
		return fmt.Errorf("cannot make the data's folder: %w", err)
	}
	size := "size=" + strconv.FormatInt(o.DataSize, 10)
	out, err := d.inside("mount", "-t", "tmpfs", "-o", size, "tmpfs", d.Path("data")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot mount the data's file system: %w: %s", err, out)
	}
	return nil
}

// EngineDir is the folder with the engine's programs. A relative one is below
// the module's root.
func EngineDir(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("ROS_ENGINE_DIR")
	if dir == "" {
		tb.Fatal("ROS_ENGINE_DIR does not name the folder with dockerd")
	}
	if !filepath.IsAbs(dir) {
		root, err := moduleRoot()
		if err != nil {
			tb.Fatal(err)
		}
		dir = filepath.Join(root, dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "dockerd")); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// moduleRoot is the nearest folder above with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("there is no go.mod above the test")
}

// Path is a file in the daemon's folder, as the host sees it.
func (d *Daemon) Path(name string) string { return filepath.Join(d.dir, name) }

// Inside is a file in the daemon's folder, as the daemon sees it: what it has
// mounted is there.
func (d *Daemon) Inside(name string) string {
	return filepath.Join("/proc", strconv.Itoa(d.holder.Process.Pid), "root", d.Path(name))
}

// Socket is where the daemon listens.
func (d *Daemon) Socket() string { return d.Path("docker.sock") }

func (d *Daemon) group() string { return "/" + filepath.Base(d.dir) }

// inside is a command in the daemon's namespaces.
func (d *Daemon) inside(name string, args ...string) *exec.Cmd {
	args = append([]string{"-t", strconv.Itoa(d.holder.Process.Pid), "-m", "-n", name}, args...)
	return exec.Command("nsenter", args...) //nolint:noctx // the daemon ends by a signal, the others at once
}

// Launch starts the daemon's process and waits until it answers.
func (d *Daemon) Launch(tb testing.TB) {
	tb.Helper()
	if err := d.launch(); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.answers(ctx, d.Client(tb)); err != nil {
		tb.Fatalf("dockerd does not answer: %v\n%s", err, d.Log())
	}
}

func (d *Daemon) launch() error {
	leftover.Clear(d.Inside("data"), d.Path("exec")) // as whoever starts a daemon does
	log, err := os.OpenFile(d.Path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the daemon's log: %w", err)
	}
	defer log.Close()
	cmd := d.inside(filepath.Join(d.engines, "dockerd"), "--config-file", d.Path("daemon.json"))
	cmd.Env = append(os.Environ(), "PATH="+d.engines+":"+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start dockerd: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is in its log
	}()
	d.process, d.ended = cmd, ended
	return nil
}

// answers waits until the daemon does.
func (d *Daemon) answers(ctx context.Context, api *client.Client) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := api.Ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-d.ended:
			return fmt.Errorf("it has ended: %w", err)
		case <-tick.C:
		}
	}
}

// Client is a client of the daemon's.
func (d *Daemon) Client(tb testing.TB) *client.Client {
	tb.Helper()
	c, err := client.NewClientWithOpts(client.WithHost("unix://"+d.Socket()), client.WithAPIVersionNegotiation())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// Log is what the daemon has written.
func (d *Daemon) Log() string {
	text, err := os.ReadFile(d.Path("log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Signal ends the daemon's process.
func (d *Daemon) Signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	if err := d.process.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Error(err)
	}
	select {
	case <-d.ended:
	case <-time.After(patience):
		tb.Errorf("dockerd does not end by %s", s)
		if err := d.process.Process.Kill(); err != nil {
			tb.Error(err)
		}
		<-d.ended
	}
}

// Ended says whether the daemon's process has ended.
func (d *Daemon) Ended() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

// RemoveAll removes all containers by force.
func (d *Daemon) RemoveAll(ctx context.Context, api *client.Client) error {
	all, err := api.ContainerList(ctx, container.ListOptions{All: true})
	for _, c := range all {
		gone := api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true})
		if !errdefs.IsNotFound(gone) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// clean removes all containers, ends the daemon and removes what it leaves.
func (d *Daemon) clean(tb testing.TB) {
	tb.Helper()
	if tb.Failed() {
		tb.Logf("dockerd said:\n%s", d.Log())
	}
	if d.process != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := d.RemoveAll(ctx, d.Client(tb)); err != nil {
			tb.Error(err)
		}
		d.Signal(tb, syscall.SIGTERM)
	}
	if d.holder != nil && d.holder.Process != nil {
		if err := d.holder.Process.Kill(); err != nil {
			tb.Error(err)
		}
		_ = d.holder.Wait() // by the signal
	}
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		groups, err := filepath.Glob(pattern + d.group())
		if err != nil {
			tb.Error(err)
		}
		for _, g := range groups {
			os.Remove(g)
		}
	}
	if err := os.RemoveAll(d.dir); err != nil {
		tb.Error(err)
	}
}
