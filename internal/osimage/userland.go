package osimage

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// userPackages are what the machine's own programs come from; apt adds what
// they depend on.
var userPackages = []string{
	"bash", "bash-completion", "busybox", "ca-certificates", "chrony", "console-data", "dhcpcd-base",
	"e2fsprogs", "iproute2", "iptables", "kbd", "kmod", "libc-bin", "login", "ncurses-base",
	"openssh-client", "openssh-server", "openssh-sftp-server", "passwd", "sudo", "tini", "tzdata", "udev", "util-linux",
}

// skipPackages are dependencies that serve package scripts, which never run
// here. A library that a kept program needs cannot get lost this way:
// [checkLibraries] would tell.
var skipPackages = []string{
	"adduser", "base-files", "debconf", "debianutils", "dpkg", "gcc-12-base", "init-system-helpers",
	"libfile-find-rule-perl", "libgdbm-compat4", "libgdbm6", "libnumber-compare-perl", "libperl5.36",
	"libtext-glob-perl", "lsb-base", "mawk", "netbase", "openssl", "perl", "perl-base",
	"perl-modules-5.36", "procps", "runit-helper", "sensible-utils", "sysvinit-utils", "tar",
	"ucf", "usrmerge",
}

// programs are the files of usr/bin and usr/sbin that stay. Everything smaller
// comes from busybox.
var programs = []string{
	"agetty", "bash", "busybox", "chpasswd", "kmod", "login", "passwd", "scp", "ssh", "ssh-keygen", "sudo", "tini-static", "udevadm",
	"ip", "ss", "loadkeys", "chronyc", "chronyd", "dhcpcd", "e2fsck", "e2label", "insmod", "lsmod", "mke2fs", "mkfs.ext4",
	"fsck.ext4", "modinfo", "modprobe", "depmod", "resize2fs", "rmmod", "sshd", "tune2fs", "unix_chkpwd",
	"xtables-nft-multi", "iptables-nft", "iptables-nft-save", "iptables-nft-restore",
	"ip6tables-nft", "ip6tables-nft-save", "ip6tables-nft-restore",
}

// pamModules are the plug-ins of PAM that our /etc/pam.d names.
var pamModules = []string{"deny", "env", "limits", "nologin", "permit", "rootok", "unix"}

// terminals are the terminfo entries that stay.
var terminals = []string{
	"ansi", "dumb", "linux", "screen", "screen-256color", "tmux", "tmux-256color", "vt100", "vt220", "xterm", "xterm-256color",
}

// keepFile chooses the files of Debian packages. Of etc nothing stays but what
// programs need and nobody would write anew.
func keepFile(name string) bool {
	dir, base := path.Split(name)
	switch {
	case dir == "usr/bin/" || dir == "usr/sbin/":
		return slices.Contains(programs, base)
	case strings.HasPrefix(name, "etc/"):
		return name == "etc/mke2fs.conf" || name == "etc/bash_completion"
	case strings.HasPrefix(name, "usr/lib/terminfo/"):
		return len(base) == 1 || slices.Contains(terminals, base)
	case strings.HasPrefix(dir, "usr/lib/x86_64-linux-gnu/security"):
		module := strings.TrimSuffix(strings.TrimPrefix(base, "pam_"), ".so")
		return slices.Contains(pamModules, module)
	case strings.HasPrefix(name, "usr/share/"):
		return strings.HasPrefix(name, "usr/share/ca-certificates/mozilla/") || isTimeZone(name) || isKeymap(name) ||
			name == "usr/share/bash-completion/bash_completion"
	}
	return strings.HasPrefix(name, "usr/") && !droppedFiles.MatchString(name)
}

// isTimeZone chooses the time zones, but for those that count leap seconds, and
// for those that are there under another name.
func isTimeZone(name string) bool {
	zone, ok := strings.CutPrefix(name, "usr/share/zoneinfo/")
	return ok && !strings.HasPrefix(zone, "posix/") && !strings.HasPrefix(zone, "right/") && !strings.Contains(zone, ".") && zone != "leapseconds"
}

// isKeymap chooses the layouts of keyboards that PCs have, and what they include.
func isKeymap(name string) bool {
	return strings.HasPrefix(name, "usr/share/keymaps/i386/") || strings.HasPrefix(name, "usr/share/keymaps/include/")
}

