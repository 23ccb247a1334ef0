package compose

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	stdpath "path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
)

// draft is a service on its way into the project.
type draft struct {
	name string     // by which it is known to the builder: shop/web in a project
	part string     // as its file calls it: web
	at   *path      // rancher.services.ntp
	doc  string     // of services_include, "" for rancher.services
	tree *tree      // in today's keys
	own  *resources // what its compose file declares; nil when it is not from one
	vars variables
	svc  Service
	findings

	project  *project      // nil when it belongs to the machine's own
	base     *extension    // what it extends
	configs  []configField // of label io.rancher.os.config
	scale    int           // how many containers it is
	scaled   string        // the key that says so
	builds   bool          // it wants its image built
	inactive bool          // no profile of its is active, or it is no container
}

func (b *builder) newDraft(name, part string) *draft {
	return &draft{name: name, part: part, vars: b.vars, scale: 1, svc: Service{Name: name}}
}

// file is the compose file that is a project of its own which the service is
// from, "" when there is none.
func (d *draft) file() string {
	if d.project == nil {
		return ""
	}
	return d.project.path
}

func (d *draft) usable() bool { return d.tree != nil && !d.bad }

// collect makes a draft of every service that is defined.
func (b *builder) collect() {
	services := b.cfg.Rancher.Services
	keys := keyPositions(services)
	base := (&path{key: "rancher"}).below("services")
	for _, name := range slices.Sorted(maps.Keys(services)) {
		d := b.newDraft(name, name)
		d.at = base.below(name)
		b.drafts[name] = d
		def := services[name]
		if def.Node == nil {
			d.bad = true // not a map, which the configuration's own check reports
			continue
		}
		d.svc.Origin = def.Doc.Pos(def.Node)
		if key := keys[def.Node]; key != nil {
			d.svc.Origin = def.Doc.Pos(key)
		}
		d.tree = b.read(d, def.Doc, def.Node)
	}
	for _, name := range slices.Sorted(maps.Keys(b.opts.Definitions)) {
		b.collectDocument(name, b.opts.Definitions[name])
	}
	b.collectProjects()
}

// keyPositions maps the definitions of rancher.services to their keys.
func keyPositions(services cloudconfig.Services) map[*yaml.Node]*yaml.Node {
	keys := make(map[*yaml.Node]*yaml.Node, len(services))
	for _, def := range services {
		if parent := def.Doc.Lookup("rancher", "services"); parent != nil {
			for i := 0; i+1 < len(parent.Content); i += 2 {
				keys[parent.Content[i+1]] = parent.Content[i]
			}
		}
		break // all come from the one merged document
	}
	return keys
}

// read returns a definition with its variables replaced and in today's keys.
func (b *builder) read(d *draft, doc cloudconfig.Document, n *yaml.Node) *tree {
	r := reader{doc: doc, report: &d.report, expand: func(text string, pos cloudconfig.Pos) string {
		return b.expand(d, text, pos)
	}}
	before := len(d.report)
	t := r.read(n)
	d.svc.Written = writtenSum(n)
	d.bad = d.bad || d.report[before:].Err() != nil
	if !t.isMap() {
		d.expected("a map", t, d.at)
		return nil
	}
	d.modernise(t)
	return t
}

// expand replaces the variables of one text.
func (b *builder) expand(d *draft, text string, pos cloudconfig.Pos) string {
	lookup := func(name string) (string, bool) { return d.vars.lookup(d.part, name) }
	out, err := interpolate(text, lookup, func(name string) {
		d.warn(pos, d.at, fmt.Sprintf("variable %q is not set: it becomes empty", name),
			fmt.Sprintf("set rancher.environment.%s, or write $$ for a dollar sign", name))
	})
	if err == nil {
		return out
	}
	if required := (requiredError{}); errors.As(err, &required) {
		d.fail(pos, d.at, err.Error(), "set rancher.environment."+required.name)
		return text
	}
	const hint = "write $$ for a dollar sign"
	if d.doc == "" { // RancherOS knew no variables here
		d.warn(pos, d.at, err.Error()+": the text stays as written", hint)
		return text
	}
	d.fail(pos, d.at, err.Error(), hint)
	return text
}

// collectDocument makes drafts of a document of services_include: a map of
// services, or a whole compose file.
func (b *builder) collectDocument(name string, doc cloudconfig.Document) {
	if doc.Root == nil {
		return
	}
	top := &draft{doc: name, vars: b.vars}
	services, at := doc.Root, (*path)(nil)
	var own *resources
	if inner := doc.Lookup("services"); inner != nil && inner.Kind == yaml.MappingNode {
		services, at = inner, &path{key: "services"}
		own = b.readResources(top, doc)
		own.complete(cmp.Or(own.Name, strings.TrimSuffix(stdpath.Base(name), ".yml")), "", b.schema)
	}
	if top.report.Err() != nil {
		b.suspect = append(b.suspect, name)
	}
	b.report = append(b.report, top.report...)
	for i := 0; i+1 < len(services.Content); i += 2 {
		key, value := services.Content[i], services.Content[i+1]
		if own == nil && strings.HasPrefix(key.Value, "x-") {
			continue
		}
		d := b.newDraft(key.Value, key.Value)
		d.doc, d.at, d.own, d.svc.Origin = name, at.below(key.Value), own, doc.Pos(key)
		d.tree = b.read(d, doc, value)
		d.bad = d.bad || own.unusable()
		b.addDraft(d)
	}
}

// addDraft adds a service of a document. It is laid over a service of the same
// name of rancher.services; two documents cannot define the same one.
func (b *builder) addDraft(d *draft) {
	lower := b.drafts[d.name]
	switch {
	case lower == nil:
	case lower.doc != "":
		lower.fail(d.svc.Origin, d.at, fmt.Sprintf("service %q is defined twice, first at %s", d.name, lower.svc.Origin),
			"give one of them another name")
		b.suspect = append(b.suspect, d.doc)
		return
	case lower.tree != nil && d.tree != nil:
		d.tree = overlay(lower.tree, d.tree)
		d.svc.Written = joinedSum(lower.svc.Written, d.svc.Written)
		d.report = append(lower.report, d.report...)
		d.bad = d.bad || lower.bad
	}
	b.drafts[d.name] = d
}
