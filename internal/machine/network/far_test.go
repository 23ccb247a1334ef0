package network

import (
	"context"
	"io"
	"net"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// farNamespace moves a link into a network namespace of its own, and gives what
// runs ip there.
func farNamespace(t *testing.T, dev string) func(args ...string) {
	t.Helper()
	ip(t, "netns", "add", "far")
	t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "ip", "netns", "delete", "far").Run() })
	ip(t, "link", "set", dev, "netns", "far")
	return func(args ...string) { ip(t, append([]string{"-n", "far"}, args...)...) }
}

// connection connects to a server in the far namespace. What comes there is read
// by far.
func connection(t *testing.T, from, to string) (far func(int) string, near net.Conn) {
	t.Helper()
	listener := listenFar(t, to)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	near, err := dialer.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = near.Close() }) // it has done its work
	end, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = end.Close() })
	return func(n int) string {
		got := make([]byte, n)
		if err := end.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := io.ReadFull(end, got)
		if err != nil {
			t.Error(err)
		}
		return string(got[:n])
	}, near
}

// listenFar listens in the far namespace: a socket stays where it was made.
func listenFar(t *testing.T, address string) net.Listener {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	enter := func(path string) {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
		}
		if err != nil {
			t.Fatalf("cannot enter %s: %v", path, err)
		}
		_ = unix.Close(fd) // it was only entered
	}
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	enter("/run/netns/far")
	defer enter("/proc/self/fd/" + strconv.Itoa(home))
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}
