package osimage

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say what goes into the image.
type Options struct {
	Out      string // folder of all that is built
	Config   string // os-config.yml
	Services string // folder of service definitions; none when empty
	// Programs built from this project.
	Ros, Init, Service string
	Engine             string // folder of the engine's programs
	Version            string
	Compression        Compression
	Stamp              time.Time // the time of every file
	Refresh            bool      // look for newer Debian packages
	Log                io.Writer // where the table of sizes goes
}

// enginePrograms are expected in Options.Engine.
var enginePrograms = []string{"dockerd", "docker", "containerd-shim-runc-v2", "runc"}

// Build writes vmlinuz, root.squashfs and initrd below Options.Out.
func Build(ctx context.Context, o Options) error {
	// apt wants to know its folders by absolute names.
	cache, err := filepath.Abs(filepath.Join(o.Out, "packages"))
	if err != nil {
		return fmt.Errorf("cannot find the folder of packages: %w", err)
	}
	debs, kernelDeb, err := packages(ctx, cache, o.Refresh)
	if err != nil {
		return err
	}
	kernel, err := readKernel(ctx, kernelDeb, o.Out)
	if err != nil {
		return err
	}
	root, err := rootTree(ctx, o, debs, kernel)
	if err != nil {
		return err
	}
	squashfs := filepath.Join(o.Out, "root.squashfs")
	if err := writeSquashfs(ctx, root, squashfs, o.Compression, o.Stamp); err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(o.Out, "vmlinuz"), kernel.Image); err != nil {
		return err
	}
	parts, err := writeInitrd(o, squashfs, kernel)
	if err != nil {
		return err
	}
	return report(o, root, append(parts, Part{"vmlinuz " + kernel.Release, int64(len(kernel.Image))}))
}

// packages fetches the Debian packages once; afterwards the list of the first
// time stands until a refresh, or until a package is needed that is not in it.
func packages(ctx context.Context, dir string, refresh bool) (debs []string, kernel string, err error) {
	list := filepath.Join(dir, "list")
	if !refresh {
		if debs, ok := readList(list); ok && haveAll(debs, userPackages) {
			return debs[1:], debs[0], nil
		}
	}
	a := archive{dir: dir}
	if err := a.prepare(ctx); err != nil {
		return nil, "", err
	}
	name, err := a.newestKernel(ctx)
	if err != nil {
		return nil, "", err
	}
	kernels, err := a.download(ctx, []string{name})
	if err != nil {
		return nil, "", err
	}
	if debs, err = a.fetch(ctx, userPackages, skipPackages); err != nil {
		return nil, "", err
	}
	names := []string{filepath.Base(kernels[0])}
	for _, deb := range debs {
		names = append(names, filepath.Base(deb))
	}
	if err := replaceFile(list, []byte(strings.Join(names, "\n")+"\n")); err != nil {
		return nil, "", err
	}
	return debs, kernels[0], nil
}

// readList returns the packages of the last time if all are still there.
func readList(list string) ([]string, bool) {
	content, err := os.ReadFile(list)
	if err != nil {
		return nil, false
	}
	var files []string
	for _, name := range strings.Fields(string(content)) {
		file := filepath.Join(filepath.Dir(list), "debs", name)
		if _, err := os.Stat(file); err != nil {
			return nil, false
		}
		files = append(files, file)
	}
	return files, len(files) > 1
}

// haveAll says whether the files of packages are among debs.
func haveAll(debs, packages []string) bool {
	return !slices.ContainsFunc(packages, func(name string) bool {
		return !slices.ContainsFunc(debs, func(deb string) bool { return strings.HasPrefix(filepath.Base(deb), name+"_") })
	})
}

// rootTree makes the machine's root file system.
func rootTree(ctx context.Context, o Options, debs []string, kernel Kernel) (*Tree, error) {
	t, err := readUserland(ctx, debs)
	if err != nil {
		return nil, err
	}
	if err := addRootfs(t, o.Version); err != nil {
		return nil, err
	}
	dropUnneededLibraries(t)
	if err := addPrograms(t, o); err != nil {
		return nil, err
	}
	if err := checkLibraries(t); err != nil {
		return nil, err
	}
	for _, name := range kernel.Modules.Paths() {
		if n, _ := kernel.Modules.Lookup(name); strings.HasPrefix(name, "usr/lib/modules") {
			t.Add(name, n)
		}
	}
	if err := addShare(ctx, t, o, debs); err != nil {
		return nil, err
	}
	if err := addSystemImages(t); err != nil {
		return nil, err
	}
	t.RemoveBroken()
	return t, nil
}

