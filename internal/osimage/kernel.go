package osimage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Kernel is what a kernel package holds for us.
type Kernel struct {
	Release string // "6.12.117+deb12-cloud-amd64"
	Image   []byte // vmlinuz
	// Modules has the modules that stay, uncompressed, below
	// usr/lib/modules/RELEASE, with depmod's indexes.
	Modules *Tree
	Deps    Modules
}

// readKernel unpacks a kernel package, drops the modules that nobody needs and
// indexes the rest. Modules are stored uncompressed: squashfs compresses them
// better together than Debian does one by one, and loading is one step less.
func readKernel(ctx context.Context, deb, scratch string) (Kernel, error) {
	all := NewTree()
	err := unpackDeb(ctx, deb, all, func(name string) bool {
		return strings.HasPrefix(name, "boot/vmlinuz-") || strings.HasPrefix(name, "usr/lib/modules/")
	})
	if err != nil {
		return Kernel{}, err
	}
	k := Kernel{}
	for _, name := range all.Paths() {
		if release, ok := strings.CutPrefix(name, "boot/vmlinuz-"); ok {
			n, _ := all.Lookup(name)
			k.Release, k.Image = release, n.Data
		}
	}
	if k.Release == "" {
		return Kernel{}, fmt.Errorf("cannot find a kernel in %s", filepath.Base(deb))
	}
	if k.Deps, err = indexModules(ctx, all, k.Release, scratch); err != nil {
		return Kernel{}, err
	}
	return pruneModules(ctx, k, all, scratch)
}

// pruneModules keeps the chosen modules, uncompressed and indexed anew.
func pruneModules(ctx context.Context, k Kernel, all *Tree, scratch string) (Kernel, error) {
	folder := path.Join("usr/lib/modules", k.Release)
	keep := k.Deps.Closure(keepModule)
	all.Remove(func(name string, n Node) bool {
		if !strings.HasPrefix(name, "usr/lib/modules/") {
			return !strings.HasPrefix("usr/lib/modules/", name+"/")
		}
		file := strings.TrimPrefix(name, folder+"/")
		return n.Mode.IsRegular() && strings.Contains(file, ".ko") && !slices.Contains(keep, file)
	})
	for _, name := range all.Paths() {
		n, _ := all.Lookup(name)
		plain, compressed := strings.CutSuffix(name, ".xz")
		if !compressed {
			continue
		}
		data, err := filter(ctx, n.Data, "xz", "-dc")
		if err != nil {
			return Kernel{}, fmt.Errorf("cannot decompress %s: %w", path.Base(name), err)
		}
		all.Remove(func(other string, _ Node) bool { return other == name })
		all.File(plain, 0o644, data)
	}
	var err error
	if k.Deps, err = indexModules(ctx, all, k.Release, scratch); err != nil {
		return Kernel{}, err
	}
	k.Modules = all
	return k, nil
}

// indexFiles are those of depmod's files that modprobe, udev and we read. The
// text twins of the binary ones are left out, but for modules.dep.
var indexFiles = []string{
	"modules.dep", "modules.dep.bin", "modules.alias.bin", "modules.symbols.bin",
	"modules.builtin.bin", "modules.builtin.alias.bin", "modules.softdep", "modules.devname",
}

// indexModules runs depmod over the tree's modules and adds its indexes.
func indexModules(ctx context.Context, t *Tree, release, scratch string) (Modules, error) {
	base, err := os.MkdirTemp(scratch, "modules")
	if err != nil {
		return Modules{}, fmt.Errorf("cannot index modules: %w", err)
	}
	defer os.RemoveAll(base)
	folder := filepath.Join("lib/modules", release)
	if err := t.export(filepath.Join("usr", folder), filepath.Join(base, folder)); err != nil {
		return Modules{}, err
	}
	if err := run(ctx, "", "depmod", "-b", base, release); err != nil {
		return Modules{}, err
	}
	for _, name := range indexFiles {
		data, err := os.ReadFile(filepath.Join(base, folder, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return Modules{}, fmt.Errorf("cannot read module index: %w", err)
		}
		t.File(path.Join("usr", folder, name), 0o644, data)
	}
	dep, _ := t.Lookup(path.Join("usr", folder, "modules.dep"))
	return ParseModules(dep.Data)
}

// export writes the regular files below a folder of the tree to disk.
func (t *Tree) export(folder, target string) error {
	for _, name := range t.Paths() {
		n := t.nodes[name]
		below, ok := strings.CutPrefix(name, folder+"/")
		if !ok || !n.Mode.IsRegular() {
			continue
		}
		file := filepath.Join(target, below)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("cannot export %s: %w", name, err)
		}
		if err := os.WriteFile(file, n.Data, 0o644); err != nil {
			return fmt.Errorf("cannot export %s: %w", name, err)
		}
	}
	return nil
}

// addEarlyModules puts the modules that PID 1 loads itself into the initrd's
// tree: /modules/*.ko and /modules/order, which names them one a line. It
// returns the names that are not modules of this kernel.
func addEarlyModules(initrd *Tree, k Kernel) (absent []string, err error) {
	files, absent := k.Deps.Order(earlyModules)
	var order strings.Builder
	for _, file := range files {
		n, ok := k.Modules.Lookup(path.Join("usr/lib/modules", k.Release, file))
		if !ok {
			return nil, fmt.Errorf("cannot find module %s in the kernel's package", file)
		}
		initrd.File(path.Join("modules", path.Base(file)), 0o644, n.Data)
		fmt.Fprintln(&order, path.Base(file))
	}
	initrd.File("modules/order", 0o644, []byte(order.String()))
	return absent, nil
}

// run runs a program and keeps its output for the error.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot run %s: %w\n%s", name, err, out)
	}
	return nil
}
