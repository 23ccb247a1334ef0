package setting

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/internal/machine/block"
)

// device is the path of a disk, a partition or a file system: of an alias, of a
// name below /dev, or of LABEL=, UUID=, PARTLABEL= or PARTUUID=.
func (p *pass) device(spec string) (string, error) {
	if alias, n, ok := p.alias(spec); ok && n == 0 {
		spec = alias
	} else if ok {
		disk, err := p.namedDevice(alias)
		if err != nil {
			return "", err
		}
		spec = partitionOf(disk, n)
	}
	return p.namedDevice(spec)
}

// namedDevice is the path of one that is no alias: aliases do not stand for aliases.
func (p *pass) namedDevice(spec string) (string, error) {
	key, value, named := strings.Cut(spec, "=")
	switch {
	case named && (key == "LABEL" || key == "UUID"):
		return p.labelled(key, strings.Trim(value, `"`))
	case named && (key == "PARTLABEL" || key == "PARTUUID"):
		spec = path.Join("/dev/disk/by-"+strings.ToLower(key), strings.Trim(value, `"`))
	case !strings.HasPrefix(spec, "/"):
		spec = path.Join("/dev", spec)
	}
	real, err := filepath.EvalSymlinks(p.m.path(spec))
	if err != nil {
		return "", fmt.Errorf("there is no device %s", spec)
	}
	if rel, ok := strings.CutPrefix(real, strings.TrimSuffix(p.m.root, "/")+"/"); ok {
		real = "/" + rel
	}
	return real, nil
}

// alias is what a name of device_aliases stands for; with a dot and a number behind it
// the name is a partition there.
func (p *pass) alias(spec string) (device string, partition int, ok bool) {
	if device, ok = p.cfg.DeviceAliases[spec]; ok {
		return device, 0, device != spec
	}
	dot := strings.LastIndexByte(spec, '.')
	if dot < 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(spec[dot+1:])
	if device, ok = p.cfg.DeviceAliases[spec[:dot]]; !ok || err != nil || n < 1 || device == spec {
		return "", 0, false
	}
	return device, n, true
}

// labelled looks at all disks and partitions, in the order of their names.
func (p *pass) labelled(key, value string) (string, error) {
	entries, err := os.ReadDir(p.m.path("/sys/class/block"))
	if err != nil {
		return "", fmt.Errorf("cannot list the disks: %w", err)
	}
	for _, e := range entries {
		dev := path.Join("/dev", strings.ReplaceAll(e.Name(), "!", "/"))
		if p.emptyDevice(e.Name()) {
			continue
		}
		sb, err := p.probe(dev)
		if err != nil {
			continue // it cannot be read: an empty drive, or somebody else's
		}
		if key == "LABEL" && sb.Label == value || key == "UUID" && strings.EqualFold(sb.UUID, value) {
			return dev, nil
		}
	}
	return "", fmt.Errorf("there is no file system with %s=%s", key, value)
}

// emptyDevice leaves out what has no size: drives without a disc, free loops.
func (p *pass) emptyDevice(name string) bool {
	size, err := p.m.read(path.Join("/sys/class/block", name, "size"))
	return err != nil || strings.TrimSpace(size) == "0" || strings.HasPrefix(name, "ram") || strings.HasPrefix(name, "sr")
}

func (p *pass) probe(dev string) (block.Superblock, error) {
	f, err := os.Open(p.m.path(dev))
	if err != nil {
		return block.Superblock{}, fmt.Errorf("cannot open a disk: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	return block.Probe(f)
}

// holds says what is on a device, and how large that is.
func (p *pass) holds(dev string) (what string, size int64, err error) {
	f, err := os.Open(p.m.path(dev))
	if err != nil {
		return "", 0, fmt.Errorf("cannot open a disk: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	if size, err = block.SizeOf(f); err != nil {
		return "", 0, err
	}
	what, err = block.Holds(f, size)
	return what, size, err
}

// partitionOf is the path of a disk's partition: numbers are set off with a p
// from names that end in one.
func partitionOf(dev string, n int) string {
	if last := dev[len(dev)-1]; last >= '0' && last <= '9' {
		dev += "p"
	}
	return dev + strconv.Itoa(n)
}

// parentOf is the disk of a partition, and its number there; ok is false for a
// whole disk.
func (p *pass) parentOf(dev string) (disk string, n int, ok bool) {
	dir := path.Join("/sys/class/block", path.Base(dev))
	text, err := p.m.read(path.Join(dir, "partition"))
	n, perr := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || perr != nil {
		return "", 0, false
	}
	real, err := filepath.EvalSymlinks(p.m.path(dir))
	if err != nil {
		return "", 0, false
	}
	return path.Join("/dev", path.Base(path.Dir(real))), n, true
}

// mountPoint is a line of mountinfo.
type mountPoint struct {
	Number       string // of the device: "8:1"
	Root, Target string
	Type, Source string
}

// mountPoints lists what is mounted, the uppermost last.
func (p *pass) mountPoints() ([]mountPoint, error) {
	text, err := p.m.read("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseMountinfo(text), nil
}

func parseMountinfo(text string) []mountPoint {
	var out []mountPoint
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if dash < 6 || len(f) < dash+3 {
			continue
		}
		out = append(out, mountPoint{
			Number: f[2], Root: unescape(f[3]), Target: unescape(f[4]), Type: f[dash+1], Source: unescape(f[dash+2]),
		})
	}
	return out
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// mountedAt is the uppermost mount at a folder.
func mountedAt(all []mountPoint, target string) (mountPoint, bool) {
	for _, m := range slices.Backward(all) {
		if m.Target == target {
			return m, true
		}
	}
	return mountPoint{}, false
}

// hostsDisks says that the disks of this machine are another's: in namespaces.
func (p *pass) hostsDisks(key string, asked bool) bool {
	if p.namespaced && asked {
		p.warn("disks are left alone: this machine shares them with its host", "", key)
	}
	return p.namespaced
}
