package compose

import (
	"cmp"
	"fmt"
	stdpath "path"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Builds says whether the service's image comes from being built on this machine
// alone: no registry is asked for it.
func (s *Service) Builds() bool {
	from := []string{"", types.PullPolicyBuild, types.PullPolicyNever}
	return s.Spec.Build != nil && slices.Contains(from, s.Spec.PullPolicy)
}

// modernBuild puts dockerfile, of compose v1, below build.
func (d *draft) modernBuild(t *tree, at *path) {
	i := t.index("build")
	d.builds = d.builds || i >= 0
	e, ok := t.take("dockerfile")
	if !ok {
		return
	}
	i = t.index("build")
	switch {
	case i < 0:
		d.builds = true
		d.fail(e.pos, at.below("dockerfile"), "there is no build that it is for", "write build: FOLDER")
	case !t.entries[i].value.isScalar():
		d.fail(e.pos, at.below("dockerfile"), "belongs below build", "write it there")
	default:
		context := entry{key: "context", pos: t.entries[i].value.pos, value: t.entries[i].value}
		t.entries[i].value = newMap(t.entries[i].value.pos, context, e)
	}
}

// building reads a folder, or all that can be said of a build. What is relative
// begins where the file is.
func building(d decoder, t *tree, at *path, v reflect.Value) {
	var b types.BuildConfig
	switch {
	case t.isMap():
		d.fields(t, at, reflect.ValueOf(&b).Elem())
	case t.isScalar() && t.tag() == "!!str" && t.text != "":
		b.Context = t.text
	default:
		d.expected("a folder, or a map", t, at)
		return
	}
	b.Context = d.contextOf(t, at, cmp.Or(b.Context, "."))
	for name, context := range b.AdditionalContexts {
		b.AdditionalContexts[name] = d.contextOf(t, at.below("additional_contexts"), context)
	}
	v.Set(reflect.ValueOf(b))
}

// elsewhere begins contexts that are no folders of this machine.
var elsewhere = []string{"git@", "github.com/", types.ServicePrefix, "target:"}

// contextOf is where an image is built from.
func (d decoder) contextOf(t *tree, at *path, context string) string {
	begins := func(prefix string) bool { return strings.HasPrefix(context, prefix) }
	if strings.Contains(context, "://") || stdpath.IsAbs(context) || slices.ContainsFunc(elsewhere, begins) {
		return context
	}
	if !stdpath.IsAbs(t.pos.File) {
		d.fail(t.pos, at, fmt.Sprintf("the folder %q is not absolute", context), "write where it is on the machine")
		return context
	}
	return stdpath.Join(t.pos.Folder(), context)
}

// sshKeys reads the agents and keys that a build may use: a list of ID or ID=PATH,
// or a map.
func sshKeys(d decoder, t *tree, at *path, v reflect.Value) {
	var keys types.SSHConfig
	switch {
	case t.isMap():
		for _, e := range t.entries {
			keys = append(keys, types.SSHKey{ID: e.key, Path: e.value.plain()})
		}
	default:
		list, ok := d.textsOf(t, at)
		if !ok {
			return
		}
		for _, item := range list {
			id, file, _ := strings.Cut(item.(string), "=")
			keys = append(keys, types.SSHKey{ID: id, Path: file})
		}
	}
	v.Set(reflect.ValueOf(keys))
}

// readBuild completes what is said of a service's build, and finds its secrets.
func (b *builder) readBuild(d *draft) {
	spec := &d.svc.Spec
	if spec.Build == nil {
		return
	}
	if spec.Image == "" {
		owner := projectName
		if d.project != nil {
			owner = d.project.name
		}
		spec.Image = strings.ToLower(owner + "-" + d.part)
	}
	spec.Build.Args = d.vars.resolve(d.part, spec.Build.Args)
	at, pos := d.at.below("build"), d.tree.posOf("build")
	for _, ref := range spec.Build.Secrets {
		var object *types.FileObjectConfig
		if d.own != nil {
			object = d.own.Secrets[ref.Source]
		}
		switch {
		case object == nil:
			d.fail(pos, at.below("secrets"), fmt.Sprintf("secret %q is not declared", ref.Source), "declare it below secrets at the top of a whole compose file")
		case object.File == "":
			d.fail(pos, at.below("secrets"), fmt.Sprintf("secret %q of a build has no file", ref.Source), "give it a file")
		default:
			file := object.File
			if declared := d.own.top.get(secretKind.key).posOf(ref.Source); !stdpath.IsAbs(file) {
				file = stdpath.Join(declared.Folder(), file)
			}
			if d.svc.BuildSecrets == nil {
				d.svc.BuildSecrets = map[string]types.SecretConfig{}
			}
			d.svc.BuildSecrets[ref.Source] = types.SecretConfig{Name: ref.Source, File: file}
		}
	}
}
