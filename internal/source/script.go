package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// ScriptDir has the scripts of user-data, in the order of their names.
const ScriptDir = SeedDir + "/scripts"

// Script is a script of vendor-data or user-data.
type Script struct {
	Name string // of its file in [ScriptDir]; names sort in the order of running
	From string // "user-data part 2 (ec2)"
	Data []byte
}

// Scripts are those of the datasource, vendor-data's first.
func (r Reading) Scripts() []Script { return r.scripts }

// SaveScripts makes the files below root what the reading says. A script is whole
// and may be run when its name is there.
func (r Reading) SaveScripts() error {
	dir := filepath.Join(r.copies.root, ScriptDir)
	have, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot list the scripts of user-data: %w", err)
	}
	if len(r.scripts) == 0 && len(have) == 0 {
		return nil
	}
	errs := []error{mkdirs(osDisk{}, dir)}
	for _, s := range r.scripts {
		errs = append(errs, writeScript(filepath.Join(dir, s.Name), s.Data))
	}
	for _, e := range have {
		if !slices.ContainsFunc(r.scripts, func(s Script) bool { return s.Name == e.Name() }) {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot keep the scripts of user-data: %w", err)
	}
	return nil
}

func writeScript(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	// Made aside and under a hidden name, so that nobody runs half of it.
	aside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	err := os.WriteFile(aside, data, 0o700)
	if err == nil {
		err = os.Chmod(aside, 0o700) // whatever the umask
	}
	if err == nil {
		err = os.Rename(aside, path)
	}
	return err
}

func (c *collector) script(from string, data []byte) {
	c.scripts = append(c.scripts, Script{Name: fmt.Sprintf("%03d", len(c.scripts)+1), From: from, Data: data})
}
