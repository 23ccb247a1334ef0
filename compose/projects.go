package compose

import (
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
)

// project is a compose file that is a project of its own.
type project struct {
	name  string
	path  string
	parts []string // its services, in the order written

	variables map[string]uint64 // its files of them, as in ProjectFile
}

// key is how a service of the project is known to the builder.
func (p *project) key(service string) string { return p.name + "/" + service }

var projectNames = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`) // docker compose's own rule

// ProjectName makes a project's name of a file's, as docker compose does of a
// folder's: what cannot stand in one is left out. It may be empty.
func ProjectName(file string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return -1
	}, strings.ToLower(file))
	return strings.TrimLeft(name, "_-")
}

// collectProjects makes drafts of the services of compose files that are
// projects of their own.
func (b *builder) collectProjects() {
	first := map[string]cloudconfig.Pos{} // who has a name
	for _, file := range b.opts.Files {
		if file.Broken {
			b.broken = append(b.broken, file.Path)
			continue
		}
		if file.Doc.Root == nil {
			continue
		}
		top := &draft{doc: file.Path, vars: newVariables(b.cfg, b.opts.Environment, file.Environment)}
		own := b.readResources(top, file.Doc)
		p := b.nameProject(top, own, file, first)
		if p != nil {
			own.complete(p.name, p.path, b.schema)
			b.collectParts(top, own, p, file.Doc)
		}
		if top.report.Err() != nil {
			b.broken = append(b.broken, file.Path)
		}
		b.report = append(b.report, top.report...)
	}
}

// nameProject is the project of a file; nil when it cannot have its name.
func (b *builder) nameProject(top *draft, own *resources, file ProjectFile, first map[string]cloudconfig.Pos) *project {
	name, pos, at := file.Name, cloudconfig.Pos{File: file.Path, Line: 1, Col: 1}, (*path)(nil)
	if own.Name != "" {
		name, pos, at = own.Name, own.top.get("name").pos, (*path)(nil).below("name")
	}
	if !projectNames.MatchString(name) {
		top.fail(pos, at, fmt.Sprintf("%q cannot be the name of a project", name),
			`write "name: NAME" at the top of the file, of lower case letters, digits, dashes and underscores`)
		return nil
	}
	if name == projectName {
		top.fail(pos, at, fmt.Sprintf("the project name %q is that of the machine's own services", name), `write another "name" at the top of the file`)
		return nil
	}
	if other, twice := first[name]; twice {
		top.fail(pos, at, fmt.Sprintf("the project name %q is already that of %s", name, other), `write another "name" at the top of one of the files`)
		return nil
	}
	first[name] = pos
	return &project{name: name, path: file.Path, variables: file.Variables}
}

// collectParts makes drafts of a project's services.
func (b *builder) collectParts(top *draft, own *resources, p *project, doc cloudconfig.Document) {
	services := doc.Lookup("services")
	if services == nil || services.Kind != yaml.MappingNode {
		top.fail(doc.Pos(doc.Root), (*path)(nil).below("services"), "the file defines no services", `write "services:" with a map of services`)
		return
	}
	at := &path{key: "services"}
	for i := 0; i+1 < len(services.Content); i += 2 {
		key, value := services.Content[i], services.Content[i+1]
		d := b.newDraft(p.key(key.Value), key.Value)
		d.doc, d.at, d.own, d.project, d.vars, d.svc.Origin = p.path, at.below(key.Value), own, p, top.vars, doc.Pos(key)
		d.tree = b.read(d, doc, value)
		d.bad = d.bad || own.unusable()
		d.svc.Variables = p.variables
		b.drafts[d.name] = d
		p.parts = append(p.parts, key.Value)
	}
}
