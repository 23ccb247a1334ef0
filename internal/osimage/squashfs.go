package osimage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Compression says how the root file system is compressed.
type Compression string

// The compressions: small for releases, quick for a developer's rounds.
const (
	XZ   Compression = "xz"
	Zstd Compression = "zstd"
	Fast Compression = "fast"
)

// arguments are mksquashfs's. A block of 1 MiB is its largest.
func (c Compression) arguments() ([]string, error) {
	switch c {
	case XZ:
		return []string{"-comp", "xz", "-b", "256K", "-Xbcj", "x86"}, nil
	case Zstd:
		return []string{"-comp", "zstd", "-b", "512K", "-Xcompression-level", "19"}, nil
	case Fast:
		return []string{"-comp", "zstd", "-b", "256K", "-Xcompression-level", "3"}, nil
	}
	return nil, fmt.Errorf("cannot compress with %q: choose xz, zstd or fast", c)
}

// writeSquashfs writes the tree as a squashfs. mksquashfs gets a tar stream,
// so owners and devices need no privilege. Nothing is done if the file at
// target was made from the same bytes: its key lies beside it.
func writeSquashfs(ctx context.Context, t *Tree, target string, c Compression, stamp time.Time) error {
	args, err := c.arguments()
	if err != nil {
		return err
	}
	seconds := strconv.FormatInt(stamp.Unix(), 10)
	args = append(append([]string{"-", target + ".new", "-tar", "-noappend", "-quiet", "-no-progress", "-no-xattrs"}, args...),
		"-mkfs-time", seconds, "-all-time", seconds, "-root-mode", "755")
	sum := sha256.New()
	fmt.Fprintln(sum, strings.Join(args, " "))
	if err := t.WriteTar(sum, stamp); err != nil {
		return err
	}
	key := hex.EncodeToString(sum.Sum(nil))
	if old, err := os.ReadFile(target + ".key"); err == nil && string(old) == key {
		if _, err := os.Stat(target); err == nil {
			return nil
		}
	}
	if err := os.RemoveAll(target + ".new"); err != nil {
		return fmt.Errorf("cannot remove what an interrupted build left: %w", err)
	}
	if err := pipeTar(ctx, t, stamp, args); err != nil {
		return err
	}
	// Machines in namespaces run from the old one: it must stay whole for them.
	if err := os.Rename(target+".new", target); err != nil {
		return fmt.Errorf("cannot put %s in place: %w", target, err)
	}
	if err := os.WriteFile(target+".key", []byte(key), 0o644); err != nil {
		return fmt.Errorf("cannot write the key of %s: %w", target, err)
	}
	return nil
}

func pipeTar(ctx context.Context, t *Tree, stamp time.Time, args []string) error {
	cmd := exec.CommandContext(ctx, "mksquashfs", args...)
	cmd.Env = withoutEpoch(os.Environ())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("cannot run mksquashfs: %w", err)
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot run mksquashfs: %w", err)
	}
	writeErr := t.WriteTar(stdin, stamp)
	if err := stdin.Close(); writeErr == nil {
		writeErr = err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("cannot run mksquashfs: %w\n%s", err, output.Bytes())
	}
	if writeErr != nil && !errors.Is(writeErr, io.ErrClosedPipe) {
		return writeErr
	}
	return nil
}

// withoutEpoch drops SOURCE_DATE_EPOCH, which mksquashfs refuses beside the
// times that we give it.
func withoutEpoch(env []string) []string {
	var rest []string
	for _, e := range env {
		if !strings.HasPrefix(e, "SOURCE_DATE_EPOCH=") {
			rest = append(rest, e)
		}
	}
	return rest
}
