package cloudconfig

import "gopkg.in/yaml.v3"

// MergeHow says how the lists of a layer are merged. It is read with the layer,
// before anything is decoded, and is not part of the merged configuration.
type MergeHow struct{}

func (m *MergeHow) decode(*decoder, *yaml.Node, *spot) {}

// schema takes the two forms that have a meaning, each as a text of mergers or as
// a list of them.
func (m *MergeHow) schema(*generator, place) *jsonSchema {
	const (
		append    = `list\( *append *\)`
		dict      = `dict\(( *recurse_(array|list|dict) *,?)*\)`
		appending = `( *(` + append + `|` + dict + `|str\( *\)) *\+)*` + ` *` + append + ` *` + `(\+ *(` + dict + `|str\( *\)) *)*`
		replacing = ` *(list|dict)\( *(replace)? *\) *|` + ` *str\( *\) *`
	)
	text := &jsonSchema{Type: types("string", "null"), Pattern: "^(" + appending + "|(" + replacing + ")(\\+(" + replacing + "))*)$"}
	recurse, replace := []any{"recurse_array", "recurse_list", "recurse_dict"}, []any{"replace"}
	appends, str := merger("list", []any{"append"}), merger("str", nil)
	appends.Properties["settings"].MinItems = 1
	appends.Required = []string{"name", "settings"}
	appendingList := listOf(anyOf(appends, merger("dict", recurse), str))
	appendingList.Type, appendingList.Contains = "array", appends
	return anyOf(text, appendingList, listOf(anyOf(merger("list", replace), merger("dict", replace), str)))
}

// merger is one item of the longer form.
func merger(name string, settings []any) *jsonSchema {
	known := &jsonSchema{Type: types("array", "null"), Items: &jsonSchema{Enum: settings}}
	if settings == nil {
		known = &jsonSchema{Enum: []any{nil, []any{}}}
	}
	return &jsonSchema{
		Type: "object", Properties: map[string]*jsonSchema{"name": {Const: name}, "settings": known}, Required: []string{"name"},
	}
}
