//go:build dockerd

package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/servicectl"
)

// childEnv holds, in a process that is to be a controller, its settings.
const childEnv = "ROS_BENCH_CHILD"

// runChild is the main of such a process, which ends with its input.
func runChild() error {
	var s settings
	if err := json.Unmarshal([]byte(os.Getenv(childEnv)), &s); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c, err := newController(s, log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	failed := make(chan error, 2)
	all.Go(func() { failed <- c.Run(ctx) })
	all.Go(func() { failed <- c.Serve(ctx, s.socket()) })
	_, err = io.Copy(io.Discard, os.Stdin)
	cancel()
	all.Wait()
	for range cap(failed) {
		if err == nil {
			err = <-failed
		}
	}
	return err
}

// process is a controller in a process of its own.
type process struct {
	*servicectl.Client
	settings
	cmd *exec.Cmd
}

// spawn starts a controller in a process of its own, and waits until it has
// converged.
func (r *rig) spawn(b *testing.B, size int) *process {
	b.Helper()
	s := r.settings(b)
	writeProject(b, s.config(), size, nobody)
	text, err := json.Marshal(s)
	if err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := &process{Client: servicectl.Dial(s.socket()), settings: s, cmd: exec.Command(self)}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := p.cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	p.settle(b)
	r.running(b, size)
	return p
}

// settle waits until the controller has converged.
func (p *process) settle(b *testing.B) {
	b.Helper()
	late := time.After(patience)
	for {
		st, err := p.Wait(b.Context(), patience, nil)
		if err == nil && st.State == servicectl.Converged {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-late:
			b.Fatalf("the machine is %s: %v, %v", st.State, st.Problems, err)
		}
	}
}

// memory is what of a process is in memory, in MB.
type memory struct {
	resident  float64 // all, with the parts of the program that were used
	anonymous float64 // of that, what is not a file's
	most      float64 // that resident ever was
}

func (p *process) memory(b *testing.B) memory {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	mb := map[string]float64{}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		if kib, is := strings.CutSuffix(strings.TrimSpace(value), " kB"); is {
			n, err := strconv.ParseFloat(kib, 64)
			if err != nil {
				b.Fatal(err)
			}
			mb[key] = n * 1024 / 1e6
		}
	}
	return memory{resident: mb["VmRSS"], anonymous: mb["RssAnon"], most: mb["VmHWM"]}
}

// woken is how often something has woken the controller.
func (p *process) woken(b *testing.B) int {
	b.Helper()
	web := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", p.socket())
		},
	}}
	resp, err := web.Get("http://controller/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\nros_wakes_total ")
	value, _, _ := strings.Cut(rest, "\n")
	times, err := strconv.Atoi(value)
	if !found || err != nil {
		b.Fatalf("the controller does not tell how often it was woken: %v\n%s", err, text)
	}
	return times
}

// processor is the time of processors that the process has used. Its own clock
// tells that to the nanosecond, and asking it costs the process nothing.
func (p *process) processor(b *testing.B) time.Duration {
	b.Helper()
	const scheduled = 2 // which of a process's clocks
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|scheduled), &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
