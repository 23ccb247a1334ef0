package machine

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Hide takes out of the sight of the service that it is called in what is not
// for those who log in there: System Docker's mounts, and what the kernel command
// line says to init alone.
func Hide() error {
	if err := hideSystemDocker(); err != nil {
		return err
	}
	return hideCmdlineHere(publicCmdline, "/proc/cmdline")
}

// hideSystemDocker takes the mounts of System Docker's containers out of the
// sight of the service. They came with its volume /var and
// are of no use there: `df` would list them, the shim would take control groups
// among them for the machine's, and a container's file system would stay in use
// after the container is gone. The machine's own mounts are not touched.
func hideSystemDocker() error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("cannot read the mounts: %w", err)
	}
	targets := mountsBelow(string(table), systemDockerData)
	if len(targets) == 0 {
		return nil
	}
	// First, and with all that is below: what is unmounted from a shared mount
	// is unmounted from the machine, too, and copies of /run are among these.
	if err := unix.Mount("", systemDockerData, "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot hide System Docker's mounts: %w", err)
	}
	for _, target := range targets {
		err := unix.Unmount(target, unix.MNT_DETACH)
		if err != nil && !errors.Is(err, unix.EINVAL) { // it went with the one above it
			return fmt.Errorf("cannot hide System Docker's mounts: %w", err)
		}
	}
	return nil
}

// mountsBelow lists, last mounted first, what is mounted below a folder, from
// the text of mountinfo.
func mountsBelow(mountinfo, folder string) []string {
	var out []string
	for line := range strings.Lines(mountinfo) {
		// 36 35 98:0 /root /mount/point options… - type source options
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		if target := unescape(fields[4]); strings.HasPrefix(target, folder+"/") {
			out = append(out, target)
		}
	}
	slices.Reverse(out)
	return out
}
