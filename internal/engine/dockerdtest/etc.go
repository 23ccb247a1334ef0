package dockerdtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// ownEtc lays a file system in memory over the daemon's /etc, with files in it.
func (d *Daemon) ownEtc(files map[string][]byte) error {
	over := d.Path("etc")
	script := `set -e
mkdir "$1"
mount -t tmpfs -o mode=700 tmpfs "$1"
mkdir "$1/upper" "$1/work"
chmod 755 "$1/upper"
mount -t overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" overlay /etc`
	if out, err := d.inside("sh", "-c", script, "sh", over).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot lay a file system over /etc: %w: %s", err, out)
	}
	for name, text := range files {
		if err := d.WriteEtc(name, text); err != nil {
			return err
		}
	}
	return nil
}

// WriteEtc writes a file below /etc as the daemon sees it. [Options] must have
// given the daemon its own.
func (d *Daemon) WriteEtc(name string, text []byte) error {
	path := filepath.Join("/proc", strconv.Itoa(d.holder.Process.Pid), "root/etc", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot write into the daemon's /etc: %w", err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // as files there are
		return fmt.Errorf("cannot write into the daemon's /etc: %w", err)
	}
	return nil
}
