package cloudconfig

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// MetaValues are the texts, numbers and truth values that a datasource knows about
// the machine, by their paths in its meta-data.
type MetaValues struct{ root *yaml.Node }

// ParseMetaValues reads meta-data. Whether it can be read at all is for
// [ParseMetaData] to say; of one that cannot nothing is known.
func ParseMetaValues(data []byte) MetaValues {
	raw, _ := ParseLayer(layerMetaData, layerMetaData, jsonAsYAML(data))
	return MetaValues{raw.Doc.Root}
}

// Get is the value at a path such as [placement availability_zone]. Case and the
// choice of hyphen or underscore differ between datasources, and do not count.
func (m MetaValues) Get(path ...string) (string, bool) {
	n := m.root
	for _, key := range path {
		if n == nil || n.Kind != yaml.MappingNode {
			return "", false
		}
		n = metaKey(n, key)
	}
	if n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return "", false
	}
	return n.Value, true
}

func metaKey(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if metaName(n.Content[i].Value) == metaName(key) {
			return n.Content[i+1]
		}
	}
	return nil
}

func metaName(key string) string { return strings.ReplaceAll(strings.ToLower(key), "-", "_") }
