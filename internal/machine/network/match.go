package network

import (
	"path"
	"sort"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// link is one interface as the kernel has it.
type link struct {
	Name     string
	Index    int
	MAC      string // lower case, colons
	Kind     string // "device", "bridge", "bond", "vlan", "veth" and so on
	Loopback bool
	Carrier  bool
}

// rank says how closely an entry names a link; the closest is the one in effect.
type rank int

const (
	noMatch rank = iota
	globMatch
	nameMatch
	macMatch
)

// match finds the entry that applies to a link: a MAC address beats an exact
// name, which beats a pattern. Among patterns the longest, as the most specific,
// is taken.
func match(entries map[string]cloudconfig.Interface, l link) (cloudconfig.Interface, bool) {
	best, bestRank, bestPattern := cloudconfig.Interface{}, noMatch, ""
	for _, key := range sortedKeys(entries) {
		pattern := entries[key].Match
		if pattern == "" {
			pattern = key
		}
		r := rankOf(pattern, l)
		if r > bestRank || r == bestRank && r == globMatch && len(pattern) > len(bestPattern) {
			best, bestRank, bestPattern = entries[key], r, pattern
		}
	}
	return best, bestRank != noMatch
}

func rankOf(pattern string, l link) rank {
	if mac, ok := macPattern(pattern); ok {
		// A bond, a bridge or a VLAN carries the address of a link below it.
		if l.Loopback || l.Kind == "bond" || l.Kind == "bridge" || l.Kind == "vlan" {
			return noMatch
		}
		if globs(mac, l.MAC) {
			return macMatch
		}
		return noMatch
	}
	switch {
	case pattern == l.Name:
		return nameMatch
	case ofContainers(l):
		return noMatch
	case globs(pattern, l.Name):
		return globMatch
	}
	return noMatch
}

// macPattern is the pattern after "mac:" or "mac=".
func macPattern(pattern string) (string, bool) {
	for _, prefix := range []string{"mac:", "mac="} {
		if mac, ok := strings.CutPrefix(pattern, prefix); ok {
			return strings.ToLower(mac), true
		}
	}
	return "", false
}

// globs matches with * and ? and [...]; a pattern that cannot be understood
// matches nothing.
func globs(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// ofContainers says that a link is the loopback or one that Docker made: only
// an entry of its exact name applies to it.
func ofContainers(l link) bool {
	return l.Loopback || l.Name == "docker0" || l.Name == "docker-sys" ||
		strings.HasPrefix(l.Name, "veth") || strings.HasPrefix(l.Name, "br-")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
