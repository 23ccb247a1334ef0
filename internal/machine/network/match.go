package network

import (
	"path"
	"slices"
	"strings"
)

// rank says how closely an entry names a link; the closest is the one in effect.
type rank int

const (
	noMatch rank = iota
	globMatch
	driverMatch
	nameMatch
	macMatch
)

// matched is the entry that is in effect for a link, and where it comes from.
type matched struct {
	Entry
	doc int
	by  rank
}

// match finds the entry that applies to a link: the highest source that has one
// for it. In one source a MAC address beats an exact name, which beats a
// pattern. Among patterns the longest, as the most specific, is taken.
func match(docs []Document, l link) (matched, bool) {
	for i, doc := range docs {
		best := matched{doc: i}
		for _, e := range doc.Entries {
			r := rankOf(e, l)
			if r > best.by || r == best.by && r == globMatch && len(e.Match.Name) > len(best.Match.Name) {
				best.Entry, best.by = e, r
			}
		}
		if best.by != noMatch {
			return best, true
		}
	}
	return matched{}, false
}

func rankOf(e Entry, l link) rank {
	m, best := e.Match, noMatch
	if m.Name != "" {
		switch {
		case m.Name == l.Name:
			best = nameMatch
		case e.SetName != "" && e.SetName == l.Name && m.MAC == "": // it was given that name
			best = nameMatch
		case !ofContainers(l) && globs(m.Name, l.Name):
			best = globMatch
		default:
			return noMatch
		}
	}
	if len(m.Driver) > 0 {
		fits := slices.ContainsFunc(m.Driver, func(pattern string) bool { return globs(pattern, l.Driver) })
		if !fits || best != nameMatch && ofContainers(l) {
			return noMatch
		}
		best = max(best, driverMatch)
	}
	if m.MAC != "" {
		// A bond, a bridge or a VLAN carries the address of a link below it.
		if l.Loopback || l.Kind == "bond" || l.Kind == "bridge" || l.Kind == "vlan" || !globs(m.MAC, l.ownMAC()) {
			return noMatch
		}
		if ofContainers(l) && m.MAC != l.ownMAC() { // a container's end of a cable has any address
			return noMatch
		}
		best = macMatch
	}
	return best
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
// an entry of its exact name or address applies to it.
func ofContainers(l link) bool {
	return l.Loopback || l.Name == "docker0" || l.Name == "docker-sys" ||
		strings.HasPrefix(l.Name, "veth") || strings.HasPrefix(l.Name, "br-")
}
