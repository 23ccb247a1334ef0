package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process names one process for as long as the host is up: a number alone may
// be given to another process later.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // ticks since the host's boot
	Boot  string `json:"boot"`  // the host's boot ID
}

// identify names the process that has this number now.
func identify(pid int) (Process, error) {
	boot, err := bootID()
	if err != nil {
		return Process{}, err
	}
	start, _, err := stat(pid)
	return Process{PID: pid, Start: start, Boot: boot}, err
}

// Alive reports whether that very process still runs.
func (p Process) Alive() bool {
	boot, err := bootID()
	if err != nil || p.PID <= 0 || boot != p.Boot {
		return false
	}
	start, state, err := stat(p.PID)
	return err == nil && start == p.Start && state != 'Z' && state != 'X'
}

// signal sends to that very process, and to no other one that got its number:
// the handle is opened first and the identity checked after.
func (p Process) signal(sig syscall.Signal) error {
	if p.PID <= 0 {
		return os.ErrProcessDone
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return os.ErrProcessDone
	}
	defer func() { _ = unix.Close(fd) }()
	if !p.Alive() {
		return os.ErrProcessDone
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil {
		if errors.Is(err, unix.ESRCH) {
			return os.ErrProcessDone
		}
		return fmt.Errorf("cannot signal process %d: %w", p.PID, err)
	}
	return nil
}

// wait returns when the process is gone, or with ctx's error.
func (p Process) wait(ctx context.Context) error {
	for p.Alive() {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// stat reads when a process started and its state letter.
func stat(pid int) (start uint64, state byte, err error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("cannot find process %d: %w", pid, err)
	}
	// The name in parentheses may hold spaces and parentheses itself.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("cannot understand the state of process %d", pid)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("cannot understand the start of process %d: %w", pid, err)
	}
	return start, fields[0][0], nil
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot read the host's boot ID: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// pause waits for d, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
