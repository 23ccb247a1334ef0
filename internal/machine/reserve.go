package machine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

const (
	// diskFull begins the problem of a full state disk.
	diskFull = "the state disk is full"
	// reserveName is a file on the state disk that holds nothing. A machine with
	// a full disk gives it up to be able to boot and be cleaned up.
	reserveName = ".reserve"
	maxReserve  = 64 << 20
	minReserve  = 8 << 20
	// noSpace is less than System Docker needs to start and make its containers.
	noSpace = 8 << 20
)

// reserveFor is how much is held back on a disk of this size, which is also how
// little free space counts as full.
func reserveFor(total uint64) uint64 { return min(maxReserve, max(minReserve, total/16)) }

// checkSpace tells about a full state disk and gives up the reserve; on a disk
// with enough space it makes the reserve again.
func checkSpace(_ context.Context, b *Boot) error {
	have, err := freeSpace(stateMount)
	if err != nil {
		return err
	}
	size := reserveFor(have.total)
	reserve := filepath.Join(stateMount, reserveName)
	_, err = os.Stat(reserve)
	held := err == nil
	switch {
	case have.free < size/2 && held:
		if err := os.Remove(reserve); err != nil {
			return fmt.Errorf("cannot give up the reserve of a full disk: %w", err)
		}
		b.problem(diskFull+"; %d MiB that were held back for this are free now: remove what is not needed", size>>20)
	case have.free < size/2:
		b.problem(diskFull+" (%d MiB are free): remove what is not needed", have.free>>20)
	case !held && have.free > 3*size && ownFilesystem(stateMount):
		return makeReserve(reserve, size)
	}
	return nil
}

// spaceChecked is how often a state disk that was full is looked at again.
const spaceChecked = 5 * time.Second

// watchSpace takes the problem of a full state disk back when there is space
// again, and holds the reserve back anew.
func (b *Boot) watchSpace(ctx context.Context) {
	tick := time.NewTicker(spaceChecked)
	defer tick.Stop()
	for b.record.has(diskFull) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		have, err := freeSpace(stateMount)
		if err != nil || have.free <= 3*reserveFor(have.total) {
			continue
		}
		b.record.drop(diskFull)
		logrus.Info("the state disk has space again")
		if err := checkSpace(ctx, b); err != nil {
			logrus.WithField("err", err).Warn("nothing is held back for a full state disk")
		}
	}
}

// ownFilesystem says whether the whole of a file system that lasts is mounted
// at path: nothing is held back in a host's folder, nor in memory.
func ownFilesystem(path string) bool {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	own := false
	for line := range strings.Lines(string(table)) {
		at, of, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(at); len(fields) > 4 && fields[4] == path {
			own = fields[3] == "/" && !strings.HasPrefix(of, "tmpfs ")
		}
	}
	return own
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
func makeReserve(path string, size uint64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	//nolint:gosec // at most maxReserve
	if err := unix.Fallocate(int(f.Fd()), 0, 0, int64(size)); err != nil {
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	return nil
}
