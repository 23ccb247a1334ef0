package datasource

import (
	"slices"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// candidate is a datasource that is to be asked.
type candidate struct {
	name    string // as configured, without what may be secret
	source  Datasource
	network bool
}

// choose opens the datasources that are wanted and can be here, in order. Of the
// others it is told why they are not asked. What the kernel command line names
// comes first, whether it is wanted or not: somebody wrote it for this very boot.
func choose(wanted []string, o opening) (all []candidate, passed []source.Asked) {
	table := kinds()
	seen := map[string]bool{}
	take := func(k kind, arg string) {
		name := shownSource(k.name, arg)
		if seen[name] {
			return
		}
		seen[name] = true
		if k.here != nil && arg == "" && !k.here(o.platform) {
			passed = append(passed, source.Asked{Name: name, Outcome: source.NotHere, Reason: "this is " + o.platform.String()})
			return
		}
		o := o
		o.arg = arg
		d, err := k.open(o)
		if err != nil {
			passed = append(passed, source.Asked{Name: name, Outcome: source.NotHere, Reason: err.Error()})
			return
		}
		all = append(all, candidate{name: name, source: d, network: k.network})
	}
	for _, name := range []string{"cmdline", "nocloud"} {
		if k, _ := kindNamed(table, name); named(k, o) {
			take(k, "")
		}
	}
	for _, w := range wanted {
		name, arg, _ := strings.Cut(w, ":")
		if name = strings.ToLower(strings.TrimSpace(name)); name == "*" {
			for _, k := range table {
				if k.starred {
					take(k, "")
				}
			}
			continue
		}
		if k, known := kindNamed(table, name); known {
			take(k, arg)
		} else if name != "" {
			passed = append(passed, source.Asked{Name: name, Outcome: source.NotHere, Reason: "there is no such datasource"})
		}
	}
	return all, passed
}

func kindNamed(table []kind, name string) (kind, bool) {
	i := slices.IndexFunc(table, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return table[i], true
}

// named says whether the command line, or the firmware, names a datasource.
func named(k kind, o opening) bool {
	_, err := k.open(o)
	return err == nil
}

// shownSource is a datasource as it is told.
func shownSource(name, arg string) string {
	if arg == "" {
		return name
	}
	if strings.Contains(arg, "://") {
		arg = source.ShownURL(arg)
	}
	return name + ":" + arg
}
