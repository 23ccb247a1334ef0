package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asReaper makes the test binary play PID 1 for its own descendants: the test
// itself must not, since it would take the children of other tests.
const asReaper = "SUPERVISE_TEST_AS_REAPER"

func TestMain(m *testing.M) {
	if os.Getenv(asReaper) != "" {
		if err := playPID1(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// playPID1 starts many short processes at once, some of which leave orphans,
// and checks that each end is told to the one that waits for it.
func playPID1() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := NewReaper()
	go r.Run(ctx)
	results := make(chan error)
	const n = 40
	for i := range n {
		go func() { results <- startOne(ctx, r, i) }()
	}
	for range n {
		if err := <-results; err != nil {
			return err
		}
	}
	return noChildrenLeft()
}

func startOne(ctx context.Context, r *Reaper, i int) error {
	code := i % 7
	var out bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf("echo %d; (sleep 0.1 >/dev/null &) ; exit %d", i, code))
	cmd.Stdout = &out
	err := Run(ctx, r, cmd)
	var exit *ExitError
	switch {
	case code == 0 && err != nil:
		return fmt.Errorf("child %d: %w", i, err)
	case code != 0 && (!errors.As(err, &exit) || exit.Exit.Code != code):
		return fmt.Errorf("child %d: %w, want exit status %d", i, err, code)
	case out.String() != fmt.Sprintf("%d\n", i):
		return fmt.Errorf("child %d printed %q", i, out.String())
	}
	return nil
}

// noChildrenLeft waits until the orphans have been reaped too.
func noChildrenLeft() error {
	deadline := time.After(5 * time.Second)
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.ECHILD) {
			return nil
		}
		select {
		case <-deadline:
			return errors.New("orphans were not reaped")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestReaperTellsEachEndOnceAndReapsOrphans(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asReaper+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestRunKillsWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := Run(ctx, Direct{}, exec.Command("/bin/sleep", "30"))
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 10*time.Second {
		t.Errorf("error %v after %v", err, time.Since(begun))
	}
}

func TestDirectTellsSignalsAndStatuses(t *testing.T) {
	for _, row := range []struct{ name, script, want string }{
		{"an exit status is told", "exit 3", "exit status 3"},
		{"a signal is told", "kill -9 $$", "signal: killed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := Run(t.Context(), Direct{}, exec.Command("/bin/sh", "-c", row.script))
			if err == nil || err.Error() != row.want {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
}

func TestAProcessIsKeptRunningForReal(t *testing.T) {
	p := NewProcess(Spec{
		Name: "sleep", FirstDelay: time.Millisecond,
		Command: func() *exec.Cmd { return exec.Command("/bin/sleep", "30") },
	}, Direct{})
	p.Start()
	first := p.Status().PID
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(10 * time.Second)
	for p.Status().PID == first || p.Status().PID == 0 {
		select {
		case <-deadline:
			t.Fatalf("not started again: %+v", p.Status())
		case <-p.Changed():
		}
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.Status(); s.State != Stopped || s.PID != 0 || s.LastExit != "signal: terminated" {
		t.Errorf("%+v", s)
	}
}
