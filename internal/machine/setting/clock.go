package setting

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
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

const localeProfile = "/etc/profile.d/locale.sh"

// locale sets the language of login shells.
func (p *pass) locale(context.Context) {
	name := p.cfg.Locale
	if name == "" {
		p.drop(localeProfile, "locale")
		return
	}
	if !p.knownLocale(name) {
		p.warn(fmt.Sprintf("this system has no locale %s: messages stay English", name), "programs in containers may know it", "locale")
	}
	config := p.cfg.LocaleConfigfile
	if config == "" {
		config = "/etc/default/locale"
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
	name := k.Layout
	if k.Variant != "" {
		name += "-" + k.Variant
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
