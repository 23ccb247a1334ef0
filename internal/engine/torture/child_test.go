//go:build dockerd

package torture_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
)

// childEnv holds, in a process that is to be a controller, its settings.
const childEnv = "ROS_TORTURE_CHILD"

// childSettings are a controller's in a process of its own.
type childSettings struct {
	Dir, System, User string
}

func (s childSettings) config() string { return filepath.Join(s.Dir, "services.yml") }
func (s childSettings) socket() string { return filepath.Join(s.Dir, "controller.sock") }
func (s childSettings) log() string    { return filepath.Join(s.Dir, "controller.log") }

// child is the main of such a process. It tells a figure about itself for every
// line that it reads, and ends with its input.
func child() int {
	if err := runChild(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runChild() error {
	var s childSettings
	if err := json.Unmarshal([]byte(os.Getenv(childEnv)), &s); err != nil {
		return err
	}
	file, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	log := logrus.New()
	log.SetOutput(file)
	c, err := newController(settings{s.Dir, s.System, s.User}, fileLoader(s.config()), logrus.NewEntry(log))
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	all.Go(func() { _ = c.Run(ctx) })               // it ends with its context
	all.Go(func() { _ = c.Serve(ctx, s.socket()) }) // without it the test has no answer
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if err := json.NewEncoder(os.Stdout).Encode(measure()); err != nil {
			return err
		}
	}
	return nil
}

// fileLoader is a configuration in a file.
type fileLoader string

func (f fileLoader) Load(context.Context) (servicectl.Desired, error) {
	text, err := os.ReadFile(string(f))
	if err != nil {
		return servicectl.Desired{}, err
	}
	p, report := parse(string(f), text)
	return servicectl.Desired{Project: p, Report: report}, nil
}

// figures is what a process uses.
type figures struct {
	Goroutines, Files int
	Heap, RSS         uint64 // bytes
}

// measure measures this process.
func measure() figures {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := figures{Goroutines: runtime.NumGoroutine(), Heap: m.HeapInuse}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.Files = len(open)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return f
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			f.RSS = kb << 10
		}
	}
	return f
}

// process is a controller in a process of its own.
type process struct {
	childSettings
	*servicectl.Client
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// spawn starts a controller in a process of its own, for a service file.
func (r *rig) spawn(tb testing.TB, config string) *process {
	tb.Helper()
	s := childSettings{r.dir, r.proxies[compose.System].socket, r.proxies[compose.User].socket}
	p := &process{childSettings: s, Client: servicectl.Dial(s.socket())}
	p.configure(tb, config)
	text, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	p.cmd = exec.Command(self)
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.kill)
	return p
}

// configure writes the configuration; the controller reads it at a reload.
func (p *process) configure(tb testing.TB, config string) {
	tb.Helper()
	if err := os.WriteFile(p.config(), []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// kill ends the process at once, and again does nothing.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// figures asks the process for them.
func (p *process) figures(tb testing.TB) figures {
	tb.Helper()
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		tb.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	var f figures
	if err == nil {
		err = json.Unmarshal(line, &f)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// answers waits until the controller does.
func (p *process) answers(tb testing.TB) {
	tb.Helper()
	for begin := time.Now(); ; <-time.After(20 * time.Millisecond) {
		_, err := p.Status(tb.Context())
		if err == nil {
			return
		}
		if time.Since(begin) > 30*time.Second {
			tb.Fatal(err)
		}
	}
}
