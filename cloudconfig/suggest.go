package cloudconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// suggestion is the hint for an unknown key: the known key that was probably
// meant, beside it or where it belongs.
func suggestion(key string, at *spot) string {
	known := at.place.keys()
	if at.parent == nil {
		known = slices.Concat(known, topLevelIgnored())
		if slices.Contains(schemaRoot.child("rancher").keys(), key) {
			return fmt.Sprintf("did you mean \"rancher.%s\"?", key)
		}
	}
	if at.parent != nil && at.parent.parent == nil && at.key == "rancher" && slices.Contains(schemaRoot.keys(), key) {
		return fmt.Sprintf("did you mean %q at the top of the file, not below rancher?", key)
	}
	best := Nearest(key, known)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

func topLevelIgnored() []string {
	keys := slices.Sorted(maps.Keys(ignoredKeys))
	return slices.DeleteFunc(keys, func(k string) bool { return strings.Contains(k, ".") })
}
