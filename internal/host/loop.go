package host

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

type access int

const (
	readWrite access = iota
	readOnly
)

// mountLoop mounts a file. The loop device is the kernel's to free when the
// mount goes away, so that nothing is left of it whatever happens to us.
func mountLoop(file, target, kind string, as access) error {
	openFlags, loopFlags, mountFlags := os.O_RDWR, uint32(unix.LO_FLAGS_AUTOCLEAR), uintptr(unix.MS_NODEV)
	if as == readOnly {
		openFlags, loopFlags, mountFlags = os.O_RDONLY, loopFlags|unix.LO_FLAGS_READ_ONLY, mountFlags|unix.MS_RDONLY
	}
	backing, err := os.OpenFile(file, openFlags, 0)
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", file, err)
	}
	defer func() { _ = backing.Close() }()
	device, err := attachLoop(backing, openFlags, loopFlags)
	if err != nil {
		return fmt.Errorf("cannot attach %s to a loop device: %w", file, err)
	}
	defer func() { _ = device.Close() }()
	if err := unix.Mount(device.Name(), target, kind, mountFlags, ""); err != nil {
		return fmt.Errorf("cannot mount %s: %w", file, err)
	}
	return nil
}

// attachLoop asks for a free device until it got one: others ask too.
func attachLoop(backing *os.File, openFlags int, loopFlags uint32) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = control.Close() }()
	for range 100 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), openFlags, 0)
		if err != nil {
			return nil, err
		}
		config := unix.LoopConfig{Fd: uint32(backing.Fd()), Info: unix.LoopInfo64{Flags: loopFlags}}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return device, nil
		}
		_ = device.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, err
		}
	}
	return nil, errors.New("every free loop device was taken by others")
}
