package setting

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// networkMountLimit bounds the mount of a file system whose server may not
// answer.
const networkMountLimit = 2 * time.Minute

// errNoDevice says that what should be mounted is not there, yet or any more.
var errNoDevice = errors.New("it is not there")

// mountFlags are the options that the kernel takes as bits, and whether they
// set or clear them.
var mountFlags = map[string]struct {
	bit uintptr
	off bool
}{
	"ro": {unix.MS_RDONLY, false}, "rw": {unix.MS_RDONLY, true},
	"nosuid": {unix.MS_NOSUID, false}, "suid": {unix.MS_NOSUID, true},
	"nodev": {unix.MS_NODEV, false}, "dev": {unix.MS_NODEV, true},
	"noexec": {unix.MS_NOEXEC, false}, "exec": {unix.MS_NOEXEC, true},
	"sync": {unix.MS_SYNCHRONOUS, false}, "async": {unix.MS_SYNCHRONOUS, true},
	"dirsync": {unix.MS_DIRSYNC, false},
	"noatime": {unix.MS_NOATIME, false}, "atime": {unix.MS_NOATIME, true},
	"nodiratime": {unix.MS_NODIRATIME, false}, "diratime": {unix.MS_NODIRATIME, true},
	"relatime": {unix.MS_RELATIME, false}, "norelatime": {unix.MS_RELATIME, true},
	"strictatime": {unix.MS_STRICTATIME, false}, "lazytime": {unix.MS_LAZYTIME, false},
	"bind": {unix.MS_BIND, false}, "rbind": {unix.MS_BIND | unix.MS_REC, false},
	"silent": {unix.MS_SILENT, false},
}

const remountBound = unix.MS_REMOUNT | unix.MS_BIND

// bindFlags are those of a bind that take a second call.
func bindFlags(flags uintptr) uintptr {
	return flags &^ (unix.MS_BIND | unix.MS_REC | unix.MS_SILENT)
}

// tableOptions are for those who read fstab, and not for the kernel.
func tableOption(o string) bool {
	return slices.Contains([]string{"defaults", "auto", "noauto", "nofail", "_netdev", "user", "nouser", "users", "owner", "group", "comment", "bootwait", "nobootwait", "optional", ""}, o) ||
		strings.HasPrefix(o, "x-") || strings.HasPrefix(o, "comment=")
}

// parseOptions parts the bits from what the file system itself reads.
func parseOptions(options []string) (flags uintptr, data string) {
	var rest []string
	for _, o := range options {
		f, known := mountFlags[o]
		switch {
		case tableOption(o):
		case !known:
			rest = append(rest, o)
		case f.off:
			flags &^= f.bit
		default:
			flags |= f.bit
		}
	}
	return flags, strings.Join(rest, ",")
}

// mountWords are the options for a program that mounts.
func mountWords(options []string) []string {
	return slices.DeleteFunc(slices.Clone(options), tableOption)
}

func isNetworkFS(fstype string) bool {
	return slices.Contains([]string{"nfs", "nfs4", "cifs", "smb3"}, fstype)
}

// mountProgram mounts a file system of the network.
func mountProgram(fstype string) string { return "mount." + strings.TrimSuffix(fstype, "4") }

// withoutDevice says that a file system is on no device: the kernel says so of those
// that it has loaded.
func (p *pass) withoutDevice(fstype string) bool {
	if slices.Contains([]string{"tmpfs", "ramfs", "9p", "virtiofs", "overlay", "debugfs", "tracefs", "securityfs", "configfs", "hugetlbfs", "bpf", "cgroup2"}, fstype) {
		return true
	}
	known, err := p.m.read("/proc/filesystems")
	return err == nil && slices.Contains(strings.Split(known, "\n"), "nodev\t"+fstype)
}

// mountSource finds what an entry mounts, and its type.
func (p *pass) mountSource(w wantedMount) (real, fstype string, err error) {
	fstype = w.Type
	switch {
	case w.has("bind") || w.has("rbind"):
		if !p.m.exists(w.Source) {
			return "", "", errNoDevice
		}
		return p.m.path(path.Clean("/" + w.Source)), "", nil
	case isNetworkFS(fstype):
		if program := mountProgram(fstype); !p.m.kernel.has(program) && !isNFS(fstype) {
			return "", "", fmt.Errorf("there is no %s on this system", program)
		}
		return w.Source, fstype, nil
	case p.withoutDevice(fstype):
		return w.Source, fstype, nil
	case fstype == "auto" && strings.Contains(w.Source, ":"):
		return "", "", fmt.Errorf("its type must be said, such as nfs4")
	case p.namespaced:
		return "", "", errors.New("disks are left alone: this machine shares them with its host")
	}
	dev, err := p.device(w.Source)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", errNoDevice, err)
	}
	if fstype != "auto" {
		return dev, fstype, nil
	}
	sb, err := p.probe(dev)
	if err != nil {
		return "", "", err
	}
	if sb.FSType == "" {
		return "", "", errors.New("it has no file system that is known")
	}
	return dev, sb.FSType, nil
}
