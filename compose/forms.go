package compose

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// forms are the types that may be written in several ways, or as a text with a
// meaning. compose-go's own methods give the text its meaning; the shape is
// checked here, with positions.
func forms() map[reflect.Type]form {
	return map[reflect.Type]form{
		reflect.TypeFor[types.Mapping]():           pairs,
		reflect.TypeFor[types.MappingWithEquals](): pairs,
		reflect.TypeFor[types.Labels]():            pairs,
		reflect.TypeFor[types.Options]():           pairs,
		reflect.TypeFor[map[string]string]():       pairs,
		reflect.TypeFor[types.HostsList]():         hosts,

		reflect.TypeFor[types.StringList]():         texts,
		reflect.TypeFor[types.StringOrNumberList](): texts,
		reflect.TypeFor[types.ShellCommand]():       texts,
		reflect.TypeFor[types.HealthCheckTest]():    texts,

		reflect.TypeFor[types.Duration]():    text("a duration such as 10s or 1m30s"),
		reflect.TypeFor[types.UnitBytes]():   text("a size such as 512m or 1g"),
		reflect.TypeFor[types.NanoCPUs]():    text("a number of CPUs such as 0.5"),
		reflect.TypeFor[types.DeviceCount](): text(`a number, or "all"`),

		reflect.TypeFor[[]types.ServicePortConfig]():              ports,
		reflect.TypeFor[types.ServiceVolumeConfig]():              volume,
		reflect.TypeFor[types.DeviceMapping]():                    device,
		reflect.TypeFor[types.DependsOnConfig]():                  dependsOn,
		reflect.TypeFor[map[string]*types.ServiceNetworkConfig](): networks,
		reflect.TypeFor[types.UlimitsConfig]():                    ulimit,
		reflect.TypeFor[[]types.EnvFile]():                        envFiles,
		reflect.TypeFor[[]types.DeviceRequest]():                  deviceRequests,
		reflect.TypeFor[types.External]():                         external,
		reflect.TypeFor[types.BuildConfig]():                      building,
		reflect.TypeFor[types.SSHConfig]():                        sshKeys,
		reflect.TypeFor[types.ServiceSecretConfig]():              fileReference,
		reflect.TypeFor[types.ServiceConfigObjConfig]():           fileReference,
	}
}

// mapstructureDecoder is what compose-go's types with a text form are.
type mapstructureDecoder interface {
	DecodeMapstructure(value any) error
}

// give hands a checked value to compose-go's own decoding.
func (d decoder) give(value any, t *tree, at *path, v reflect.Value) {
	if err := v.Addr().Interface().(mapstructureDecoder).DecodeMapstructure(value); err != nil {
		d.fail(t.pos, at, err.Error(), "")
	}
}

