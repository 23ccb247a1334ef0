package machine

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

const (
	// reserveName is a file on the state disk that holds nothing. A machine with
	// a full disk gives it up to be able to boot and be cleaned up.
	reserveName = ".reserve"
	reserveSize = 64 << 20
	// fullBelow is how little space counts as full: less than what the two
	// daemons write at their start.
	fullBelow = 32 << 20
)

// checkSpace tells about a full state disk and gives up the reserve; on a disk
// with enough space it makes the reserve again.
func (b *Boot) checkSpace(dir string) {
	space, err := freeSpace(dir)
	if err != nil {
		logrus.WithField("err", err).Warn("the space on the state disk is not known")
		return
	}
	reserve := filepath.Join(dir, reserveName)
	info, err := os.Stat(reserve)
	held := err == nil && info.Size() > 0
	switch {
	case space.free < fullBelow && held:
		err = os.Remove(reserve)
		b.problem("the state disk is full; %d MiB held back for this were freed: remove what is not needed", reserveSize>>20)
	case space.free < fullBelow:
		err = nil
		b.problem("the state disk is full: %d KiB are free", space.free>>10)
	case !held && space.free > 4*reserveSize && space.total > 16*reserveSize:
		err = makeReserve(reserve)
	default:
		err = nil
	}
	if err != nil {
		logrus.WithField("err", err).Warn("the reserve on the state disk cannot be changed")
	}
}

type space struct{ total, free uint64 }

func freeSpace(dir string) (space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return space{}, fmt.Errorf("cannot read the space on %s: %w", dir, err)
	}
	unit := uint64(st.Bsize) //nolint:gosec // a block size is positive
	return space{total: st.Blocks * unit, free: st.Bfree * unit}, nil
}

// makeReserve allocates without writing, where the file system can.
func makeReserve(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	if err := unix.Fallocate(int(f.Fd()), 0, 0, reserveSize); err != nil {
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	return nil
}
