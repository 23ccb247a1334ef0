package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

const (
	termPatience = 3 * time.Second  // between SIGTERM and SIGKILL
	killPatience = 2 * time.Second  // until the killed are gone
	syncPatience = 30 * time.Second // a disk that does not answer must not hold the machine
)

// kernelLeaving is the real thing.
type kernelLeaving struct{ boot *Boot }

func (k *kernelLeaving) killAll(ctx context.Context) {
	for _, step := range []struct {
		sig   unix.Signal
		limit time.Duration
	}{{unix.SIGTERM, termPatience}, {unix.SIGKILL, killPatience}} {
		if !othersRun() {
			return
		}
		// From PID 1 this reaches all other processes of the machine.
		if err := unix.Kill(-1, step.sig); err != nil && !errors.Is(err, unix.ESRCH) {
			logrus.WithField("err", err).Warn("the remaining processes are not ended")
		}
		awaitNoOthers(ctx, step.limit)
	}
}

func awaitNoOthers(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for othersRun() && sleep(ctx, 20*time.Millisecond) {
	}
}

// othersRun says whether there are processes besides PID 1; the kernel's own
// have no program.
func othersRun() bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			return false
		}
		_, err = os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
		return err == nil
	})
}

func (k *kernelLeaving) unmount(context.Context) {
	k.boot.dockerLog.close()
	k.boot.controlLog.close()
	syncAll()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		logrus.WithField("err", err).Warn("file systems stay mounted")
		return
	}
	for _, target := range toUnmount(string(table)) {
		err := unix.Unmount(target, 0)
		if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			continue
		}
		logrus.WithField("err", err).Debugf("%s is still in use", target)
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			logrus.WithField("err", err).Warnf("%s stays mounted", target)
		}
	}
	if !k.boot.Namespaced {
		k.remountReadOnly()
	}
	syncAll()
}

// remountReadOnly makes sure that file systems which something still uses are
// whole on the disk.
func (k *kernelLeaving) remountReadOnly() {
	// "u": the kernel remounts every file system read-only.
	err := os.WriteFile("/proc/sysrq-trigger", []byte("u"), 0o200)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		logrus.WithField("err", err).Warn("file systems are not remounted read-only")
	}
}

// toUnmount lists, last mounted first, what is mounted at or below the places
// that hold the machine's state, from the text of mountinfo.
func toUnmount(mountinfo string) []string {
	var out []string
	for line := range strings.Lines(mountinfo) {
		// 36 35 98:0 /root /mount/point options… - type source options
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		target := unescape(fields[4])
		for _, place := range []string{"/var", "/home", "/opt", stateMount, "/mnt", "/media", "/run/system-docker", "/run/docker"} {
			if target == place || strings.HasPrefix(target, place+"/") {
				out = append(out, target)
				break
			}
		}
	}
	slices.Reverse(out)
	return out
}

// unescape reads the octal codes for blanks in mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// syncAll waits for the disks, but not for ever.
func syncAll() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		unix.Sync()
	}()
	timer := time.NewTimer(syncPatience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		logrus.Warnf("the disks have not written everything after %v", syncPatience)
	}
}

func (k *kernelLeaving) leave(action Action) error {
	if err := unix.Reboot(action.command()); err != nil {
		return fmt.Errorf("cannot %v: %w", action, err)
	}
	// In namespaces the kernel ends this process; give it the time to.
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	<-timer.C
	return fmt.Errorf("cannot %v: the kernel does not", action)
}
