package setting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// mountsFile remembers, for one boot, what was mounted for the configuration, so
// that it can be unmounted, and only it.
const mountsFile = "/run/ros/mounts.json"

// wantedMount is one entry of mounts.
type wantedMount struct{ cloudconfig.MountPoint }

// made is a mount as it was made.
type made struct {
	Source  string `json:"source"`
	Type    string `json:"type"`
	Options string `json:"options"`
}

// mounts mounts what the configuration says, and unmounts what it has no more.
// What is on this machine comes before what the network has: User Docker waits for
// the one, and not for the other.
func (p *pass) mounts(ctx context.Context) {
	have, err := p.readMounts()
	if err != nil {
		p.fail(err, "mounts")
		p.tellMounted()
		return
	}
	before := maps.Clone(have)
	here, elsewhere := p.wantedMounts()
	targets := map[string]bool{p.swapFile(): true}
	for _, w := range slices.Concat(here, elsewhere) {
		targets[w.Key()] = true
	}
	for _, target := range slices.Backward(slices.Sorted(maps.Keys(have))) {
		if !targets[target] && p.takeDown(ctx, target, have[target]) {
			delete(have, target)
		}
	}
	p.mountAll(ctx, here, have)
	p.tellMounted()
	p.mountAll(ctx, elsewhere, have)
	if !maps.Equal(before, have) && !p.dry {
		p.fail(p.saveMounts(have), "mounts")
	}
}

// tellMounted tells User Docker that it need not wait any longer.
func (p *pass) tellMounted() {
	if !p.dry {
		p.fail(p.m.writeSecret(source.MountedFile, nil), "mounts")
	}
}

func (p *pass) mountAll(ctx context.Context, want []wantedMount, have map[string]made) {
	for _, w := range want {
		if err := p.mountOne(ctx, w, have); err != nil {
			p.fail(fmt.Errorf("cannot mount %s: %w", w.Source, err), "mounts", strconv.Itoa(w.Index))
		}
	}
}

func (p *pass) readMounts() (map[string]made, error) {
	have := map[string]made{}
	text, err := p.m.read(mountsFile)
	if err != nil || text == "" {
		return have, err
	}
	if err := json.Unmarshal([]byte(text), &have); err != nil {
		return nil, fmt.Errorf("cannot read what was mounted: %w", err)
	}
	return have, nil
}

func (p *pass) saveMounts(have map[string]made) error {
	data, err := json.MarshalIndent(have, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot remember what was mounted: %w", err)
	}
	return p.m.writeSecret(mountsFile, append(data, '\n'))
}

func (w wantedMount) has(option string) bool { return slices.Contains(w.Options, option) }

// wantedMounts are the entries that ask for a mount, in their order: those for which
// nothing but this machine is needed, and the others.
func (p *pass) wantedMounts() (here, elsewhere []wantedMount) {
	for _, m := range p.cfg.MountPoints() {
		w := wantedMount{m}
		needs := func(o wantedMount) bool { return w.Needs(o.MountPoint) }
		switch {
		case w.Reserved():
			p.fail(fmt.Errorf("cannot mount %s at %s: the system itself is there", w.Source, w.Folder), "mounts", strconv.Itoa(w.Index))
		case isNetworkFS(w.Type) || slices.ContainsFunc(elsewhere, needs):
			elsewhere = append(elsewhere, w)
		default:
			here = append(here, w)
		}
	}
	return here, elsewhere
}

// mountOne mounts an entry, unless it is mounted; one that was mounted in another
// way is unmounted first.
func (p *pass) mountOne(ctx context.Context, w wantedMount, have map[string]made) error {
	flags, data := parseOptions(w.Options)
	as := made{Source: w.Source, Type: w.Type, Options: strings.Join(w.Options, ",")}
	old, ours := have[w.Key()]
	all, err := p.mountPoints()
	if err != nil {
		return err
	}
	there := p.isThere(w, all)
	switch {
	case ours && old == as && there:
		return nil
	case there && !ours:
		return p.foreignMount(w, all)
	case there && !p.takeDown(ctx, w.Key(), old):
		return nil // that is told
	}
	if there && !sharedAnyway(w.Folder) {
		p.warn("console and User Docker may still see at "+w.Folder+" what was mounted there before",
			"'ros service restart console docker' shows them the present one", "mounts", strconv.Itoa(w.Index))
	}
	delete(have, w.Key())
	real, fstype, err := p.mountSource(w)
	if err != nil {
		if w.has("nofail") && errors.Is(err, errNoDevice) {
			p.warn(fmt.Sprintf("%s is not mounted: %v", w.Source, err), "it is tried again", "mounts", strconv.Itoa(w.Index))
			return nil
		}
		return err
	}
	if p.do(fmt.Sprintf("mount %s at %s", w.Source, w.where()), []string{"mounts", strconv.Itoa(w.Index)}, func() error {
		if err := p.attach(ctx, w, real, fstype, flags, data); err != nil {
			return fmt.Errorf("cannot mount %s at %s: %w", w.Source, w.where(), err)
		}
		return nil
	}) && !p.dry {
		have[w.Key()] = as
	}
	return nil
}

