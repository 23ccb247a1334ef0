package osimage

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// writeInitrd writes the initrd and returns the sizes of its parts. It is two
// archives, one behind the other, as the kernel allows: the root file system
// as it is, since it is compressed already, and the rest compressed.
func writeInitrd(o Options, squashfs string, kernel Kernel) ([]Part, error) {
	root, err := os.ReadFile(squashfs)
	if err != nil {
		return nil, fmt.Errorf("cannot add the root to the initrd: %w", err)
	}
	plain := emptyTree()
	plain.File("root.squashfs", 0o644, root)
	early, absent, err := earlyTree(o.Init, kernel)
	if err != nil {
		return nil, err
	}
	if len(absent) > 0 {
		slices.Sort(absent)
		fmt.Fprintf(o.Log, "built into this kernel, or absent: %s\n", strings.Join(absent, ", "))
	}
	compressed, err := compressTree(early, o.Stamp)
	if err != nil {
		return nil, err
	}
	var whole bytes.Buffer
	if err := plain.WriteCPIO(&whole, o.Stamp); err != nil {
		return nil, err
	}
	whole.Write(compressed)
	return []Part{
		{"initrd: root.squashfs (" + string(o.Compression) + ")", int64(len(root))},
		{"initrd: init and modules (zstd)", int64(len(compressed))},
	}, replaceFile(filepath.Join(o.Out, "initrd"), whole.Bytes())
}

// earlyTree is what PID 1 needs before there is a root: itself, the modules
// that it loads, and the places for its first mounts.
func earlyTree(init string, kernel Kernel) (t *Tree, absent []string, err error) {
	t = emptyTree()
	program, err := os.ReadFile(init)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot add init to the initrd: %w", err)
	}
	t.File("init", 0o755, program)
	for _, dir := range []string{"dev", "proc", "sys", "run", "root"} {
		t.Folder(dir, 0o755)
	}
	absent, err = addEarlyModules(t, kernel)
	return t, absent, err
}

// compressTree packs a tree for the kernel. The encoder is our own library, and
// works alone, so that the bytes do not depend on the host.
func compressTree(t *Tree, stamp time.Time) ([]byte, error) {
	var archive bytes.Buffer
	if err := t.WriteCPIO(&archive, stamp); err != nil {
		return nil, err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("cannot compress the initrd: %w", err)
	}
	return encoder.EncodeAll(archive.Bytes(), nil), nil
}
