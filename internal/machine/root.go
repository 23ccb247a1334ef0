package machine

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The places of the root in the initrd.
const (
	rootImage = "/root.squashfs"
	lowerDir  = "/squash"
	upperDir  = "/rw"
	newRoot   = "/newroot"
)

// mountRoot lays a tmpfs over the read-only squashfs of the initrd and makes
// the result the root. Images never lie unpacked in memory.
func mountRoot(context.Context, *Boot) error {
	loop, err := attachLoop(rootImage)
	if err != nil {
		return err
	}
	defer func() { _ = loop.Close() }() // the mount holds the device from then on
	for _, dir := range []string{lowerDir, upperDir, newRoot} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("cannot make a folder in the initrd: %w", err)
		}
	}
	if err := unix.Mount(loop.Name(), lowerDir, "squashfs", unix.MS_RDONLY|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("cannot mount the image: %w", err)
	}
	if err := unix.Mount("tmpfs", upperDir, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("cannot mount a tmpfs: %w", err)
	}
	for _, dir := range []string{upperDir + "/upper", upperDir + "/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("cannot make a folder in memory: %w", err)
		}
	}
	opts := "lowerdir=" + lowerDir + ",upperdir=" + upperDir + "/upper,workdir=" + upperDir + "/work"
	if err := unix.Mount("overlay", newRoot, "overlay", 0, opts); err != nil {
		return fmt.Errorf("cannot mount the root: %w", err)
	}
	return switchRoot()
}

// switchRoot moves the kernel's file systems into the new root and enters it.
// The initrd stays below, out of reach: the loop device keeps the image in it
// alive, so only the drivers are freed.
func switchRoot() error {
	if err := os.RemoveAll(initrdModules); err != nil {
		return fmt.Errorf("cannot free the drivers of the initrd: %w", err)
	}
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run"} {
		if err := os.MkdirAll(newRoot+dir, 0o755); err != nil {
			return fmt.Errorf("cannot make a mount point: %w", err)
		}
		if err := unix.Mount(dir, newRoot+dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("cannot move %s into the root: %w", dir, err)
		}
	}
	if err := unix.Chdir(newRoot); err != nil {
		return fmt.Errorf("cannot enter the root: %w", err)
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("cannot move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("cannot change the root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("cannot enter the root: %w", err)
	}
	return nil
}

// attachLoop makes a read-only block device of a file. It goes when nothing
// uses it any more: the caller must keep it open until it is mounted.
func attachLoop(path string) (*os.File, error) {
	image, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the image: %w", err)
	}
	defer func() { _ = image.Close() }() // the device holds its own reference
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot get a loop device: %w", err)
	}
	defer func() { _ = control.Close() }() // nothing is written
	n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return nil, fmt.Errorf("cannot get a loop device: %w", err)
	}
	device := fmt.Sprintf("/dev/loop%d", n)
	loop, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot get a loop device: %w", err)
	}
	config := unix.LoopConfig{Fd: uint32(image.Fd())}
	config.Info.Flags = unix.LO_FLAGS_READ_ONLY | unix.LO_FLAGS_AUTOCLEAR
	copy(config.Info.File_name[:], path)
	if err := unix.IoctlLoopConfigure(int(loop.Fd()), &config); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make a block device of %s: %w", path, err), loop.Close())
	}
	return loop, nil
}
