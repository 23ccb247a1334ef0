package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// uevents nudges whenever the kernel adds or changes a device of a subsystem.
// Nudges that nobody took fold into one. stop ends it.
func uevents(ctx context.Context, subsystem string) (nudge <-chan struct{}, stop func(), err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot listen for devices: %w", err)
	}
	socket := os.NewFile(uintptr(fd), "uevents")
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot listen for devices: %w", err), socket.Close())
	}
	nudges := make(chan struct{}, 1)
	done := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() { _ = socket.Close() }) // ends the read below
	go func() {
		defer close(done)
		readUevents(socket, subsystem, nudges)
	}()
	return nudges, func() {
		unhook()
		_ = socket.Close() // nothing was written
		<-done
	}, nil
}

func readUevents(socket *os.File, subsystem string, nudges chan<- struct{}) {
	buf := make([]byte, 16<<10)
	for {
		n, err := socket.Read(buf)
		if err != nil && !errors.Is(err, unix.ENOBUFS) { // events were lost: look again
			return
		}
		if err == nil && !isUevent(buf[:n], subsystem) {
			continue
		}
		select {
		case nudges <- struct{}{}:
		default:
		}
	}
}

// isUevent reads "add@/devices/…\0ACTION=add\0SUBSYSTEM=block\0…".
func isUevent(event []byte, subsystem string) bool {
	var ours, gone bool
	for field := range bytes.SplitSeq(event, []byte{0}) {
		ours = ours || string(field) == "SUBSYSTEM="+subsystem
		gone = gone || string(field) == "ACTION=remove"
	}
	return ours && !gone
}
