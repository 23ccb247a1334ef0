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

	"github.com/ros-os/ros/cloudconfig"
)

// mountsFile remembers, for one boot, what was mounted for the configuration, so
// that it can be unmounted, and only it.
const mountsFile = "/run/ros/mounts.json"

// wantedMount is one entry of mounts, filled up.
type wantedMount struct {
	index          int
	source, target string
	fstype         string
	options        []string
}

// made is a mount as it was made.
type made struct {
	Source  string `json:"source"`
	Type    string `json:"type"`
	Options string `json:"options"`
}

// mounts mounts what the configuration says, and unmounts what it has no more.
func (p *pass) mounts(ctx context.Context) {
	have, err := p.readMounts()
	if err != nil {
		p.fail(err, "mounts")
		return
	}
	before := maps.Clone(have)
	want := p.wantedMounts()
	targets := map[string]bool{p.swapFile(): true}
	for _, w := range want {
		targets[w.key()] = true
	}
	for _, target := range slices.Backward(slices.Sorted(maps.Keys(have))) {
		if !targets[target] && p.takeDown(ctx, target, have[target]) {
			delete(have, target)
		}
	}
	for _, w := range want {
		if w.fstype != "swap" && !seenByServices(w.target) {
			p.warn("is mounted at "+w.target+", which neither the console nor Docker sees", "mount it below "+strings.Join(sharedFolders, ", "), "mounts", strconv.Itoa(w.index))
		}
		if err := p.mountOne(ctx, w, have); err != nil {
			p.fail(fmt.Errorf("cannot mount %s: %w", w.source, err), "mounts", strconv.Itoa(w.index))
		}
	}
	if !maps.Equal(before, have) && !p.dry {
		p.fail(p.saveMounts(have), "mounts")
	}
}

// sharedFolders are those of which the services console and docker see what is
// mounted in them, and which are for that. They see it in /run, too.
var sharedFolders = []string{"/mnt", "/media", "/home", "/opt", "/var"}

func seenByServices(target string) bool {
	return slices.ContainsFunc(slices.Concat(sharedFolders, []string{"/run"}), func(folder string) bool {
		return target == folder || strings.HasPrefix(target, folder+"/")
	})
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

// key is what a mount is remembered by: its folder, of swap its device.
func (w wantedMount) key() string {
	if w.fstype == "swap" {
		return w.source
	}
	return w.target
}

func (w wantedMount) has(option string) bool { return slices.Contains(w.options, option) }

// wantedMounts are the entries that ask for a mount, parents first.
func (p *pass) wantedMounts() []wantedMount {
	var out []wantedMount
	for i, entry := range p.cfg.Mounts {
		w, asked, err := p.fillUp(i, entry)
		if err != nil {
			p.fail(err, "mounts", strconv.Itoa(i))
			continue
		}
		if !asked || w.has("noauto") {
			continue
		}
		// As with cloud-init, the last entry of a folder is the one.
		out = slices.DeleteFunc(out, func(o wantedMount) bool { return o.key() == w.key() })
		out = append(out, w)
	}
	slices.SortStableFunc(out, func(a, b wantedMount) int {
		return strings.Count(a.target, "/") - strings.Count(b.target, "/")
	})
	return out
}

// fillUp takes what an entry does not say from mount_default_fields. An entry
// without a folder asks for nothing.
func (p *pass) fillUp(i int, entry cloudconfig.Mount) (w wantedMount, asked bool, err error) {
	field := func(n int, fallback string) string {
		if n < len(entry) && entry[n] != "" {
			return entry[n]
		}
		if n < len(p.cfg.MountDefaultFields) && p.cfg.MountDefaultFields[n] != "" {
			return p.cfg.MountDefaultFields[n]
		}
		return fallback
	}
	w = wantedMount{index: i, source: field(0, ""), target: field(1, ""), fstype: field(2, "auto")}
	w.options = strings.FieldsFunc(field(3, "defaults,nofail"), func(r rune) bool { return r == ',' })
	if w.source == "" || w.target == "" || len(entry) < 2 {
		return w, false, nil
	}
	if w.fstype == "swap" || w.target == "none" && w.fstype == "auto" || w.target == "swap" {
		w.fstype, w.target = "swap", ""
		return w, true, nil
	}
	if !path.IsAbs(w.target) {
		w.target = "/" + w.target
	}
	w.target = path.Clean(w.target)
	if reserved := reservedTarget(w.target); reserved != "" {
		return w, false, fmt.Errorf("cannot mount %s at %s: %s", w.source, w.target, reserved)
	}
	return w, true, nil
}

// reservedTarget keeps a mistake from hiding the machine itself.
func reservedTarget(target string) string {
	switch target {
	case "/", "/usr", "/etc", "/bin", "/sbin", "/lib", "/proc", "/sys", "/dev", "/run", "/state", "/var", "/var/lib", "/var/lib/rancher", "/var/lib/system-docker":
		return "the system itself is there"
	}
	return ""
}

// mountOne mounts an entry, unless it is mounted; one that was mounted in another
// way is unmounted first.
func (p *pass) mountOne(ctx context.Context, w wantedMount, have map[string]made) error {
	flags, data := parseOptions(w.options)
	as := made{Source: w.source, Type: w.fstype, Options: strings.Join(w.options, ",")}
	old, ours := have[w.key()]
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
	case there && !p.takeDown(ctx, w.key(), old):
		return nil // that is told
	}
	delete(have, w.key())
	real, fstype, err := p.mountSource(w)
	if err != nil {
		if w.has("nofail") && errors.Is(err, errNoDevice) {
			p.warn(fmt.Sprintf("%s is not mounted: %v", w.source, err), "it is tried again", "mounts", strconv.Itoa(w.index))
			return nil
		}
		return err
	}
	if p.do(fmt.Sprintf("mount %s at %s", w.source, w.where()), []string{"mounts", strconv.Itoa(w.index)}, func() error {
		return p.attach(ctx, w, real, fstype, flags, data)
	}) && !p.dry {
		have[w.key()] = as
	}
	return nil
}

func (w wantedMount) where() string {
	if w.fstype == "swap" {
		return "swap"
	}
	return w.target
}

// isThere says whether something is mounted where the entry goes.
func (p *pass) isThere(w wantedMount, all []mountPoint) bool {
	if w.fstype != "swap" {
		_, ok := mountedAt(all, w.target)
		return ok
	}
	dev, err := p.device(w.source)
	return err == nil && p.swapsOn(dev)
}

// foreignMount is about a folder where somebody else mounted something.
func (p *pass) foreignMount(w wantedMount, all []mountPoint) error {
	if w.fstype == "swap" {
		return nil // it is in use as it should be
	}
	m, _ := mountedAt(all, w.target)
	if dev, err := p.device(w.source); err == nil && dev == m.Source || m.Source == w.source {
		return nil // mounted by hand, or by an earlier boot of a machine in namespaces
	}
	return fmt.Errorf("%s is mounted at %s already", m.Source, w.target)
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
	if w.fstype == "swap" {
		return p.m.kernel.run(ctx, "", "swapon", p.m.path(real))
	}
	target := p.m.path(w.target)
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
		if err := p.mountNFS(ctx, w, target); err != nil {
			return fmt.Errorf("cannot mount %s: %w", w.source, err)
		}
		return nil
	}
	argv := []string{program, w.source, target}
	if len(w.options) > 0 {
		argv = append(argv, "-o", strings.Join(mountWords(w.options), ","))
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
	if err := makeFolder(path.Dir(target)); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
