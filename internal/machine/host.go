package machine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxFiles is how many files a process may have open, as in RancherOS.
const maxFiles = 1 << 20

// kernelSettings are what containers need and what a server wants; rancher.sysctl
// can change them afterwards.
var kernelSettings = []struct{ path, value string }{
	{"net/ipv4/ip_forward", "1"},
	{"fs/inotify/max_user_instances", "8192"},
	{"fs/inotify/max_user_watches", "524288"},
}

// setUpHost does what programs of every service rely on. Each part is tried,
// whatever becomes of the others.
func setUpHost(_ context.Context, b *Boot) error {
	name := b.hostname()
	errs := []error{shareMounts(), setHostname(name), raiseLoopback(), writeHostFiles("/etc", name), raiseLimits()}
	for _, s := range kernelSettings {
		errs = append(errs, setKernel(s.path, s.value))
	}
	errs = append(errs, promoteSecondaries())
	if !b.Namespaced {
		errs = append(errs, rebootAfterPanic(), saveMemory("/proc/cmdline", hugePages))
	}
	return errors.Join(errs...)
}

// promoteSecondaries sets for every interface that is there, and for those to
// come, what dhcpcd wants and cannot set itself in its container, whose
// /proc/sys is read-only.
func promoteSecondaries() error {
	links, err := filepath.Glob("/proc/sys/net/ipv4/conf/*/promote_secondaries")
	errs := []error{err}
	for _, link := range links {
		errs = append(errs, setKernel(strings.TrimPrefix(link, "/proc/sys/"), "1"))
	}
	return errors.Join(errs...)
}

func (b *Boot) hostname() string {
	return cmp.Or(b.config.Hostname, b.config.Rancher.Defaults.Hostname, "ros")
}

// shareMounts lets mounts made in one service be seen in the others.
func shareMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("cannot share the mounts: %w", err)
	}
	return nil
}

func setHostname(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("cannot set the host name %q: %w", name, err)
	}
	return nil
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot raise the loopback interface: %w", err)
	}
	defer func() { _ = unix.Close(fd) }() // nothing was sent
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo)
	}
	if err == nil {
		lo.SetUint16(lo.Uint16() | unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	if err != nil {
		return fmt.Errorf("cannot raise the loopback interface: %w", err)
	}
	return nil
}

// writeHostFiles makes hosts, hostname and resolv.conf plain files: they are
// bound one by one into containers, which a rename or a link would cut off.
func writeHostFiles(etc, name string) error {
	hosts := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t" + name + "\n"
	return errors.Join(
		writePlain(filepath.Join(etc, "hostname"), name+"\n"),
		writePlain(filepath.Join(etc, "hosts"), hosts),
		touchPlain(filepath.Join(etc, "resolv.conf")),
	)
}

// writePlain writes in place, or anew where there was a link.
func writePlain(path, text string) error {
	if err := touchPlain(path); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

func touchPlain(path string) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("cannot make %s a plain file: %w", path, err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	return f.Close()
}

// raiseLimits gives every process the limit of RancherOS, or what a host with a
// lower one allows.
func raiseLimits() error {
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: maxFiles, Max: maxFiles})
	if errors.Is(err, unix.EPERM) {
		var allowed unix.Rlimit
		if err = unix.Getrlimit(unix.RLIMIT_NOFILE, &allowed); err == nil {
			err = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: allowed.Max, Max: allowed.Max})
		}
	}
	if err != nil {
		return fmt.Errorf("cannot raise the limit of open files: %w", err)
	}
	return nil
}

// setKernel sets what exists; a kernel without the feature needs no setting.
func setKernel(path, value string) error {
	err := os.WriteFile(filepath.Join("/proc/sys", path), []byte(value), 0o644)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot set %s: %w", strings.ReplaceAll(path, "/", "."), err)
	}
	return nil
}

// rebootAfterPanic keeps a machine that nobody looks at from hanging, unless the
// command line says something else.
func rebootAfterPanic() error {
	if readTrimmed("/proc/sys/kernel/panic") != "0" {
		return nil
	}
	return setKernel("kernel/panic", "10")
}

const hugePages = "/sys/kernel/mm/transparent_hugepage/enabled"

// saveMemory gives huge pages only to programs that ask for them, unless the
// command line says something else. The kernel would round the heap of every
// daemon up to them, which costs a small machine a tenth of its memory.
func saveMemory(cmdline, setting string) error {
	words, err := os.ReadFile(cmdline)
	if err != nil || strings.Contains(string(words), "transparent_hugepage=") {
		return err
	}
	err = os.WriteFile(setting, []byte("madvise"), 0o644)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a kernel without them
		return fmt.Errorf("cannot leave huge pages to those who want them: %w", err)
	}
	return nil
}
