package cloudconfig

import "gopkg.in/yaml.v3"

// ExportOptions say what an export shows. Zero is what may be passed on.
type ExportOptions struct {
	Private bool // secrets are shown, default redacted
	Origins bool // each line ends with a comment that says where it was written
}

// Export writes the effective configuration as YAML. Unless it is private,
// secrets are redacted, and what belongs to one login on one machine
// (rancher.password, rancher.autologin) is left out.
func (m Merged) Export(opts ExportOptions) ([]byte, error) {
	if m.Doc.Root == nil {
		return []byte("{}\n"), nil
	}
	root := m.shown(opts, m.Doc.Root, schemaRoot)
	if !opts.Private {
		removeKey(mappingValue(root, "rancher"), "password")
		removeKey(mappingValue(root, "rancher"), "autologin")
	}
	return encode(root)
}

// removeKey removes a key of a map, and reports whether it was there.
func removeKey(n *yaml.Node, key string) bool {
	if mappingValue(n, key) == nil {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = append(n.Content[:i], n.Content[i+2:]...)
			return true
		}
	}
	return false
}
