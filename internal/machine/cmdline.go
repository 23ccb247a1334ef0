package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// cmdlinePaths are where a kernel command line is, whole and as others see it.
type cmdlinePaths struct {
	kernel, whole, public string
}

// hideCmdline keeps what stands behind "--" on the kernel command line, such as a
// password, to root: whoever reads /proc/cmdline sees what is before it. A new
// mount of /proc, as the user's containers have one, still shows everything: the
// kernel offers no way to change that.
func hideCmdline(context.Context, *Boot) error {
	return cmdlinePaths{
		kernel: "/proc/cmdline",
		whole:  source.CmdlineFile,
		public: publicCmdline,
	}.hide(bindOver)
}

// publicCmdline is there when something is hidden.
const publicCmdline = "/run/ros/public/cmdline"

func bindOver(from, onto string) error { return unix.Mount(from, onto, "", unix.MS_BIND, "") }

// hideCmdlineHere does it for a service that has a /proc of its own.
func hideCmdlineHere(public, proc string) error {
	if _, err := os.Stat(public); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := bindOver(public, proc); err != nil {
		return fmt.Errorf("cannot hide what is for init alone: %w", err)
	}
	return nil
}

func (p cmdlinePaths) hide(bind func(from, onto string) error) error {
	line, err := os.ReadFile(p.kernel)
	if err != nil {
		return fmt.Errorf("cannot read the kernel command line: %w", err)
	}
	public, hides := cloudconfig.PublicCmdline(strings.TrimSpace(string(line)))
	if !hides {
		return nil
	}
	for _, dir := range []string{filepath.Dir(p.whole), filepath.Dir(p.public)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("cannot hide what is for init alone: %w", err)
		}
	}
	if err := os.WriteFile(p.whole, line, 0o600); err != nil {
		return fmt.Errorf("cannot hide what is for init alone: %w", err)
	}
	if err := os.WriteFile(p.public, []byte(public+"\n"), 0o644); err != nil { //nolint:gosec // it is for everybody
		return fmt.Errorf("cannot hide what is for init alone: %w", err)
	}
	if err := bind(p.public, p.kernel); err != nil {
		return fmt.Errorf("cannot hide what is for init alone: %w", err)
	}
	return nil
}
