package cloudconfig

import (
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"
)

// InstanceID is which machine meta-data says that this is: the same disk with
// another instance-id is another machine, on which what is done once is done
// again. It is empty when meta-data does not say.
func InstanceID(metaData []byte) string {
	return metaDataText(metaData, "instance-id", "instance_id", "uuid")
}

// SeedFrom is the address where meta-data says that the rest is, "" when it does
// not.
func SeedFrom(metaData []byte) string { return metaDataText(metaData, "seedfrom") }

// metaDataText is the first text that there is under one of these keys.
func metaDataText(metaData []byte, keys ...string) string {
	raw, _ := ParseLayer(layerMetaData, layerMetaData, jsonAsYAML(metaData))
	for _, key := range keys {
		n := raw.Doc.Lookup(key)
		if n != nil && n.Kind == yaml.ScalarNode && !isNull(n) && n.Value != "" {
			return n.Value
		}
	}
	return ""
}

// MergeMetaData is meta-data with what other meta-data says where it is silent.
// One that cannot be read is left out, and told in the error.
func MergeMetaData(above, below []byte) ([]byte, error) {
	var layers []Layer
	var errs []error
	for _, data := range [][]byte{below, above} {
		l, report := ParseLayer("", layerMetaData, jsonAsYAML(data))
		if err := report.Err(); err != nil {
			errs = append(errs, err)
			continue
		}
		if l.Doc.Root != nil {
			layers = append(layers, l)
		}
	}
	root := Merge(layers...).Doc.Root
	if root == nil {
		return nil, errors.Join(errs...)
	}
	out, err := yaml.Marshal(root)
	if err != nil {
		return nil, errors.Join(append(errs, fmt.Errorf("cannot write meta-data: %w", err))...)
	}
	return out, errors.Join(errs...)
}
