//go:build integration

package integration

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// TestRecoveryConsole sits down at the recovery console, as a person would.
func TestRecoveryConsole(t *testing.T) { undisturbed(t, recoveryConsoleUndisturbed) }

// recoveryConsoleUndisturbed is false when the emulator's fault ended the machine: it
// booted again, and waits for a person again.
func recoveryConsoleUndisturbed(t *testing.T) bool {
	t.Helper()
	m := NewMachine(t, VM, "the recovery console says why it is open, gives a shell, and leaving it goes on with the boot").
		Flags("--append", "rancher.recovery=true").startStuck()
	m.shows("rancher.recovery is set")
	m.shows("recovery# ")
	m.types("echo answer-$((6*7))\n", "answer-42")
	m.types("exit\n", "The boot goes on")
	disturbed := false
	m.Until("it boots on", 10*time.Minute, func() error {
		if disturbed = m.hadTheFault(); disturbed {
			return nil
		}
		st, err := m.status()
		return errors.Join(err, converged(st))
	})
	if disturbed {
		m.Remove()
	}
	return !disturbed
}

// TestABootThatCannotGoOnIsMended lets a person mend the fault that PID 1 tells.
func TestABootThatCannotGoOnIsMended(t *testing.T) {
	m := NewMachine(t, VM, "a boot that misses the disk which it must have asks for a person, and goes on from there").
		Flags("--append", "rancher.state.dev=LABEL=lost rancher.state.autoformat=[] rancher.state.required=true").startStuck()
	m.shows("RECOVERY CONSOLE")
	m.shows("cannot mount the state disk: cannot find LABEL=lost, which rancher.state.required asks for")
	m.shows("recovery# ")
	m.types("mke2fs -q -t ext4 -L lost /dev/vda && exit\n", "The boot goes on")
	s := m.Eventually("it boots on", 10*time.Minute, converged)
	if len(s.Problems) > 0 {
		t.Errorf("problems: %v", s.Problems)
	}
	theStateIsOnTheDisk(m)
}

// startStuck boots a machine that is expected to wait for a person.
func (m *Machine) startStuck() *Machine {
	m.t.Helper()
	if r := m.boot("--timeout", "3s"); r.Code != 1 {
		m.t.Fatalf("want a machine that is not ready, exit status 1, got %d\n%s", r.Code, r.Stderr)
	}
	return m
}

// shows waits until a text has been on the machine's console.
func (m *Machine) shows(text string) {
	m.t.Helper()
	m.Until("the console shows "+text, 3*time.Minute, func() error {
		if r := m.rosmachine("", "log", m.name); !strings.Contains(r.Stdout, text) {
			return errors.New("not yet")
		}
		return nil
	})
}

// types enters lines at the machine's console, and leaves it once that shows a
// text: a serial line takes a few characters at a time, and loses those of one
// who has left.
func (m *Machine) types(lines, until string) {
	m.t.Helper()
	keys, fingers := io.Pipe()
	left := make(chan Result, 1)
	go func() { left <- m.hostReading(keys, shop.program, "console", m.name) }()
	m.t.Cleanup(func() { _ = fingers.Close() }) // for a test that fails before it leaves
	if _, err := io.WriteString(fingers, lines); err != nil {
		m.t.Fatal(err)
	}
	m.shows(until)
	const leave = "\x1d"
	if _, err := io.WriteString(fingers, leave); err != nil {
		m.t.Fatal(err)
	}
	if err := fingers.Close(); err != nil {
		m.t.Fatal(err)
	}
	if r := <-left; r.Code != 0 {
		m.t.Fatalf("rosmachine console: exit status %d\n%s", r.Code, r.Stderr)
	}
}
