package machine

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// moduleTree is the modules of the running kernel that are in the image. It
// loads them without starting modprobe, which takes longer than loading.
type moduleTree struct {
	dir  string
	deps map[string][]string // by name: the file, then those it needs, as depmod wrote them
}

// openModules reads what needs what in the image.
func openModules() (moduleTree, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return moduleTree{}, fmt.Errorf("cannot read the kernel's name: %w", err)
	}
	dir := filepath.Join("/usr/lib/modules", unix.ByteSliceToString(name.Release[:]))
	data, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return moduleTree{}, fmt.Errorf("cannot read which modules there are: %w", err)
	}
	return moduleTree{dir: dir, deps: parseModulesDep(string(data))}, nil
}

// parseModulesDep reads lines of "kernel/a.ko: kernel/b.ko kernel/c.ko".
func parseModulesDep(text string) map[string][]string {
	deps := map[string][]string{}
	for line := range strings.Lines(text) {
		file, needs, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		deps[moduleName(file)] = append([]string{file}, strings.Fields(needs)...)
	}
	return deps
}

// moduleName is the kernel's spelling: "kernel/nls_iso8859-1.ko" is "nls_iso8859_1".
func moduleName(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".")
	return strings.ReplaceAll(name, "-", "_")
}

// load loads modules and what they need. A name that has no file is built into
// the kernel, or does not exist: neither is an error here.
func (t moduleTree) load(names ...string) error {
	var errs []error
	for _, name := range names {
		files := t.deps[moduleName(name)]
		for i := len(files) - 1; i >= 0; i-- { // what is needed comes last
			if err := loadModule(filepath.Join(t.dir, files[i])); err != nil {
				errs = append(errs, fmt.Errorf("cannot load %s: %w", files[i], err))
				break
			}
		}
	}
	return errors.Join(errs...)
}
