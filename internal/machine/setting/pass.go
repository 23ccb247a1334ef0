package setting

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// pass is one application of a Config, or one look at what it would change.
type pass struct {
	m          *Machine
	cfg        cloudconfig.Config
	namespaced bool
	state      *state
	report     cloudconfig.Report

	module  string
	dry     bool // only say what would change
	changes []Change
	made    int // changes that succeeded
}

// Change is one thing that applying a Config changes.
type Change struct {
	Module string `json:"module"`
	What   string `json:"what"` // "write /etc/hosts"
}

// Preview says what applying cfg to the machine below root would change. It
// changes nothing.
func Preview(ctx context.Context, cfg cloudconfig.Config, root string) []Change {
	p := New(root).pass(cfg)
	p.dry = true
	p.applyAll(ctx, quick)
	p.applyAll(ctx, slow)
	p.previewFetches()
	p.previewCommands()
	return p.changes
}

// applyAll applies the modules of a stage.
func (p *pass) applyAll(ctx context.Context, s stage) {
	for _, mod := range modules() {
		if mod.stage != s {
			continue
		}
		if err := ctx.Err(); err != nil {
			p.module = mod.name
			p.fail(fmt.Errorf("cannot set %s: %w", mod.name, err))
			return
		}
		p.applyOne(ctx, mod)
	}
}

// applyOne applies one module, and notes how that went.
func (p *pass) applyOne(ctx context.Context, mod module) {
	before := len(p.report)
	p.module = mod.name
	if p.dry {
		mod.apply(p, ctx)
		return
	}
	end := p.m.record.begin(mod.name)
	mod.apply(p, ctx)
	end(p.report[before:])
}

// do makes a change. It is false when that failed.
func (p *pass) do(what string, path []string, change func() error) bool {
	p.note(what)
	if p.dry {
		return true
	}
	err := change()
	p.fail(err, path...)
	if err == nil {
		p.made++
	}
	return err == nil
}

// note says that something changes.
func (p *pass) note(what string) {
	p.changes = append(p.changes, Change{Module: p.module, What: what})
}

// put makes a file as it should be; it does nothing when it is. A file of write_files
// is what its user wrote.
func (p *pass) put(f file, path ...string) {
	if p.usersFile(f.path) {
		return
	}
	p.putFile(f, path...)
}

// usersFile says that the configuration itself has all that is in a file.
func (p *pass) usersFile(name string) bool {
	return slices.ContainsFunc(p.cfg.WriteFiles, func(f cloudconfig.WriteFile) bool {
		return !f.Append && f.HostPath() == name
	})
}

func (p *pass) putFile(f file, path ...string) {
	if isFile(p.m.path(f.path), f) {
		return
	}
	p.do("write "+f.path, path, func() error { return p.m.writeFile(f) })
}

// putText makes a file of root that everybody may read.
func (p *pass) putText(name, text string, path ...string) {
	p.put(file{path: name, data: []byte(text), mode: 0o644, uid: os.Getuid(), gid: os.Getgid()}, path...)
}

// drop removes a file, if it is there.
func (p *pass) drop(name string, path ...string) {
	if _, err := os.Lstat(p.m.path(name)); err != nil || p.usersFile(name) {
		return // there is nothing, nothing that can be reached, or something of the user's
	}
	p.do("remove "+name, path, func() error {
		if err := os.Remove(p.m.path(name)); err != nil {
			return fmt.Errorf("cannot remove %s: %w", name, err)
		}
		return nil
	})
}

// fail reports an error in what the value at path asks for.
func (p *pass) fail(err error, path ...string) {
	if err != nil {
		p.add(cloudconfig.Problem{Msg: err.Error()}, path)
	}
}

// warn reports something that is not done, and why.
func (p *pass) warn(msg, hint string, path ...string) {
	p.add(cloudconfig.Problem{Msg: msg, Hint: hint, Severity: cloudconfig.Warning}, path)
}

func (p *pass) add(problem cloudconfig.Problem, path []string) {
	problem.Path = strings.Join(p.cfg.AsWritten(path...), ".")
	if len(path) > 0 {
		problem.Pos = p.cfg.Pos(path...)
	}
	p.report = append(p.report, problem)
}
