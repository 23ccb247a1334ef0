package setting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// sysctl writes kernel settings that differ.
func (p *pass) sysctl(context.Context) {
	keys := make([]string, 0, len(p.cfg.Rancher.Sysctl))
	for key := range p.cfg.Rancher.Sysctl {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		p.fail(p.setSysctl(key, p.cfg.Rancher.Sysctl[key]), "rancher", "sysctl", key)
	}
}

func (p *pass) setSysctl(key, value string) error {
	rel, err := sysctlPath(key)
	if err != nil {
		return err
	}
	if p.namespaced && !strings.HasPrefix(rel, "net/") {
		return nil // it is the host's
	}
	path := p.m.path(filepath.Join("/proc/sys", rel))
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if p.namespaced {
			return nil // what belongs to the host's network is not shown
		}
		return fmt.Errorf("cannot set %s: this kernel has no such setting", key)
	}
	// Some settings can be written but not read.
	if err == nil && slices.Equal(strings.Fields(string(old)), strings.Fields(value)) {
		return nil
	}
	p.do(fmt.Sprintf("set %s to %s", key, value), []string{"rancher", "sysctl", key}, func() error {
		if err := os.WriteFile(path, []byte(value+"\n"), 0o644); err != nil {
			return fmt.Errorf("cannot set %s to %q: %w", key, value, err)
		}
		return nil
	})
	return nil
}

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