// addPrograms adds what this project builds.
func addPrograms(t *Tree, o Options) error {
	files := map[string]string{"usr/bin/ros": o.Ros, "usr/sbin/init": o.Init, "usr/libexec/ros/service": o.Service}
	for _, name := range enginePrograms {
		files["usr/bin/"+name] = filepath.Join(o.Engine, name)
	}
	for target, source := range files {
		data, err := os.ReadFile(source)
		if err != nil {
			return fmt.Errorf("cannot add /%s: %w", target, err)
		}
		t.File(target, 0o755, data)
	}
	for _, name := range []string{"console", "docker", "network", "ntp", "udev"} {
		t.Symlink("usr/libexec/ros/"+name, "service")
	}
	t.Symlink("usr/bin/system-docker", "ros")
	t.Symlink("usr/bin/cloud-init-per", "ros")
	for _, name := range []string{"reboot", "poweroff", "halt", "shutdown"} {
		t.Symlink("usr/sbin/"+name, "../bin/ros")
	}
	t.Symlink("usr/libexec/docker/cli-plugins/docker-compose", "../../../bin/ros")
	return nil
}

// addShare adds the default configuration, the catalogue, completions and the
// list of packages.
func addShare(ctx context.Context, t *Tree, o Options, debs []string) error {
	config, err := os.ReadFile(o.Config)
	if err != nil {
		return fmt.Errorf("cannot add the default configuration: %w", err)
	}
	t.File("usr/share/ros/os-config.yml", 0o644, config)
	t.Folder("usr/share/ros/oem", 0o755)
	t.Folder("usr/share/ros/services", 0o755)
	if o.Services != "" {
		if err := addCatalogue(t, o.Services); err != nil {
			return err
		}
	}
	var list strings.Builder
	for _, deb := range debs {
		name, version, _ := parseURI("'' " + filepath.Base(deb) + " 0")
		fmt.Fprintf(&list, "%s %s\n", name, version)
	}
	t.File("usr/share/ros/packages.txt", 0o644, []byte(list.String()))
	for name, program := range map[string]string{"docker": filepath.Join(o.Engine, "docker"), "ros": o.Ros} {
		script, err := filter(ctx, nil, program, "completion", "bash")
		if err != nil {
			return fmt.Errorf("cannot add completion of %s: %w", name, err)
		}
		t.File("usr/share/bash-completion/completions/"+name, 0o644, script)
	}
	return nil
}

// addCatalogue adds the service definitions of the image.
func addCatalogue(t *Tree, folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yml"))
	if err != nil {
		return fmt.Errorf("cannot list service definitions: %w", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("cannot add service definition: %w", err)
		}
		t.File("usr/share/ros/services/"+filepath.Base(file), 0o644, data)
	}
	return nil
}

// replaceFile writes a file so that it is never seen half written.
func replaceFile(target string, data []byte) error {
	if err := os.WriteFile(target+".new", data, 0o644); err != nil {
		return fmt.Errorf("cannot write %s: %w", filepath.Base(target), err)
	}
	if err := os.Rename(target+".new", target); err != nil {
		return fmt.Errorf("cannot write %s: %w", filepath.Base(target), err)
	}
	return nil
}

// report prints what the sizes are made of.
func report(o Options, root *Tree, booted []Part) error {
	var sum int64
	for _, p := range booted {
		sum += p.Size
	}
	if err := WriteSizes(o.Log, "what boots", append(booted, Part{"all", sum})); err != nil {
		return err
	}
	return WriteSizes(o.Log, "root file system, uncompressed", rootParts(root))
}

func rootParts(root *Tree) []Part {
	own := append([]string{"ros"}, enginePrograms...)
	var parts []Part
	rest := root.Size("")
	for _, name := range own {
		n, _ := root.Lookup("usr/bin/" + name)
		parts = append(parts, Part{name, int64(len(n.Data))})
		rest -= int64(len(n.Data))
	}
	modules := root.Size("usr/lib/modules/")
	libraries := root.Size(libraryFolder)
	return append(parts, Part{"kernel modules", modules}, Part{"libraries", libraries},
		Part{"everything else", rest - modules - libraries})
}
