package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ros-os/ros/cloudconfig"
)

// GoodDir has the last good copy of every layer, compose file and enabled service
// file of the user, below the root of the machine: what was read of it when the
// machine last converged with it.
const GoodDir = ConfDir + "/" + cloudconfig.GoodFolder

// maxCopies bounds how many layers have a copy, how many compose files, and how many
// service files; each is at most 1 MiB long.
const maxCopies = 64

// Reading is what one look at the layers and the compose files found. It is never
// changed.
type Reading struct {
	Layers []cloudconfig.Layer
	Report cloudconfig.Report // of each layer by itself

	Compose       []ComposeFile
	ComposeReport cloudconfig.Report // of each compose file by itself

	copies  copies
	scripts []Script
}

// Read is [Layers] and [ComposeFiles] for the one that keeps the good copies.
func Read(root string) Reading {
	c := collect(root, func(c *collector) { c.file(OwnLayer, root, CloudConfigFile) })
	r := Reading{Layers: c.layers, Report: c.report, copies: c.copies, scripts: c.scripts}
	r.Compose, r.ComposeReport = ComposeFiles(root)
	r.copies.keepCompose(r.Compose)
	return r
}

// Load is the typed configuration of a reading, with all problems, as of [Load].
func (r Reading) Load() (cloudconfig.Config, cloudconfig.Report) { return load(r.Layers, r.Report) }

// Keep makes the sound layers, compose files and service files of this reading the
// good copies, and forgets those of what is gone. It is called when the machine has
// converged.
func (r Reading) Keep() error {
	errs := []error{r.Forget()}
	for _, parts := range [][]part{r.copies.sound, r.copies.compose, r.copies.services} {
		for _, p := range parts[:min(len(parts), maxCopies)] {
			errs = append(errs, r.copies.write(p))
		}
	}
	return errors.Join(errs...)
}

// Forget removes the copies of layers, compose files and service files that somebody
// removed or disabled: such a one is not bad, and must not come back.
func (r Reading) Forget() error { return r.copies.forget() }

// copies are the good copies as one reading sees them.
type copies struct {
	root     string
	sound    []part   // layers as read, lowest first
	compose  []part   // compose files that can be read, with their variables
	services []part   // service files that can be read
	present  []string // keys of what is there, whatever is in it
	unsure   []string // beginnings of keys of what may be there, unseen
}

// copyKey names the copy of a layer that is a file: by its place below the
// folder of configuration, or by its name.
func copyKey(file string) string {
	if below, ok := strings.CutPrefix(file, ConfDir+"/"); ok {
		return below
	}
	return path.Base(file)
}

func (c copies) path(key string) string { return filepath.Join(c.root, GoodDir, key) }

// read is the copy of a key, and since when it is there; ok is false without one.
func (c copies) read(key string) (data []byte, kept time.Time, ok bool) {
	file := c.path(key)
	info, err := os.Stat(file)
	if err != nil {
		return nil, kept, false
	}
	data, err = readBounded(file)
	return data, info.ModTime(), err == nil
}

// write makes what was read of a part its copy. A copy that says the same stays
// as it is, with its date, so that boots do not wear the disk.
func (c copies) write(p part) error {
	file := c.path(p.key)
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, p.data) {
		return nil
	}
	err := mkdirs(osDisk{}, filepath.Dir(file))
	if err == nil {
		err = WriteFile(file, p.data)
	}
	if err != nil {
		return fmt.Errorf("cannot keep a good copy of %s: %w", p.file, err)
	}
	return nil
}

func (c copies) forget() error {
	var errs []error
	dir := filepath.Join(c.root, GoodDir)
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		key, err := filepath.Rel(dir, file)
		if err == nil && c.gone(key) {
			errs = append(errs, os.Remove(file))
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err = errors.Join(append(errs, err)...); err != nil {
		return fmt.Errorf("cannot forget the good copies of what is gone: %w", err)
	}
	return nil
}

// gone says that what a copy is of is surely not there.
func (c copies) gone(key string) bool {
	return !slices.Contains(c.present, key) &&
		!slices.ContainsFunc(c.unsure, func(beginning string) bool { return strings.HasPrefix(key, beginning) })
}

// useCopy takes the good copy of a part of which nothing can be used, and says so
// with the first error that was found in the part.
func (c *collector) useCopy(p part, found cloudconfig.Report) {
	if kept, ok := c.takeCopy(p); ok {
		found = found.Sorted()
		first := slices.IndexFunc(found, func(p cloudconfig.Problem) bool { return p.Severity == cloudconfig.Error })
		found[first] = restored(found[first], kept)
	}
	c.report = append(c.report, found...)
}

// CopyNote says that a copy is used, which there is since some time.
func CopyNote(kept time.Time) string {
	return fmt.Sprintf("the last good copy of %s is used", kept.UTC().Format("2006-01-02 15:04 UTC"))
}

// salvage is what is good of a part that has errors, with what its good copy has
// in the place of the rest. Where it has something, the report says so.
func (c *collector) salvage(p part, l cloudconfig.Layer, parsed cloudconfig.Report) (cloudconfig.Layer, cloudconfig.Report) {
	good, _, kept := c.goodCopy(p) // without one there is nothing to use
	s := cloudconfig.Salvage(l, good)
	for _, i := range s.Restored {
		s.Report[i] = restored(s.Report[i], kept)
	}
	return s.Layer, append(parsed, s.Report...)
}

// restored is a problem of which somebody need not fear that it stops anything.
func restored(p cloudconfig.Problem, kept time.Time) cloudconfig.Problem {
	note := CopyNote(kept)
	if p.Hint != "" {
		note = p.Hint + "; " + note
	}
	p.Hint = note
	return p
}

// takeCopy takes the good copy of a part, and tells from when it is.
func (c *collector) takeCopy(p part) (kept time.Time, ok bool) {
	l, unknown, kept := c.goodCopy(p)
	if kept.IsZero() {
		return kept, false
	}
	c.layers = append(c.layers, l)
	c.report = append(c.report, unknown...)
	return kept, true
}

// goodCopy reads the good copy of a part. The time is when it was kept, zero
// without a copy. One that is no longer sound, because this release is stricter,
// is none.
func (c *collector) goodCopy(p part) (l cloudconfig.Layer, unknown cloudconfig.Report, kept time.Time) {
	data, since, ok := c.copies.read(p.key)
	if !ok {
		return l, nil, kept
	}
	l, parsed := p.parse(p.name, path.Join(GoodDir, p.key), data)
	l, found, unknown := c.judge(l, parsed)
	if found.Err() != nil {
		return cloudconfig.Layer{}, nil, kept
	}
	return l, unknown, since
}

// unreadableFolder reports a folder of layers that cannot be listed, and uses the
// good copies of what was in it.
func (c *collector) unreadableFolder(name, dir string, err error) {
	below := copyKey(dir)
	c.copies.unsure = append(c.copies.unsure, below+"/")
	problem := cloudconfig.Problem{Pos: cloudconfig.Pos{File: dir}, Msg: "cannot be read: " + withoutPath(err).Error()}
	kept, _ := os.ReadDir(c.copies.path(below)) // sorted; without copies there is nothing to use
	for _, e := range kept {
		p := part{key: path.Join(below, e.Name()), name: name, parse: cloudconfig.ParseLayer}
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if _, ok := c.takeCopy(p); ok {
			problem.Hint = "the last good copies of its files are used"
		}
	}
	c.report = append(c.report, problem)
}
