package cloudconfig

import "gopkg.in/yaml.v3"

// InstanceID is which machine meta-data says that this is: the same disk with
// another instance-id is another machine, on which what is done once is done
// again. It is empty when meta-data does not say.
func InstanceID(metaData []byte) string {
	raw, _ := ParseLayer(layerMetaData, layerMetaData, jsonAsYAML(metaData))
	for _, key := range []string{"instance-id", "instance_id", "uuid"} {
		n := raw.Doc.Lookup(key)
		if n != nil && n.Kind == yaml.ScalarNode && !isNull(n) && n.Value != "" {
			return n.Value
		}
	}
	return ""
}
