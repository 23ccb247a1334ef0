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

// maxLayer bounds what is read of one file; the parser refuses more than 1 MiB,
// so one byte more is enough for it to say so.
const maxLayer = 1<<20 + 1

// Layers reads every layer below root, lowest first. Layers that are absent are
// left out quietly; those that do not parse or validate are left out with their
// problems in the report, except for their SSH keys: a typing error must not
// lock the owner out of the machine that has to be mended.
func Layers(root string) ([]cloudconfig.Layer, cloudconfig.Report) {
	var c collector
	c.file("os-config", root, OSConfigFile)
	c.file("oem", root, OEMConfigFile)
	c.seed(root)
	c.folder("cloud-config.d", root, CloudConfigDir)
	c.file("cloud-config", root, CloudConfigFile)
	c.cmdline(root)
	return c.layers, c.report
}

// Load merges the layers below root into the typed configuration. The report
// holds every problem of every layer; the configuration is always usable.
func Load(root string) (cloudconfig.Config, cloudconfig.Report) {
	layers, report := Layers(root)
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
	layers []cloudconfig.Layer
	report cloudconfig.Report
}

// add takes a layer that was parsed, if it is sound.
func (c *collector) add(l cloudconfig.Layer, parsed cloudconfig.Report) {
	if parsed.Err() != nil {
		c.report = append(c.report, parsed...)
		return
	}
	found := append(parsed, cloudconfig.Validate(l)...)
	c.report = append(c.report, found...)
	if found.Err() == nil {
		c.layers = append(c.layers, l)
		return
	}
	if keys, ok := cloudconfig.OnlyKeys(l, "ssh_authorized_keys"); ok {
		c.layers = append(c.layers, keys)
	}
}

func (c *collector) file(name, root, path string) {
	data, err := readBounded(filepath.Join(root, path))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		c.problem(path, fmt.Sprintf("cannot read: %v", err))
		return
	}
	c.add(cloudconfig.ParseLayer(name, path, data))
}

// folder reads every file of a folder in lexical order, whatever its extension,
// as RancherOS did; hidden files are editors' and are left alone.
func (c *collector) folder(name, root, dir string) {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		c.problem(dir, fmt.Sprintf("cannot read: %v", err))
		return
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !isRegular(filepath.Join(root, dir, e.Name())) {
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

// ReadCmdline is the kernel command line; in namespaces, the one that the
// machine was started with.
func ReadCmdline(root string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, "/run/ros/cmdline"))
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

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	return io.ReadAll(io.LimitReader(f, maxLayer))
}
