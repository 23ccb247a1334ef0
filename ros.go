// Package ros holds the default configuration, os-config.yml, for those who have no
// machine at hand: who checks a cloud-config on a workstation wants to hear what a
// machine would say. It knows nothing else, and reads nothing.
package ros

import _ "embed"

// OSConfig is the text of os-config.yml.
//
//go:embed os-config.yml
var OSConfig []byte
