package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/supervise"
)

// initrdModules holds the drivers that find the root, and the order to load
// them in.
const initrdModules = "/modules"

// loadInitrdModules loads them. One that this machine has no hardware for fails,
// and the others are still loaded: what is really missing shows when it is used.
func loadInitrdModules(context.Context, *Boot) error {
	order, err := os.ReadFile(filepath.Join(initrdModules, "order"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a kernel with everything built in
	}
	if err != nil {
		return fmt.Errorf("cannot read the list of drivers: %w", err)
	}
	for name := range strings.FieldsSeq(string(order)) {
		if err := loadModule(filepath.Join(initrdModules, name)); err != nil {
			logrus.WithField("err", err).Debugf("driver %s is not loaded", name)
		}
	}
	return nil
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	flags := 0
	if !strings.HasSuffix(path, ".ko") { // .ko.xz and the like
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	if err := unix.FinitModule(int(f.Fd()), "", flags); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// loadConfiguredModules loads rancher.modules ("name param=value"), each by
// itself: one that does not exist is told. What container networks need is loaded
// by the kernel and User Docker when it is used.
func loadConfiguredModules(ctx context.Context, b *Boot) error {
	var errs []error
	for _, m := range b.config.Rancher.Modules {
		if args := strings.Fields(m); len(args) > 0 {
			errs = append(errs, b.modprobe(ctx, args...))
		}
	}
	return errors.Join(errs...)
}

func (b *Boot) modprobe(ctx context.Context, args ...string) error {
	return b.command(ctx, "modprobe", args...)
}

// command runs a program of the image to its end. Its error holds what the
// program said.
func (b *Boot) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.Command(name, args...) //nolint:noctx // Run ends it with ctx, through the reaper
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = environ()
	if err := supervise.Run(ctx, b.reaper, cmd); err != nil {
		said := strings.TrimSpace(out.String())
		return fmt.Errorf("cannot run %s %s: %w: %s", name, strings.Join(args, " "), err, said)
	}
	return nil
}

// searchPath is where programs are looked for.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environ is the environment of PID 1's children.
func environ() []string {
	return []string{"PATH=" + searchPath, "HOME=/root", "TERM=linux"}
}

// readTrimmed reads a small file of sysfs; what cannot be read is empty.
func readTrimmed(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
