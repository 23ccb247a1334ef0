package block

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// OpenDisk opens a device for changes. One that is in use, mounted or a part of
// something else, is refused by the kernel. A plain file may stand for a device.
func OpenDisk(path string) (f *os.File, size int64, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|unix.O_EXCL, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, 0, fmt.Errorf("%s is in use", path)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot open a disk: %w", err)
	}
	if size, err = checked(f); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}

// OpenUsed opens a disk whose partitions may be mounted, to grow one of them.
func OpenUsed(path string) (f *os.File, size int64, err error) {
	if f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, 0, fmt.Errorf("cannot open a disk: %w", err)
	}
	if size, err = checked(f); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}

// OpenRead opens a disk to look at it. Opened for more, it would be looked at
// anew by the device manager when it is closed.
func OpenRead(path string) (f *os.File, size int64, err error) {
	if f, err = os.Open(path); err != nil {
		return nil, 0, fmt.Errorf("cannot open a disk: %w", err)
	}
	if size, err = checked(f); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}

func checked(f *os.File) (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("cannot open a disk: %w", err)
	}
	if st.Mode()&os.ModeDevice != 0 {
		n, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKSSZGET)
		if err != nil || n != SectorSize {
			return 0, fmt.Errorf("%s has sectors of %d bytes: only %d are supported", f.Name(), n, SectorSize)
		}
	}
	return SizeOf(f)
}

// Reread lets the kernel take a new partition table; none of the old partitions
// may be in use. A kernel that cannot read such a table is told what is in it.
func Reread(f *os.File, t Table) error {
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeDevice == 0 {
		return err // a file has no partitions in the kernel
	}
	if err := unix.IoctlSetInt(int(f.Fd()), unix.BLKRRPART, 0); err != nil {
		return fmt.Errorf("the kernel does not take the new partitions of %s: %w", f.Name(), err)
	}
	const addPartition = 1 // BLKPG_ADD_PARTITION
	for _, p := range t.Parts {
		if err := tell(f, addPartition, p); err != nil && !errors.Is(err, unix.EBUSY) { // it knows it already
			return fmt.Errorf("the kernel does not take partition %d of %s: %w", p.Number, f.Name(), err)
		}
	}
	return nil
}

// Resize tells the kernel the new size of a partition, which may be mounted.
func Resize(f *os.File, p Part) error {
	const resizePartition = 3 // BLKPG_RESIZE_PARTITION
	if err := tell(f, resizePartition, p); err != nil {
		return fmt.Errorf("the kernel does not take the new size of partition %d of %s: %w", p.Number, f.Name(), err)
	}
	return nil
}

// tell makes the call BLKPG about one partition.
func tell(f *os.File, op int32, p Part) error {
	type partition struct {
		start, length  int64
		number         int32
		device, volume [64]byte
		_              [4]byte
	}
	type argument struct {
		op, flags, length int32
		_                 int32
		data              unsafe.Pointer
	}
	part := partition{start: int64(p.Start) * SectorSize, length: int64(p.Sectors) * SectorSize, number: int32(p.Number)}
	arg := argument{op: op, length: int32(unsafe.Sizeof(part)), data: unsafe.Pointer(&part)}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&arg))); errno != 0 {
		return errno
	}
	return nil
}
