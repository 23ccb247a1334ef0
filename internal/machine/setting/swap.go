package setting

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// swap makes the swap file of the configuration, and swaps to it.
func (p *pass) swap(ctx context.Context) {
	name := p.swapFile()
	if name == "" || p.namespaced {
		return
	}
	if asked := path.Clean(p.cfg.Swap.Filename); name != asked {
		p.warn(fmt.Sprintf("%s would be in memory: the swap file is %s", asked, name), "", "swap", "filename")
	}
	if p.swapsOn(name) {
		return
	}
	if p.inMemory(name) {
		p.fail(fmt.Errorf("cannot swap to %s: it would be in memory", name), "swap", "filename")
		return
	}
	size, err := p.swapSize()
	if err != nil || size == 0 {
		p.fail(err, "swap", "size")
		return
	}
	p.do(fmt.Sprintf("swap to %s (%d MiB)", name, size>>20), []string{"swap"}, func() error {
		if err := p.makeSwap(ctx, name, size); err != nil {
			return fmt.Errorf("cannot swap to %s: %w", name, err)
		}
		have, err := p.readMounts()
		if err != nil {
			return err
		}
		have[name] = made{Source: name, Type: "swap"} // mounts takes it back
		return p.saveMounts(have)
	})
}

// swapFile is the swap file of the configuration, "" without one. In place of one that
// would be in memory, such as the /swapfile of other systems, one in /var is used.
func (p *pass) swapFile() string {
	if p.cfg.Swap.Filename == "" {
		return ""
	}
	name := path.Clean(p.cfg.Swap.Filename)
	if p.inMemory(name) {
		return path.Join("/var", path.Base(name))
	}
	return name
}

// inMemory says that a file would take memory, where swapping to it makes no sense
// and is refused by the kernel.
func (p *pass) inMemory(name string) bool {
	all, err := p.mountPoints()
	if err != nil {
		return false
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if m, ok := mountedAt(all, dir); ok {
			return slices.Contains([]string{"tmpfs", "ramfs", "rootfs", "overlay"}, m.Type)
		}
		if dir == "/" {
			return false
		}
	}
}

func (p *pass) makeSwap(ctx context.Context, name string, size int64) error {
	real := p.m.path(name)
	st, err := os.Stat(real)
	if err == nil && !st.Mode().IsRegular() {
		return errors.New("it is no plain file")
	}
	sb, perr := p.probe(name)
	if err != nil || perr != nil || st.Size() != size || sb.FSType != "swap" {
		if err == nil && st.Size() > 0 && sb.FSType != "swap" {
			return errors.New("the file holds something else")
		}
		if err := fillSwap(real, size); err != nil {
			return err
		}
		if err := p.m.kernel.run(ctx, "", "mkswap", real); err != nil {
			return err
		}
	}
	return p.m.kernel.run(ctx, "", "swapon", real)
}

// fillSwap makes a file without holes that only root reads.
func fillSwap(real string, size int64) (err error) {
	if err := makeFolder(path.Dir(real)); err != nil {
		return err
	}
	f, err := os.OpenFile(real, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(real))
		}
	}()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		return fmt.Errorf("there is no room for it: %w", err)
	}
	return f.Sync()
}

// swapSize is the size that is wanted: auto is that of the memory, at most
// maxsize and a quarter of what is free on the disk.
func (p *pass) swapSize() (int64, error) {
	s := p.cfg.Swap
	limit := int64(0)
	if s.MaxSize != "" && s.MaxSize != "auto" {
		n, err := parseSize(s.MaxSize)
		if err != nil {
			return 0, err
		}
		limit = n
	}
	if s.Size != "" && s.Size != "auto" {
		return parseSize(s.Size)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, fmt.Errorf("cannot tell how much memory there is: %w", err)
	}
	size := int64(info.Totalram) * int64(info.Unit)
	dir := path.Dir(p.swapFile())
	var disk unix.Statfs_t
	for unix.Statfs(p.m.path(dir), &disk) != nil && dir != "/" {
		dir = path.Dir(dir)
	}
	if free := int64(disk.Bavail) * disk.Bsize / 4; free > 0 {
		size = min(size, free)
	}
	if limit > 0 {
		size = min(size, limit)
	}
	return size >> 20 << 20, nil
}

// parseSize reads "512M" or "1.5G".
func parseSize(text string) (int64, error) {
	units := map[byte]float64{'B': 1, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	factor := 1.0
	if n := len(text); n > 0 {
		if f, ok := units[text[n-1]]; ok {
			factor, text = f, text[:n-1]
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || n < 0 || n*factor > 1<<50 {
		return 0, fmt.Errorf("cannot use %q as a size", text)
	}
	return int64(n*factor) >> 12 << 12, nil
}
