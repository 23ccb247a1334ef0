package cloudconfig

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// suggestion is the hint for an unknown key: the known key that was probably
// meant, beside it or where it belongs.
func suggestion(key string, at spot, known []string) string {
	if at.pattern == "" {
		known = slices.Concat(known, topLevelIgnored())
		if slices.Contains(keysOf(reflect.TypeFor[Rancher]()), key) {
			return fmt.Sprintf("did you mean \"rancher.%s\"?", key)
		}
	}
	if at.pattern == "rancher" && slices.Contains(keysOf(reflect.TypeFor[Config]()), key) {
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

// distance is the number of letters to add, remove, change or swap with their
// neighbour to make b of a. Keys that are longer than any known one are far.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest {
		return longest
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
