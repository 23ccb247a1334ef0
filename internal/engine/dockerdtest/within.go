package dockerdtest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Within does something in the daemon's network namespace, whose loopback it
// brings up: sockets that are opened there belong to it for good.
func (d *Daemon) Within(tb testing.TB, do func() error) {
	tb.Helper()
	if err := d.within(do); err != nil {
		tb.Fatalf("in the daemon's network: %v", err)
	}
}

// within does something on a thread that is in the daemon's network meanwhile.
// The thread lives on: what it has started is to end with it.
func (d *Daemon) within(do func() error) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			failed <- err
			return
		}
		defer home.Close()
		err = d.enter()
		if err == nil {
			err = upLoopback()
		}
		if err == nil {
			err = do()
		}
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back == nil {
			runtime.UnlockOSThread()
		}
		failed <- err
	}()
	return <-failed
}

// enter puts the thread into the daemon's network.
func (d *Daemon) enter() error {
	ns, err := os.Open(filepath.Join("/proc", strconv.Itoa(d.holder.Process.Pid), "ns/net"))
	if err != nil {
		return err
	}
	defer ns.Close()
	return unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
}

// upLoopback brings the interface lo up.
func upLoopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open a socket: %w", err)
	}
	defer unix.Close(s) //nolint:errcheck // nothing was written
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("cannot name lo: %w", err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("cannot bring lo up: %w", err)
	}
	return nil
}