// droppedFiles are of no use in a machine: what is for building, for init
// systems and languages that are not there, and the hardware database.
var droppedFiles = regexp.MustCompile(`^usr/(` + strings.Join([]string{
	`include|src|games|local`,
	`lib/(NetworkManager|networkd-dispatcher|sftp-server)|libexec/chrony`,
	`lib/(apparmor|bfd-plugins|compat-ld|init|lsb|mime|modules-load\.d|runit.*|sasl2|sysctl\.d|tmpfiles\.d|valgrind)`,
	`lib/systemd/(system|network|system-generators|system-preset|ntp-units\.d|user|catalog)`,
	`lib/udev/(hwdb\.d|hwdb\.bin|fido_id|mtd_probe|v4l_id|dmi_memory_id|hwclock-set)`,
	`lib/udev/rules\.d/(60-(autosuspend|drm|evdev|fido-id|persistent-(alsa|v4l)|sensor|infiniband)|70-(camera|joystick|memory|mouse|touchpad)|75-probe_mtd|78-sound-card|80-net-setup-link|85-hwclock).*`,
	`lib/e2fsprogs|lib/e2scrub.*|lib/udev/rules\.d/96-e2scrub\.rules`,
	`lib/openssh/(ssh-keysign|ssh-pkcs11-helper|ssh-sk-helper|agent-launch|ssh-session-cleanup)`,
	`lib/x86_64-linux-gnu/(gconv|engines-3|ossl-modules|perl.*|pkgconfig|krb5|audit|tc|e2initrd_helper|e2fsprogs|libnss_(compat|hesiod).*|libmemusage.*|libpcprofile.*|libnsl\.so\.1|libthread_db.*|libc_malloc_debug.*)`,
	`lib/(ifupdown|dhcpcd/dhcpcd-hooks|locale/C\.utf8/LC_COLLATE)`,
	`lib/x86_64-linux-gnu/.*\.(a|o|la)`,
	`libexec/(sudo/(audit_json|group_file|sudo_intercept|sudo_noexec|system_group|sample_approval|sesh|sudoers_audit).*|dpkg|sudo/sesh)`,
}, "|") + `)(/|$)`)

// readUserland merges the packages' files into one tree.
func readUserland(ctx context.Context, debs []string) (*Tree, error) {
	t := NewTree()
	for _, deb := range debs {
		if err := unpackDeb(ctx, deb, t, keepFile); err != nil {
			return nil, err
		}
	}
	if n, ok := t.Lookup("usr/bin/tini-static"); ok {
		t.Add("usr/bin/docker-init", n)
		// Where Docker puts it in a container, also in one that has the machine's /usr.
		t.Symlink("usr/sbin/docker-init", "../bin/docker-init")
		t.Remove(func(name string, _ Node) bool { return name == "usr/bin/tini-static" })
	}
	for _, name := range []string{"iptables", "ip6tables"} {
		for _, end := range []string{"", "-save", "-restore"} {
			t.Symlink("usr/sbin/"+name+end, "xtables-nft-multi")
		}
	}
	bundleCertificates(t)
	if err := unzipKeymaps(t); err != nil {
		return nil, err
	}
	if err := linkApplets(ctx, t); err != nil {
		return nil, err
	}
	return t, nil
}

// bundleCertificates joins the certificates of authorities into one file, as
// Debian's script would on installation.
func bundleCertificates(t *Tree) {
	const folder = "usr/share/ca-certificates/mozilla"
	var bundle bytes.Buffer
	for _, name := range t.Paths() {
		if n, _ := t.Lookup(name); strings.HasPrefix(name, folder+"/") {
			bundle.Write(bytes.TrimSpace(n.Data))
			bundle.WriteByte('\n')
		}
	}
	t.Remove(func(name string, _ Node) bool { return name == folder })
	t.File("usr/share/ca-certificates/ca-certificates.crt", 0o644, bundle.Bytes())
}

// unzipKeymaps stores the layouts of keyboards as they are read: together they
// compress better than each by itself.
func unzipKeymaps(t *Tree) error {
	for _, name := range t.Paths() {
		plain, zipped := strings.CutSuffix(name, ".gz")
		n, _ := t.Lookup(name)
		if !zipped || !isKeymap(name) || !n.Mode.IsRegular() {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(n.Data))
		if err != nil {
			return fmt.Errorf("cannot unpack %s: %w", name, err)
		}
		data, err := io.ReadAll(z)
		if err != nil {
			return fmt.Errorf("cannot unpack %s: %w", name, err)
		}
		t.File(plain, n.Mode.Perm(), data)
		t.Remove(func(other string, _ Node) bool { return other == name })
	}
	return nil
}

// linkApplets links every program that busybox has and no package brought.
func linkApplets(ctx context.Context, t *Tree) error {
	n, ok := t.Lookup("usr/bin/busybox")
	if !ok {
		return fmt.Errorf("cannot find busybox in the packages: %w", fs.ErrNotExist)
	}
	applets, err := listApplets(ctx, n.Data)
	if err != nil {
		return err
	}
	for _, applet := range applets {
		base := path.Base(applet)
		_, inBin := t.Lookup("usr/bin/" + base)
		_, inSbin := t.Lookup("usr/sbin/" + base)
		if !inBin && !inSbin && !slices.Contains(droppedApplets, base) {
			t.Symlink(applet, "/usr/bin/busybox")
		}
	}
	return nil
}

// droppedApplets would do something else than the user expects here: their
// names belong to ros, or to package tools that are not there.
var droppedApplets = []string{
	"dpkg", "dpkg-deb", "rpm", "rpm2cpio", "init", "linuxrc", "halt", "poweroff", "reboot", "shutdown",
	"udhcpc", "udhcpd", "udhcpc6", "ntpd", "acpid", "telnet", "tftp", "httpd", "ftpget", "ftpput", "svc", "svok",
}

// listApplets asks busybox itself, so that the links match its version.
func listApplets(ctx context.Context, busybox []byte) ([]string, error) {
	dir, err := os.MkdirTemp("", "applets")
	if err != nil {
		return nil, fmt.Errorf("cannot list the applets of busybox: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "busybox")
	if err := os.WriteFile(file, busybox, 0o755); err != nil {
		return nil, fmt.Errorf("cannot list the applets of busybox: %w", err)
	}
	out, err := filter(ctx, nil, file, "--list-full")
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}
