package setting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// modules loads kernel modules that are not loaded: "name" or "name param=value".
func (p *pass) modules(ctx context.Context) {
	if p.namespaced {
		return
	}
	for i, line := range p.cfg.Rancher.Modules {
		words := strings.Fields(line)
		if len(words) == 0 || p.m.exists(filepath.Join("/sys/module", strings.ReplaceAll(words[0], "-", "_"))) {
			continue
		}
		argv := append([]string{"modprobe", "--"}, words...)
		p.do("load kernel module "+words[0], []string{"rancher", "modules", strconv.Itoa(i)}, func() error {
			return p.m.kernel.run(ctx, "", argv...)
		})
	}
}

// sysctl writes kernel settings that differ. One that is configured no more becomes
// what it was before.
func (p *pass) sysctl(context.Context) {
	set := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(p.cfg.Rancher.Sysctl)) {
		rel, err := sysctlPath(key)
		if err == nil {
			set[rel] = true
			err = p.setSysctl(key, rel, p.cfg.Rancher.Sysctl[key])
		}
		p.fail(err, "rancher", "sysctl", key)
	}
	for _, rel := range slices.Sorted(maps.Keys(p.state.Sysctl)) {
		if !set[rel] {
			p.resetSysctl(rel)
		}
	}
}

func (p *pass) setSysctl(key, rel, value string) error {
	if p.namespaced && !strings.HasPrefix(rel, "net/") {
		return nil // it is the host's
	}
	old, err := os.ReadFile(p.sysctlFile(rel))
	if errors.Is(err, fs.ErrNotExist) {
		if p.namespaced {
			return nil // what belongs to the host's network is not shown
		}
		return fmt.Errorf("cannot set %s: this kernel has no such setting", key)
	}
	// Some settings can be written but not read.
	if err == nil && sameSysctl(string(old), value) {
		return nil
	}
	made := p.do(fmt.Sprintf("set %s to %s", key, value), []string{"rancher", "sysctl", key}, func() error {
		if err := os.WriteFile(p.sysctlFile(rel), []byte(value+"\n"), 0o644); err != nil {
			return fmt.Errorf("cannot set %s to %q: %w", key, value, err)
		}
		return nil
	})
	if _, known := p.state.Sysctl[rel]; made && !known && err == nil {
		p.state.Sysctl[rel] = strings.TrimSpace(string(old))
	}
	return nil
}

// resetSysctl puts back what a setting was before it was configured. It may be gone
// with what it was for; and there are some, such as kernel.modules_disabled, that no
// kernel takes back.
func (p *pass) resetSysctl(rel string) {
	key, value := strings.ReplaceAll(rel, "/", "."), p.state.Sysctl[rel]
	if strings.Contains(rel, ".") { // of an interface such as eth0.5
		key = rel
	}
	have, err := os.ReadFile(p.sysctlFile(rel))
	if err != nil || sameSysctl(string(have), value) {
		delete(p.state.Sysctl, rel)
		return
	}
	p.do(fmt.Sprintf("set %s back to %s", key, value), nil, func() error {
		if err := os.WriteFile(p.sysctlFile(rel), []byte(value+"\n"), 0o644); err != nil {
			p.warn(fmt.Sprintf("cannot set %s back to %q: %v", key, value, err), "it is that again after a reboot")
			return nil
		}
		delete(p.state.Sysctl, rel)
		return nil
	})
}

func (p *pass) sysctlFile(rel string) string { return p.m.path(filepath.Join("/proc/sys", rel)) }

func sameSysctl(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }

// sysctlPath is the file of a setting below /proc/sys. As in sysctl(8), the
// first separator decides: after "net/ipv4/conf/eth0.5/…" dots belong to names.
func sysctlPath(key string) (string, error) {
	path := key
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '.' {
		path = strings.Map(func(r rune) rune {
			switch r {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return r
		}, key)
	}
	if !filepath.IsLocal(path) || filepath.Clean(path) != path || path == "." {
		return "", fmt.Errorf("cannot set %q: it is no kernel setting", key)
	}
	return path, nil
}
