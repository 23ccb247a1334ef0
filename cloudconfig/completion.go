package cloudconfig

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// Keys are the keys that can stand below a path: those of the schema, and those
// that are there. More says of each whether something can stand below it.
func (m Merged) Keys(path ...string) (keys []string, more map[string]bool) {
	more = map[string]bool{}
	at := schemaRoot.below(path...)
	for _, key := range at.keys() {
		more[key] = at.child(key).isContainer()
	}
	if n, ok := m.Get(path...); ok && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			more[key] = more[key] || n.Content[i+1].Kind == yaml.MappingNode
		}
	}
	for key := range more {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, more
}
