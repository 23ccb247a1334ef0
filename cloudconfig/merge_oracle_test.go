package cloudconfig

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

// TestMergeDoesWhatAPlainMergeOfMapsDoes compares with a second, simple merge,
// which knows no nodes, no positions, no marks of removal: it lays one layer
// after the other over a map, and removes at once.
func TestMergeDoesWhatAPlainMergeOfMapsDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		layers := drawLayers(t)
		var o oracle
		for _, l := range layers {
			text, err := encode(l.Doc.Root)
			require.NoError(t, err)
			var value map[string]any
			require.NoError(t, yaml.Unmarshal(text, &value))
			o.add(l.Name, value)
		}
		text, err := Merge(layers...).Export(ExportOptions{Private: true})
		require.NoError(t, err)
		got := map[string]any{}
		require.NoError(t, yaml.Unmarshal(text, &got))
		require.Equal(t, o.result(), got)
	})
}

type oracle struct {
	value   map[string]any
	fromKey []any // SSH keys of meta-data
}

func (o *oracle) add(name string, layer map[string]any) {
	appends := layer["merge_how"] != nil
	delete(layer, "merge_how")
	if keys, ok := layer["ssh_authorized_keys"]; ok {
		list, isList := keys.([]any)
		switch {
		case keys == nil:
			o.fromKey = nil
		case name == "meta-data" && isList:
			o.fromKey = append(o.fromKey, list...)
			delete(layer, "ssh_authorized_keys")
		}
	}
	o.value = overlay(o.value, layer, appends, nil).(map[string]any)
}

// overlay lays high over low; no value at all is nil.
func overlay(low, high any, appends bool, path []string) any {
	switch h := high.(type) {
	case map[string]any:
		out := map[string]any{}
		if l, ok := low.(map[string]any); ok {
			maps.Copy(out, l)
		}
		for key, v := range h {
			below := append(slices.Clone(path), key)
			inService := len(below) > 4 && below[0] == "rancher" && below[1] == "services"
			if v == nil && !inService {
				delete(out, key)
				continue
			}
			out[key] = overlay(out[key], v, appends, below)
		}
		return out
	case []any:
		if l, ok := low.([]any); ok && appends {
			return append(append([]any{}, l...), h...)
		}
	}
	return high
}

func (o *oracle) result() map[string]any {
	if o.value == nil {
		o.value = map[string]any{}
	}
	keys, has := o.value["ssh_authorized_keys"]
	list, isList := keys.([]any)
	if len(o.fromKey) == 0 || has && !isList {
		return o.value
	}
	for _, key := range o.fromKey {
		if !slices.ContainsFunc(list, func(k any) bool { return reflect.DeepEqual(k, key) }) {
			list = append(list, key)
		}
	}
	o.value["ssh_authorized_keys"] = list
	return o.value
}
