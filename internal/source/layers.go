package source

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// The files that hold layers, below the root of the machine.
const (
	OSConfigFile    = "/usr/share/ros/os-config.yml"
	OEMConfigFile   = "/usr/share/ros/oem/oem-config.yml"
	ConfDir         = "/var/lib/rancher/conf"
	CloudConfigDir  = ConfDir + "/cloud-config.d"
	CloudConfigFile = ConfDir + "/cloud-config.yml"
	SeedDir         = "/run/ros/source"
)

// OwnLayer is the name of the user's layer, cloud-config.yml.
const OwnLayer = "cloud-config"

// maxLayer bounds what is read of one file; the parser refuses more than 1 MiB,
// so one byte more is enough for it to say so.
const maxLayer = 1<<20 + 1

// Layers reads every layer below root, lowest first. Layers that are absent are
// left out quietly. In the place of one that does not parse its last good copy is
// used. Of one that does not validate all that is good is used, and in the place
// of the rest what the copy has: a typing error must not lock the owner out of the
// machine that has to be mended. The report tells what is wrong.
func Layers(root string) ([]cloudconfig.Layer, cloudconfig.Report) {
	return layers(root, func(c *collector) { c.file(OwnLayer, root, CloudConfigFile) })
}

// layers reads every layer; own adds the user's cloud-config.yml.
func layers(root string, own func(*collector)) ([]cloudconfig.Layer, cloudconfig.Report) {
	c := collect(root, own)
	return c.layers, c.report
}

func collect(root string, own func(*collector)) *collector {
	c := &collector{facts: facts(root), copies: copies{root: root}}
	c.file("os-config", root, OSConfigFile)
	c.file("oem", root, OEMConfigFile)
	c.seed(root)
	c.folder("cloud-config.d", root, CloudConfigDir)
	own(c)
	c.cmdline(root)
	c.dropRefused()
	return c
}

// Load merges the layers below root into the typed configuration. The report
// holds every problem of every layer; the configuration is always usable.
func Load(root string) (cloudconfig.Config, cloudconfig.Report) {
	return load(Layers(root))
}

func load(layers []cloudconfig.Layer, report cloudconfig.Report) (cloudconfig.Config, cloudconfig.Report) {
	cfg, merged := cloudconfig.Merge(layers...).Config()
	return cfg, dedupe(append(report, merged...))
}

// dedupe drops what validating a layer and validating the merged result both say.
func dedupe(r cloudconfig.Report) cloudconfig.Report {
	r = r.Sorted()
	return slices.CompactFunc(r, func(a, b cloudconfig.Problem) bool { return a == b })
}

// collector gathers layers and problems in order.
type collector struct {
	facts  cloudconfig.Facts // what layers may refer to
	layers []cloudconfig.Layer
	report cloudconfig.Report
	copies copies

	datasource string // that has spoken
	includes   []Include
	scripts    []Script
}

// part is one layer as it came, and how it is read.
type part struct {
	key   string // of its good copy
	name  string // of the layer
	file  string // as positions show it
	data  []byte
	parse func(name, file string, data []byte) (cloudconfig.Layer, cloudconfig.Report)
}

// part takes what is good of a layer, and in the place of the rest what its last
// good copy has; of one that does not parse it takes the copy.
func (c *collector) part(p part) {
	l, parsed := p.parse(p.name, p.file, p.data)
	l, found, unknown := c.judge(l, parsed)
	c.copies.present = append(c.copies.present, p.key)
	switch {
	case found.Err() == nil:
		c.copies.sound = append(c.copies.sound, p)
	case parsed.Err() != nil:
		c.useCopy(p, found)
		return
	default:
		l, found = c.salvage(p, l, parsed)
	}
	c.report = append(append(c.report, found...), unknown...)
	c.layers = append(c.layers, l)
}

// judge finds all that is wrong with a layer; one that does not parse is not
// looked at any further. What refers to an unknown fact of the machine is apart:
// it is taken out of the layer, which is none the worse for it.
func (c *collector) judge(l cloudconfig.Layer, parsed cloudconfig.Report) (_ cloudconfig.Layer, found, unknown cloudconfig.Report) {
	if parsed.Err() != nil {
		return l, parsed, nil
	}
	l, unknown = cloudconfig.Substitute(l, c.facts)
	return l, append(parsed, cloudconfig.Validate(l)...), unknown
}

// Facts are what the layers of the machine below root may refer to, as far as its
// datasource has told them.
func Facts(root string) cloudconfig.Facts { return facts(root) }

// facts are what layers may refer to; without a datasource none are known.
func facts(root string) cloudconfig.Facts {
	data, err := readBounded(filepath.Join(root, SeedDir, "meta-data"))
	if err != nil {
		return cloudconfig.Facts{} // the layer of meta-data tells why
	}
	return cloudconfig.ParseFacts(data)
}

func (c *collector) file(name, root, path string) {
	p := part{key: copyKey(path), name: name, file: path, parse: cloudconfig.ParseLayer}
	data, err := readBounded(filepath.Join(root, path))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		c.unreadable(p, err)
		return
	}
	p.data = data
	c.part(p)
}

// unreadable reports a layer that is there and cannot be read.
func (c *collector) unreadable(p part, err error) {
	c.copies.present = append(c.copies.present, p.key)
	c.useCopy(p, cloudconfig.Report{{Pos: cloudconfig.Pos{File: p.file}, Msg: "cannot be read: " + withoutPath(err).Error()}})
}

// folder reads every file of a folder in lexical order, whatever its extension,
// as RancherOS did; hidden files are editors' and are left alone.
func (c *collector) folder(name, root, dir string) {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		c.unreadableFolder(name, dir, err)
		return
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !mayBeFile(filepath.Join(root, dir, e.Name())) {
			continue
		}
		c.file(name, root, filepath.Join(dir, e.Name()))
	}
}

func (c *collector) cmdline(root string) {
	line, err := ReadCmdline(root)
	if err != nil {
		c.problem("<kernel command line>", err.Error())
		return
	}
	l, report := cloudconfig.ParseCmdline(line)
	c.report = append(c.report, append(report, cloudconfig.Validate(l)...)...)
	// Each parameter stands alone: a wrong one must not take away the one that
	// says where the state is. Decoding leaves wrong values out.
	c.layers = append(c.layers, l)
}

func (c *collector) problem(file, msg string) {
	c.report = append(c.report, cloudconfig.Problem{Pos: cloudconfig.Pos{File: file}, Msg: msg})
}

// CmdlineFile is the whole kernel command line, where /proc/cmdline is not: in
// namespaces, or when a part of it is hidden.
const CmdlineFile = "/run/ros/cmdline"

// MountedFile exists since it was tried in this boot to mount what the
// configuration has of the machine's own disks.
const MountedFile = "/run/ros/mounted"

// ReadCmdline is the kernel command line; in namespaces, the one that the
// machine was started with.
func ReadCmdline(root string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, CmdlineFile))
	if errors.Is(err, fs.ErrNotExist) {
		data, err = os.ReadFile(filepath.Join(root, "/proc/cmdline"))
	}
	if errors.Is(err, fs.ErrNotExist) && root != "/" {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot read the kernel command line: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// mayBeFile says whether a file is at path, or something that cannot be looked at.
func mayBeFile(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return info.Mode().IsRegular()
}

// readBounded reads a regular file; opening anything else could wait for ever.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	return io.ReadAll(io.LimitReader(f, maxLayer))
}

var errNoFile = errors.New("it is not a file")

// withoutPath is what went wrong with a file, without its path below root.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
