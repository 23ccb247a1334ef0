package compose

import (
	"cmp"
	"fmt"
	stdpath "path"
	"reflect"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// fileReference reads what a service says of a secret or config: its name, or
// settings.
func fileReference(d decoder, t *tree, at *path, v reflect.Value) {
	if t.isScalar() {
		d.scalar(t, at, v.FieldByName("Source"))
		return
	}
	d.fields(t, at, v)
}

// fileKind is what differs between secrets and configs.
type fileKind struct {
	key, singular, folder string
}

var (
	secretKind = fileKind{key: "secrets", singular: "secret", folder: "/run/secrets"}
	configKind = fileKind{key: "configs", singular: "config", folder: "/"}
)

// readFiles turns a service's secrets and configs into mounts of files of the
// machine, and into files to be written.
func (b *builder) readFiles(d *draft) {
	spec := &d.svc.Spec
	declaredSecrets, declaredConfigs := map[string]*types.FileObjectConfig{}, map[string]*types.FileObjectConfig{}
	if d.own != nil {
		declaredSecrets, declaredConfigs = d.own.Secrets, d.own.Configs
	}
	for _, s := range spec.Secrets {
		b.readFile(d, secretKind, types.FileReferenceConfig(s), declaredSecrets)
	}
	for _, c := range spec.Configs {
		b.readFile(d, configKind, types.FileReferenceConfig(c), declaredConfigs)
	}
	spec.Secrets, spec.Configs = nil, nil
}

func (b *builder) readFile(d *draft, kind fileKind, ref types.FileReferenceConfig, declared map[string]*types.FileObjectConfig) {
	pos, at := d.posInList(kind.key, ref.Source), d.at.below(kind.key)
	object, known := declared[ref.Source]
	if !known || object == nil {
		hint := fmt.Sprintf("declare it below %s at the top of a whole compose file", kind.key)
		if names := sortedKeys(declared); len(names) > 0 {
			hint = cmp.Or(didYouMean(ref.Source, names), hint)
		}
		d.fail(pos, at, fmt.Sprintf("%s %q is not declared", kind.singular, ref.Source), hint)
		return
	}
	target := cmp.Or(ref.Target, ref.Source)
	if !stdpath.IsAbs(target) {
		target = stdpath.Join(kind.folder, target)
	}
	declaredAt := d.own.top.get(kind.key).posOf(ref.Source)
	switch {
	case bool(object.External):
		d.fail(declaredAt, at, fmt.Sprintf("%s %q is external, which is Swarm's", kind.singular, ref.Source), "give it a file, environment or content")
	case object.File != "":
		b.mountFile(d, kind, object.File, target, declaredAt)
	case object.Environment != "":
		content, set := d.vars.lookup(d.part, object.Environment)
		if !set {
			d.fail(declaredAt, at, fmt.Sprintf("variable %q of %s %q is not set", object.Environment, kind.singular, ref.Source),
				"set rancher.environment."+object.Environment)
		}
		d.writeFile(kind, ref, target, content, pos)
	case object.Content != "" && kind == configKind:
		d.writeFile(kind, ref, target, object.Content, pos)
	default:
		d.fail(declaredAt, at, fmt.Sprintf("%s %q has no content", kind.singular, ref.Source), "give it a file or environment")
	}
}

// mountFile mounts a file of the machine, read-only. A relative path begins
// where the compose file is.
func (b *builder) mountFile(d *draft, kind fileKind, file, target string, pos cloudconfig.Pos) {
	if !stdpath.IsAbs(file) {
		file = stdpath.Join(pos.Folder(), file)
	}
	if b.opts.ReadFile != nil {
		if _, err := b.opts.ReadFile(file); err != nil {
			d.fail(pos, d.at.below(kind.key), fmt.Sprintf("cannot read %s: %v", file, err), "")
			return
		}
	}
	d.svc.Spec.Volumes = append(d.svc.Spec.Volumes, types.ServiceVolumeConfig{
		Type: types.VolumeTypeBind, Source: file, Target: target, ReadOnly: true,
		Bind: &types.ServiceVolumeBind{},
	})
}

// writeFile has a file written into the container.
func (d *draft) writeFile(kind fileKind, ref types.FileReferenceConfig, target, content string, pos cloudconfig.Pos) {
	at := d.at.below(kind.key)
	if d.svc.Spec.ReadOnly {
		d.fail(pos, at, fmt.Sprintf("%s %q cannot be written into a read-only container", kind.singular, ref.Source), "give it a file")
		return
	}
	f := File{Target: target, Content: content, Mode: 0o444}
	if ref.Mode != nil {
		f.Mode = int64(*ref.Mode)
	}
	var errUID, errGID error
	f.UID, errUID = strconv.Atoi(cmp.Or(ref.UID, "0"))
	f.GID, errGID = strconv.Atoi(cmp.Or(ref.GID, "0"))
	if errUID != nil || errGID != nil || f.Mode < 0 || f.Mode > 0o7777 {
		d.fail(pos, at, fmt.Sprintf("%s %q: uid, gid and mode must be numbers", kind.singular, ref.Source), "")
		return
	}
	d.svc.Files = append(d.svc.Files, f)
}

func sortedKeys(m map[string]*types.FileObjectConfig) []string {
	out := make([]string, 0, len(m))
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}
