package compose

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// resources are the networks and volumes that a whole compose file declares.
type resources struct {
	Name     string                             `yaml:"name"`
	Networks map[string]*types.NetworkConfig    `yaml:"networks"`
	Volumes  map[string]*types.VolumeConfig     `yaml:"volumes"`
	Secrets  map[string]*types.FileObjectConfig `yaml:"secrets"`
	Configs  map[string]*types.FileObjectConfig `yaml:"configs"`

	top *tree // what is written
	bad bool
}

// unusable says that services cannot rely on what is declared.
func (r *resources) unusable() bool { return r != nil && r.bad }

// defaultNetwork is the network of a compose file's services that name none.
const defaultNetwork = "default"

// topKeys are the keys of a whole compose file, and why some cannot be had.
var topKeys = map[string]string{
	"services": "", "name": "", "version": "", "networks": "", "volumes": "", "secrets": "", "configs": "",
	"include": "include is not supported: make each file a project, or put the services into this one",
	"models":  "models are not supported",
}

// readResources reads the top of a whole compose file.
func (b *builder) readResources(top *draft, doc cloudconfig.Document) *resources {
	inner := &draft{doc: top.doc, vars: top.vars} // what services rely on
	r := reader{doc: doc, report: &inner.report, expand: func(text string, pos cloudconfig.Pos) string {
		return b.expand(inner, text, pos)
	}}
	kept := newMap(doc.Pos(doc.Root))
	for i := 0; i+1 < len(doc.Root.Content); i += 2 {
		key := doc.Root.Content[i]
		e := entry{key: key.Value, pos: doc.Pos(key)}
		why, known := topKeys[e.key]
		switch {
		case why != "":
			top.fail(e.pos, (*path)(nil).below(e.key), why, "")
		case !known && !strings.HasPrefix(e.key, "x-"):
			top.unknownKey(e, nil, slices.Sorted(maps.Keys(topKeys)))
		case known && e.key != "services" && e.key != "version":
			if e.value = r.read(doc.Root.Content[i+1]); e.value != nil {
				kept.entries = append(kept.entries, e)
			}
		}
	}
	own := resources{top: kept}
	decoder{schema: b.schema, findings: &inner.findings}.fields(kept, nil, reflect.ValueOf(&own).Elem())
	top.report = append(top.report, inner.report...)
	own.bad = inner.report.Err() != nil
	return &own
}

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)

// complete gives every network and volume the name that it has in Docker (its
// own, its key when it is external, else "PROJECT_KEY" as compose names it), and
// the labels by which it is known as the project's. file is the project's, where
// it is one of its own.
func (r *resources) complete(name, file string, s *schema) {
	project := strings.TrimLeft(notInNames.ReplaceAllString(name, "-"), "_.-")
	nameFor := func(name, key string, external types.External) string {
		switch {
		case name != "":
			return name
		case bool(external):
			return key
		}
		return project + "_" + key
	}
	if r.Networks == nil {
		r.Networks = map[string]*types.NetworkConfig{}
	}
	if r.Networks[defaultNetwork] == nil {
		r.Networks[defaultNetwork] = nil
	}
	for key, n := range r.Networks {
		if n == nil {
			n = &types.NetworkConfig{}
			r.Networks[key] = n
		}
		n.Name = nameFor(n.Name, key, n.External)
		if !n.External {
			n.CustomLabels = s.mark(reflect.ValueOf(*n), project, file)
			n.CustomLabels[LabelComposeNetwork] = key
		}
	}
	for key, v := range r.Volumes {
		if v == nil {
			v = &types.VolumeConfig{}
			r.Volumes[key] = v
		}
		v.Name = nameFor(v.Name, key, v.External)
		if !v.External {
			v.CustomLabels = s.mark(reflect.ValueOf(*v), project, file)
			v.CustomLabels[LabelComposeVolume] = key
		}
	}
}

// attach gives a service its networks by their names in Docker.
func (d *draft) attach() {
	spec := &d.svc.Spec
	if spec.NetworkMode != "" {
		if len(spec.Networks) > 0 {
			d.fail(d.tree.posOf("networks"), d.at.below("networks"), "cannot be used together with network_mode", "remove one of them")
		}
		return
	}
	if d.own == nil && len(spec.Networks) == 0 {
		spec.NetworkMode = "bridge" // what a RancherOS service gets
		return
	}
	joined := spec.Networks
	if len(joined) == 0 {
		joined = map[string]*types.ServiceNetworkConfig{defaultNetwork: nil}
	}
	if d.project != nil || d.scale > 1 { // others know it by the name that is written
		joined = withAlias(joined, d.part)
	}
	spec.Networks = make(map[string]*types.ServiceNetworkConfig, len(joined))
	d.svc.Networks = make(map[string]types.NetworkConfig, len(joined))
	for _, key := range slices.Sorted(maps.Keys(joined)) {
		network := &types.NetworkConfig{Name: key, External: true} // somebody makes it
		if d.own != nil {
			network = d.own.Networks[key]
		}
		if network == nil {
			hint := didYouMean(key, slices.Sorted(maps.Keys(d.own.Networks)))
			d.fail(d.posInList("networks", key), d.at.below("networks"), fmt.Sprintf("network %q is not declared", key),
				cmp.Or(hint, "declare it below networks at the top of the file"))
			continue
		}
		spec.Networks[network.Name] = joined[key]
		d.svc.Networks[network.Name] = *network
	}
}

// withAlias makes a service known in its networks by one more name.
func withAlias(joined map[string]*types.ServiceNetworkConfig, name string) map[string]*types.ServiceNetworkConfig {
	out := make(map[string]*types.ServiceNetworkConfig, len(joined))
	for key, config := range joined {
		var own types.ServiceNetworkConfig
		if config != nil {
			own = *config
		}
		if !slices.Contains(own.Aliases, name) {
			own.Aliases = append(slices.Clone(own.Aliases), name)
		}
		out[key] = &own
	}
	return out
}

// nameVolumes gives the volumes of a whole compose file's service their names in
// Docker. In other definitions a volume's name is as written.
func (d *draft) nameVolumes() {
	for i, v := range d.svc.Spec.Volumes {
		if d.own == nil || v.Type != types.VolumeTypeVolume || v.Source == "" {
			continue
		}
		declared := d.own.Volumes[v.Source]
		if declared == nil {
			hint := didYouMean(v.Source, slices.Sorted(maps.Keys(d.own.Volumes)))
			d.fail(d.posInList("volumes", v.Source), d.at.below("volumes"), fmt.Sprintf("volume %q is not declared", v.Source),
				cmp.Or(hint, "declare it below volumes at the top of the file"))
			continue
		}
		d.svc.Spec.Volumes[i].Source = declared.Name
		if d.svc.Volumes == nil {
			d.svc.Volumes = map[string]types.VolumeConfig{}
		}
		d.svc.Volumes[declared.Name] = *declared
	}
}

// posInList is where a list or map of a service names something: the item that
// begins with the name, or the whole list.
func (d *draft) posInList(key, name string) cloudconfig.Pos {
	list := d.tree.get(key)
	if list == nil {
		return d.svc.Origin
	}
	if list.index(name) >= 0 {
		return list.posOf(name)
	}
	for _, item := range list.items {
		if first, _, _ := strings.Cut(item.text, ":"); first == name {
			return item.pos
		}
		if source := item.get("source"); source != nil && source.text == name {
			return source.pos
		}
	}
	return list.pos
}