func (w wantedMount) where() string {
	if w.Type == "swap" {
		return "swap"
	}
	return w.Folder
}

// sharedAnyway says whether the services console and docker share a folder's parent
// with the machine: then what is mounted instead of something else is theirs, too.
func sharedAnyway(folder string) bool {
	return slices.ContainsFunc([]string{"/mnt", "/media", "/home", "/opt", "/var", "/run", "/tmp", "/root"}, func(shared string) bool {
		return strings.HasPrefix(folder, shared+"/")
	})
}

// isThere says whether something is mounted where the entry goes.
func (p *pass) isThere(w wantedMount, all []mountPoint) bool {
	if w.Type != "swap" {
		_, ok := mountedAt(all, w.Folder)
		return ok
	}
	dev, err := p.device(w.Source)
	return err == nil && p.swapsOn(dev)
}

// foreignMount is about a folder where somebody else mounted something.
func (p *pass) foreignMount(w wantedMount, all []mountPoint) error {
	if w.Type == "swap" {
		return nil // it is in use as it should be
	}
	m, _ := mountedAt(all, w.Folder)
	if dev, err := p.device(w.Source); err == nil && dev == m.Source || m.Source == w.Source {
		return nil // mounted by hand, or by an earlier boot of a machine in namespaces
	}
	return fmt.Errorf("%s is mounted at %s already", m.Source, w.Folder)
}

// takeDown unmounts what was mounted for the configuration. What is in use stays,
// and is told.
func (p *pass) takeDown(ctx context.Context, target string, was made) bool {
	all, err := p.mountPoints()
	if err != nil {
		p.fail(err, "mounts")
		return false
	}
	if was.Type == "swap" {
		dev, err := p.device(was.Source)
		if err != nil || !p.swapsOn(dev) {
			return true
		}
		return p.do("stop swapping to "+was.Source, []string{"mounts"}, func() error {
			return p.m.kernel.run(ctx, "", "swapoff", p.m.path(dev))
		})
	}
	if _, there := mountedAt(all, target); !there {
		return true
	}
	return p.do("unmount "+target, []string{"mounts"}, func() error {
		if err := p.m.kernel.unmount(p.m.path(target)); err != nil {
			return fmt.Errorf("cannot unmount %s: %w", target, err)
		}
		return nil
	})
}

func (p *pass) swapsOn(dev string) bool {
	text, err := p.m.read("/proc/swaps")
	return err == nil && slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
		f := strings.Fields(line)
		return len(f) > 0 && unescape(f[0]) == dev
	})
}

// attach makes the mount.
func (p *pass) attach(ctx context.Context, w wantedMount, real, fstype string, flags uintptr, data string) error {
	if w.Type == "swap" {
		return p.m.kernel.run(ctx, "", "swapon", p.m.path(real))
	}
	target := p.m.path(w.Folder)
	if w.has("bind") || w.has("rbind") {
		if err := p.bindTarget(real, target); err != nil {
			return err
		}
	} else if err := makeFolder(target); err != nil {
		return err
	}
	if isNetworkFS(fstype) {
		limited, cancel := context.WithTimeout(ctx, networkMountLimit)
		defer cancel()
		return p.attachFromNetwork(limited, w, mountProgram(fstype), target)
	}
	if err := p.m.kernel.mount(real, target, fstype, flags, data); err != nil {
		return err
	}
	return p.remountBind(w, real, target, flags)
}

func (p *pass) attachFromNetwork(ctx context.Context, w wantedMount, program, target string) error {
	if !p.m.kernel.has(program) {
		return p.mountNFS(ctx, w, target)
	}
	argv := []string{program, w.Source, target}
	if len(w.Options) > 0 {
		argv = append(argv, "-o", strings.Join(mountWords(w.Options), ","))
	}
	return p.m.kernel.run(ctx, "", argv...)
}

// remountBind sets what the kernel does not look at when it binds a folder.
func (p *pass) remountBind(w wantedMount, real, target string, flags uintptr) error {
	if rest := bindFlags(flags); w.has("bind") && rest != 0 {
		return p.m.kernel.mount(real, target, "", rest|remountBound, "")
	}
	return nil
}

// bindTarget makes what a folder, or a file, is bound to.
func (p *pass) bindTarget(source, target string) error {
	st, err := os.Stat(source)
	if err != nil {
		return err
	}
	if st.IsDir() {
		return makeFolder(target)
	}
	_ = unix.Rmdir(target) // an empty folder, which Docker may have made for the services that see the mount
	if err := makeFolder(path.Dir(target)); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
