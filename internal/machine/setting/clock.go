package setting

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const zoneFolder = "/usr/share/zoneinfo"

// timezone links /etc/localtime; without a zone the machine's is UTC.
func (p *pass) timezone(context.Context) {
	zone := p.cfg.Timezone
	if zone == "" || zone == "UTC" || zone == "Etc/UTC" {
		if old, err := os.Readlink(p.m.path("/etc/localtime")); err == nil && strings.HasPrefix(old, zoneFolder+"/") {
			p.drop("/etc/localtime", "timezone")
			p.drop("/etc/timezone", "timezone")
		}
		return
	}
	target := path.Join(zoneFolder, zone)
	if !p.m.exists(target) {
		p.fail(fmt.Errorf("cannot set the time zone: there is no %s on this system", target), "timezone")
		return
	}
	if old, err := os.Readlink(p.m.path("/etc/localtime")); err != nil || old != target {
		p.do("set the time zone to "+zone, []string{"timezone"}, func() error { return p.m.link("/etc/localtime", target) })
	}
	p.putText("/etc/timezone", zone+"\n", "timezone")
}

// link makes a link, in place of another or of a file.
func (m *Machine) link(name, target string) error {
	aside := m.path(name) + ".new"
	if err := os.Remove(aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot link %s: %w", name, err)
	}
	err := os.Symlink(target, aside)
	if err == nil {
		err = os.Rename(aside, m.path(name))
	}
	if err != nil {
		return fmt.Errorf("cannot link %s: %w", name, err)
	}
	return nil
}

const (
	localeProfile = "/etc/profile.d/locale.sh"
	defaultLocale = "/etc/default/locale"
)

// locale sets the language of login shells.
func (p *pass) locale(context.Context) {
	name := p.cfg.Locale
	config := p.cfg.LocaleConfigfile
	if config == "" {
		config = defaultLocale
	}
	if old := p.state.Locale; old != "" && (old != config || name == "") {
		p.drop(old, "locale")
		p.state.Locale = ""
	}
	if name == "" {
		p.drop(localeProfile, "locale")
		return
	}
	if !p.knownLocale(name) {
		p.warn(fmt.Sprintf("this system has no locale %s: messages stay English", name), "programs in containers may know it", "locale")
	}
	if !p.dry {
		p.state.Locale = config
	}
	p.putText(config, "LANG="+quote(name)+"\n", "locale")
	p.putText(localeProfile, "# made by ros from locale; changes are lost\nexport LANG="+quote(name)+"\n", "locale")
}

func (p *pass) knownLocale(name string) bool {
	plain := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
	switch plain {
	case "c", "posix", "cutf8", "c.utf8":
		return true
	}
	entries, err := os.ReadDir(p.m.path("/usr/lib/locale"))
	if err != nil {
		return false
	}
	for _, e := range entries {
		if strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(e.Name())) == plain {
			return true
		}
	}
	return false
}

// keymaps has the layouts that loadkeys knows.
const keymaps = "/usr/share/keymaps"

// layoutNames are the console's names of layouts that cloud-init, which has X's,
// calls otherwise.
var layoutNames = map[string]string{
	"be": "be-latin1", "br": "br-abnt2", "ca": "cf", "ch": "sg-latin1", "cz": "cz-lat2", "ee": "et", "gb": "uk", "hr": "croat",
	"jp": "jp106", "latam": "la-latin1", "pt": "pt-latin1", "se": "se-latin1", "si": "slovene", "sk": "sk-qwertz", "tr": "trq",
}

// keymap is what the console calls a layout; "" when there is none.
func (p *pass) keymap(layout, variant string) string {
	if other, ok := layoutNames[layout]; ok {
		layout = other
	}
	names := []string{layout}
	if variant != "" {
		names = []string{layout + "-" + variant, layout + "-latin1-" + variant}
	}
	for _, name := range names {
		found, err := filepath.Glob(p.m.path(path.Join(keymaps, "i386/*", name+".kmap")))
		if err == nil && len(found) > 0 {
			return name
		}
	}
	return ""
}

// keyboard loads the layout of the keyboard at the machine, once for each boot
// and layout.
func (p *pass) keyboard(ctx context.Context) {
	const loaded = "/run/ros/keyboard"
	k := p.cfg.Keyboard
	if k.Layout == "" || p.namespaced {
		return
	}
	at := []string{"keyboard", "layout"}
	if !p.m.kernel.has("loadkeys") {
		p.fail(errors.New("cannot set the keyboard: there is no loadkeys on this system"), at...)
		return
	}
	if k.Options != "" {
		p.warn("options of the keyboard are those of X, which this system has not", "", "keyboard", "options")
	}
	name := p.keymap(k.Layout, k.Variant)
	if name == "" {
		p.fail(fmt.Errorf("there is no keyboard layout %q", strings.TrimSuffix(k.Layout+"-"+k.Variant, "-")), at...)
		return
	}
	if old, err := p.m.read(loaded); err == nil && old == name+"\n" {
		return
	}
	p.do("load the keyboard layout "+name, at, func() error {
		if err := p.m.kernel.run(ctx, "", "loadkeys", "--", name); err != nil {
			return fmt.Errorf("cannot set the keyboard: %w", err)
		}
		return p.m.writeText(loaded, name+"\n")
	})
}
