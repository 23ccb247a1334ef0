package osimage

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed all:rootfs
var rootfs embed.FS

// special permissions of files in rootfs; all others are 0644.
var rootfsPermissions = map[string]fs.FileMode{
	"etc/shadow":             0o640,
	"etc/sudoers":            0o440,
	"usr/libexec/ros/syslog": 0o755,
}

// folders of a running machine that no package brings.
var rootFolders = map[string]fs.FileMode{
	"boot": 0o755, "dev": 0o755, "home": 0o755, "media": 0o755, "mnt": 0o755, "opt": 0o755,
	"proc": 0o555, "root": 0o700, "run": 0o755, "state": 0o755, "sys": 0o555,
	"tmp": fs.ModeSticky | 0o777, "var": 0o755, "var/cache": 0o755, "var/lib": 0o755,
	"var/lib/rancher": 0o755, "var/log": 0o755, "var/spool": 0o755,
	"var/tmp": fs.ModeSticky | 0o777, "usr/local/bin": 0o755, "usr/local/sbin": 0o755,
	"etc/docker": 0o755, "etc/profile.d": 0o755, "etc/sudoers.d": 0o750, "etc/udev/rules.d": 0o755,
	"etc/ssl/certs": 0o755,
}

// addRootfs adds our own files, the folders of a running machine, and what names
// the release.
func addRootfs(t *Tree, version string) error {
	for name, perm := range rootFolders {
		t.Folder(name, perm)
	}
	err := fs.WalkDir(rootfs, "rootfs", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := rootfs.ReadFile(name)
		target := strings.TrimPrefix(name, "rootfs/")
		perm, ok := rootfsPermissions[target]
		if !ok {
			perm = 0o644
		}
		t.File(target, perm, data)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot add the files of the image: %w", err)
	}
	t.Symlink("var/run", "/run")
	t.Symlink("var/lock", "/run/lock")
	t.Symlink("etc/mtab", "/proc/self/mounts")
	t.Symlink("etc/ssl/certs/ca-certificates.crt", "/usr/share/ca-certificates/ca-certificates.crt")
	t.Symlink("etc/ssl/cert.pem", "/usr/share/ca-certificates/ca-certificates.crt")
	// The release is named in /usr, which system services share.
	t.Symlink("etc/os-release", "../usr/lib/os-release")
	t.File("usr/lib/os-release", 0o644, fmt.Appendf(nil, `NAME="ros"
ID=ros
ID_LIKE=rancheros
VERSION=%[1]q
VERSION_ID=%[1]q
PRETTY_NAME="ros %[1]s"
HOME_URL="https://github.com/ros-os/ros"
`, version))
	return nil
}
