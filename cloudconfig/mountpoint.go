package cloudconfig

import (
	"path"
	"slices"
	"strings"
)

// MountPoint is an entry of mounts, filled up from mount_default_fields.
type MountPoint struct {
	Index   int    // of the entry in mounts
	Source  string // as it is written
	Folder  string // absolute; "" of swap
	Type    string // "swap", "auto", "ext4" and so on
	Options []string
}

// MountPoints are the entries of mounts that ask for something, each after those
// that it needs: an entry without a folder asks for nothing, and noauto asks to be left alone. As
// with cloud-init, the last entry of a folder is the one.
func (c Config) MountPoints() []MountPoint {
	var out []MountPoint
	for i := range c.Mounts {
		m, asked := c.mountPoint(i)
		if !asked || slices.Contains(m.Options, "noauto") {
			continue
		}
		out = slices.DeleteFunc(out, func(o MountPoint) bool { return o.Key() == m.Key() })
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b MountPoint) int {
		return strings.Count(a.Folder, "/") - strings.Count(b.Folder, "/")
	})
	return needed(out)
}

// needed puts each after those that it needs, and else leaves them in their order.
func needed(points []MountPoint) []MountPoint {
	out := make([]MountPoint, 0, len(points))
	for len(points) > 0 {
		next := max(0, slices.IndexFunc(points, func(m MountPoint) bool { // none: they need each other
			return !slices.ContainsFunc(points, func(o MountPoint) bool { return o.Key() != m.Key() && m.Needs(o) })
		}))
		out = append(out, points[next])
		points = slices.Delete(points, next, next+1)
	}
	return out
}

// Needs says whether a mount's folder, or what it mounts, is below another's folder.
func (m MountPoint) Needs(o MountPoint) bool {
	source := m.Source
	if slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind") {
		source = "/" + source
	}
	below := func(p string) bool { return o.Folder != "" && strings.HasPrefix(path.Clean(p)+"/", o.Folder+"/") }
	return below(m.Folder) || below(source)
}

func (c Config) mountPoint(i int) (m MountPoint, asked bool) {
	entry := c.Mounts[i]
	field := func(n int, fallback string) string {
		for _, fields := range [][]string{entry, c.MountDefaultFields} {
			if n < len(fields) && fields[n] != "" {
				return fields[n]
			}
		}
		return fallback
	}
	m = MountPoint{Index: i, Source: field(0, ""), Folder: field(1, ""), Type: field(2, "auto")}
	m.Options = strings.FieldsFunc(field(3, "defaults,nofail"), func(r rune) bool { return r == ',' })
	switch {
	case m.Source == "" || m.Folder == "" || len(entry) < 2:
		return m, false
	case m.Type == "swap" || m.Folder == "none" && m.Type == "auto" || m.Folder == "swap":
		m.Type, m.Folder = "swap", ""
	default:
		m.Folder = path.Clean("/" + m.Folder)
	}
	return m, true
}

// Key is what tells a mount from others: its folder, of swap its device.
func (m MountPoint) Key() string {
	if m.Type == "swap" {
		return m.Source
	}
	return m.Folder
}

// Reserved says that the system itself is at the folder, which a mount would hide.
func (m MountPoint) Reserved() bool { return slices.Contains(reservedFolders, m.Folder) }

// Sharable says that a container can be given the folder: Docker refuses what is
// below /proc, folders cannot be made below /sys, and a colon ends a path.
func (m MountPoint) Sharable() bool {
	return m.Folder != "" && !m.Reserved() && !strings.Contains(m.Folder, ":") &&
		!strings.HasPrefix(m.Folder, "/proc/") && !strings.HasPrefix(m.Folder, "/sys/")
}

// SharedFolders are those that console and User Docker have to be given to see all
// that the configuration puts on the machine: where it mounts something; and of
// files and homes the folder below the root, as a whole, so that one more of them
// there changes nothing.
func (c Config) SharedFolders() []string {
	var out []string
	add := func(m MountPoint) {
		if m.Sharable() && !slices.Contains(out, m.Folder) {
			out = append(out, m.Folder)
		}
	}
	for _, f := range c.WriteFiles {
		if slices.Contains([]string{"", "console"}, f.Container) {
			add(topFolder(path.Dir(path.Clean(f.Path))))
		}
	}
	for _, u := range c.Users {
		add(topFolder(u.Homedir))
	}
	if c.User != nil {
		add(topFolder(c.User.Homedir))
	}
	for _, m := range c.MountPoints() {
		add(m)
	}
	return out
}

// topFolder is the folder below the root in which another one is.
func topFolder(p string) MountPoint {
	top, _, _ := strings.Cut(strings.TrimPrefix(path.Clean(p), "/"), "/")
	if !path.IsAbs(p) || top == "" {
		return MountPoint{}
	}
	return MountPoint{Folder: "/" + top}
}

var reservedFolders = []string{
	"/", "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/sys", "/dev", "/run", "/state",
	"/var", "/var/lib", "/var/lib/rancher", "/var/lib/system-docker",
}
