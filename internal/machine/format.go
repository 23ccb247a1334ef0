package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/machine/block"
)

// blankSize is how much of a disk must be zero for it to count as blank.
const blankSize = 1 << 20

// formatMark is written near the end of a disk before it is formatted, and
// removed afterwards: when the power is cut in between, the disk is no longer
// blank, and not formatted either, and would never be used.
const formatMark = "ROS is formatting this disk; it holds nothing yet.\n"

// markOffset is where the mark is. mkfs.ext4 writes zeros over the last 64 KiB
// and leaves this place alone.
func markOffset(size int64) int64 { return size - 1<<20 }

// autoformat makes a state disk of the first blank one in the list.
func (b *Boot) autoformat(ctx context.Context, list []string) (disk, bool, error) {
	for _, path := range list {
		free, err := mayFormat(path)
		if err != nil {
			b.problem("disk %s is not formatted: %v", path, err)
			continue
		}
		if !free {
			continue
		}
		logrus.Infof("formatting the blank disk %s", path)
		if err := b.format(ctx, path); err != nil {
			return disk{}, false, err
		}
		sb, err := probeDevice(path)
		return disk{path, sb}, err == nil, err
	}
	return disk{}, false, nil
}

// mayFormat says whether a disk is blank, or was being formatted when the power
// was cut. A disk that does not exist is not.
func mayFormat(path string) (bool, error) {
	f, err := openDevice(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // read only
	size, err := sizeOf(path)
	if err != nil || size < 16*blankSize || hasPartitions(path) {
		return false, err
	}
	blank, err := isBlank(f)
	if err != nil || blank {
		return blank, err
	}
	sb, err := block.Probe(f)
	if err != nil || sb.FSType != "" {
		return false, err
	}
	return isMarked(f, size)
}

func isBlank(r io.ReaderAt) (bool, error) {
	head := make([]byte, blankSize)
	if _, err := r.ReadAt(head, 0); err != nil {
		return false, fmt.Errorf("cannot read: %w", err)
	}
	return len(bytes.TrimLeft(head, "\x00")) == 0, nil
}

func isMarked(r io.ReaderAt, size int64) (bool, error) {
	mark := make([]byte, len(formatMark))
	if _, err := r.ReadAt(mark, markOffset(size)); err != nil {
		return false, fmt.Errorf("cannot read: %w", err)
	}
	return string(mark) == formatMark, nil
}

func (b *Boot) format(ctx context.Context, path string) error {
	size, err := sizeOf(path)
	if err != nil {
		return err
	}
	if err := writeDurably(path, []byte(formatMark), markOffset(size)); err != nil {
		return err
	}
	// nodiscard keeps the mark.
	if err := b.command(ctx, "mkfs.ext4", "-q", "-F", "-E", "nodiscard", "-L", stateLabel, path); err != nil {
		return fmt.Errorf("cannot format %s: %w", path, err)
	}
	return unmark(path, size)
}

// unmark forgets that a disk was being formatted.
func unmark(path string, size int64) error {
	return writeDurably(path, make([]byte, len(formatMark)), markOffset(size))
}

// unmarkFormatted removes a mark that a power cut left on a disk which was
// formatted to the end. Later it would make a damaged disk look unformatted.
func unmarkFormatted(path string) error {
	size, err := sizeOf(path)
	if err != nil {
		return err
	}
	f, err := openDevice(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	if marked, err := isMarked(f, size); err != nil || !marked {
		return err
	}
	return unmark(path, size)
}

func writeDurably(path string, data []byte, offset int64) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cannot write to %s: %w", path, err)
	}
	defer func() {
		if closing := f.Close(); err == nil && closing != nil {
			err = fmt.Errorf("cannot write to %s: %w", path, closing)
		}
	}()
	if _, err := f.WriteAt(data, offset); err != nil {
		return fmt.Errorf("cannot write to %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("cannot write to %s: %w", path, err)
	}
	return nil
}
