package supervise

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakeStarter starts nothing; the test ends its children.
type fakeStarter struct {
	mu      sync.Mutex
	starts  []time.Time
	current chan Exit
	signals []syscall.Signal
	fail    error
	obey    bool // a child ends when it gets SIGTERM
}

func (f *fakeStarter) Start(*exec.Cmd) (Child, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts = append(f.starts, time.Now())
	if f.fail != nil {
		return Child{}, f.fail
	}
	exit := make(chan Exit, 1)
	f.current = exit
	return Child{PID: 100 + len(f.starts), Exit: exit, Signal: func(s syscall.Signal) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.signals = append(f.signals, s)
		if s == syscall.SIGKILL || f.obey && s == syscall.SIGTERM {
			exit <- Exit{Code: -1, Signal: s}
		}
		return nil
	}}, nil
}

func (f *fakeStarter) end(code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current <- Exit{Code: code}
}

func (f *fakeStarter) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.starts)
}

func newFake(f *fakeStarter) *Process {
	return NewProcess(Spec{Name: "fake", Command: func() *exec.Cmd { return exec.Command("/bin/true") }}, f)
}

func TestDelayDoublesUpToAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStarter{}
		p := newFake(f)
		p.Start()
		want := 250 * time.Millisecond
		for range 12 {
			f.end(1)
			synctest.Wait()
			if s := p.Status(); s.State != Backoff || s.LastExit != "exit status 1" {
				t.Fatalf("after an exit: %+v", s)
			}
			before := f.count()
			time.Sleep(want - time.Millisecond)
			if f.count() != before {
				t.Fatalf("started before %v were over", want)
			}
			time.Sleep(2 * time.Millisecond)
			if f.count() != before+1 {
				t.Fatalf("not started after %v", want)
			}
			want = min(2*want, time.Minute)
		}
		if s := p.Status(); s.State != Running || s.Restarts != 12 {
			t.Errorf("at the end: %+v", s)
		}
		stopQuickly(t, p)
	})
}

func TestALongRunForgetsEarlierFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStarter{}
		p := newFake(f)
		p.Start()
		for range 6 {
			f.end(1)
			time.Sleep(20 * time.Second)
		}
		time.Sleep(time.Minute)
		f.end(1)
		before := f.count()
		time.Sleep(251 * time.Millisecond)
		if f.count() != before+1 {
			t.Error("a failure after a healthy minute was not answered by the shortest delay")
		}
		stopQuickly(t, p)
	})
}

func TestAProcessThatCannotBeStartedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStarter{fail: errors.New("no such file")}
		p := newFake(f)
		p.Start()
		if s := p.Status(); s.State != Backoff || s.PID != 0 || s.LastExit != "cannot start: no such file" {
			t.Fatalf("%+v", s)
		}
		f.mu.Lock()
		f.fail = nil
		f.mu.Unlock()
		time.Sleep(time.Second)
		if s := p.Status(); s.State != Running || s.PID == 0 {
			t.Fatalf("%+v", s)
		}
		stopQuickly(t, p)
	})
}

func TestStopKillsWhatDoesNotObey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStarter{}
		p := newFake(f)
		p.Start()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		if err := p.StopWith(ctx, syscall.SIGPWR); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v does not tell that it was killed", err)
		}
		if d := time.Since(begun); d != 10*time.Second {
			t.Errorf("killed after %v", d)
		}
		if len(f.signals) != 2 || f.signals[0] != syscall.SIGPWR || f.signals[1] != syscall.SIGKILL {
			t.Errorf("signals %v", f.signals)
		}
		time.Sleep(time.Hour)
		if f.count() != 1 || p.Status().State != Stopped {
			t.Error("a stopped process was started again")
		}
	})
}

func TestStopDuringBackoffStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStarter{}
		p := newFake(f)
		p.Start()
		f.end(3)
		synctest.Wait()
		if err := p.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		time.Sleep(time.Hour)
		if f.count() != 1 {
			t.Errorf("started %d times", f.count())
		}
	})
}

func TestAStoppedProcessCanBeStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStarter{obey: true}
		p := newFake(f)
		p.Start()
		p.Start() // a second Start changes nothing
		stopQuickly(t, p)
		p.Start()
		if s := p.Status(); s.State != Running || f.count() != 2 {
			t.Errorf("%+v after %d starts", s, f.count())
		}
		stopQuickly(t, p)
	})
}

func TestRestartUsesTheShortestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStarter{obey: true}
		p := newFake(f)
		p.Start()
		for range 5 {
			f.end(1)
			time.Sleep(9 * time.Second)
		}
		before := f.count()
		if err := p.Restart(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(251 * time.Millisecond)
		if f.count() != before+1 {
			t.Error("a wanted restart waited for the backoff of earlier failures")
		}
		stopQuickly(t, p)
	})
}

func TestEachChangeNudgesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStarter{obey: true}
		p := newFake(f)
		p.Start()
		<-p.Changed()
		f.end(1)
		time.Sleep(time.Second) // backoff and running fold into one nudge
		<-p.Changed()
		select {
		case <-p.Changed():
			t.Error("a nudge without a change")
		default:
		}
		stopQuickly(t, p)
	})
}

func stopQuickly(t *testing.T, p *Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}