// pairs reads a map of texts, or a list of KEY=VALUE.
func pairs(d decoder, t *tree, at *path, v reflect.Value) {
	const shape = "a map of texts, or a list of KEY=VALUE"
	m := t.pairs()
	if !m.isMap() {
		d.expected(shape, t, at)
		return
	}
	values := reflect.MakeMapWithSize(v.Type(), len(m.entries))
	for _, e := range m.entries {
		if !e.value.isScalar() {
			d.expected("a text", e.value, at.below(e.key))
			continue
		}
		if e.key == "" || e.key != strings.TrimSpace(e.key) {
			d.fail(e.pos, at, fmt.Sprintf("the name %q is empty or has spaces around it", e.key), "")
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		if item.Kind() == reflect.Pointer { // an environment knows unset from empty
			if !e.value.isNull() {
				s := e.value.plain()
				item.Set(reflect.ValueOf(&s))
			}
		} else if !e.value.isNull() {
			item.SetString(e.value.plain())
		}
		values.SetMapIndex(reflect.ValueOf(e.key), item)
	}
	v.Set(values)
}

// hosts reads extra_hosts: a map of addresses or lists of them, or a list of
// HOST=ADDRESS or HOST:ADDRESS.
func hosts(d decoder, t *tree, at *path, v reflect.Value) {
	switch {
	case t.isMap():
		m := make(map[string]any, len(t.entries))
		for _, e := range t.entries {
			if list, ok := d.textsOf(e.value, at.below(e.key)); ok {
				m[e.key] = list
			}
		}
		d.give(m, t, at, v)
	case t.isList():
		if list, ok := d.textsOf(t, at); ok {
			d.give(list, t, at, v)
		}
	default:
		d.expected("a map of addresses, or a list of HOST=ADDRESS", t, at)
	}
}

// texts reads a text or a list of texts; the type gives a lone text its meaning.
func texts(d decoder, t *tree, at *path, v reflect.Value) {
	if t.isScalar() && t.tag() != "!!bool" {
		d.give(t.text, t, at, v)
		return
	}
	if !t.isList() {
		d.expected("a text or a list of texts", t, at)
		return
	}
	if list, ok := d.textsOf(t, at); ok {
		d.give(list, t, at, v)
	}
}

// textsOf is a list of texts (or a lone one) as compose-go takes it.
func (d decoder) textsOf(t *tree, at *path) ([]any, bool) {
	items := []*tree{t}
	if t.isList() {
		items = t.items
	}
	out := make([]any, 0, len(items))
	for i, item := range items {
		if item.isNull() || !item.isScalar() {
			d.expected("a text", item, at.item(i))
			return nil, false
		}
		out = append(out, item.text)
	}
	return out, true
}

// text reads a text that has a meaning to its type.
func text(what string) form {
	return func(d decoder, t *tree, at *path, v reflect.Value) {
		if !t.isScalar() || t.tag() == "!!bool" {
			d.expected(what, t, at)
			return
		}
		var value any = t.text
		if n, ok := t.integer(); ok && v.Type() != reflect.TypeFor[types.Duration]() {
			value = n
		}
		if err := v.Addr().Interface().(mapstructureDecoder).DecodeMapstructure(value); err != nil {
			d.expected(what, t, at)
		}
	}
}

// ulimit reads a number, or soft and hard.
func ulimit(d decoder, t *tree, at *path, v reflect.Value) {
	if t.isScalar() {
		d.scalar(t, at, v.FieldByName("Single"))
		return
	}
	d.fields(t, at, v)
}

// external reads true or false, or the older form with a name.
func external(d decoder, t *tree, at *path, v reflect.Value) {
	if t.isMap() {
		d.fail(t.pos, at, "expected true or false, found a map", "write the name beside it, as name")
		return
	}
	d.scalar(t, at, v)
}

// dependsOn reads a list of names, or conditions by name.
func dependsOn(d decoder, t *tree, at *path, v reflect.Value) {
	deps := types.DependsOnConfig{}
	switch {
	case t.isList():
		names, _ := d.textsOf(t, at)
		for _, name := range names {
			deps[name.(string)] = types.ServiceDependency{Condition: types.ServiceConditionStarted, Required: true}
		}
	case t.isMap():
		for _, e := range t.entries {
			dep := types.ServiceDependency{Condition: types.ServiceConditionStarted, Required: true}
			d.value(e.value, at.below(e.key), reflect.ValueOf(&dep).Elem())
			deps[e.key] = dep
		}
	default:
		d.expected("a list of services, or a map of conditions", t, at)
	}
	v.Set(reflect.ValueOf(deps))
}

// networks reads a list of names, or settings by name.
func networks(d decoder, t *tree, at *path, v reflect.Value) {
	if !t.isList() {
		d.mapping(t, at, v)
		return
	}
	names, _ := d.textsOf(t, at)
	joined := make(map[string]*types.ServiceNetworkConfig, len(names))
	for _, name := range names {
		joined[name.(string)] = nil
	}
	v.Set(reflect.ValueOf(joined))
}

// envFiles reads a path, or a list of paths and settings.
func envFiles(d decoder, t *tree, at *path, v reflect.Value) {
	items := []*tree{t}
	if t.isList() {
		items = t.items
	}
	files := make([]types.EnvFile, 0, len(items))
	for i, item := range items {
		file := types.EnvFile{Required: true}
		if item.isScalar() && !item.isNull() {
			file.Path = item.text
		} else {
			d.fields(item, at.item(i), reflect.ValueOf(&file).Elem())
		}
		files = append(files, file)
	}
	v.Set(reflect.ValueOf(files))
}

// deviceRequests reads gpus and deploy's devices: "all", or a list of requests.
func deviceRequests(d decoder, t *tree, at *path, v reflect.Value) {
	if t.isScalar() && t.text == "all" {
		v.Set(reflect.ValueOf([]types.DeviceRequest{{Count: -1}}))
		return
	}
	d.list(t, at, v)
	requests := v.Interface().([]types.DeviceRequest)
	for i := range requests {
		switch r := &requests[i]; {
		case r.Count != 0 && len(r.IDs) > 0:
			d.fail(t.items[i].pos, at.item(i), `"count" and "device_ids" exclude each other`, "")
		case r.Count == 0 && len(r.IDs) == 0:
			r.Count = -1
		}
	}
}
