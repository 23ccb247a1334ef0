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
// Beside a disk that names an address nobody else is asked, as beside any disk.
func choose(wanted []string, o opening) (all []candidate, passed []source.Asked) {
	c := chooser{opening: o, seen: map[string]bool{}}
	table := kinds()
	if o.disk != nil {
		k, _ := kindNamed(table, "nocloud")
		c.take(k, "")
		return c.all, c.passed
	}
	for _, name := range []string{"cmdline", "nocloud"} {
		if k, _ := kindNamed(table, name); named(k, o) {
			c.take(k, "")
		}
	}
	for _, w := range wanted {
		name, arg, _ := strings.Cut(w, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		k, known := kindNamed(table, name)
		switch {
		case name == "":
		case name == "*":
			c.takeStarred(table)
		case known:
			c.take(k, arg)
		default:
			c.pass(name, "there is no such datasource")
		}
	}
	return c.all, c.passed
}

// chooser gathers candidates.
type chooser struct {
	opening opening
	seen    map[string]bool // by name
	all     []candidate
	passed  []source.Asked
}

func (c *chooser) takeStarred(table []kind) {
	for _, k := range table {
		if k.starred {
			c.take(k, "")
		}
	}
}

// take opens a datasource that was not seen yet.
func (c *chooser) take(k kind, arg string) {
	name := shownSource(k.name, arg)
	if c.seen[name] {
		return
	}
	c.seen[name] = true
	if k.here != nil && arg == "" && !k.here(c.opening.platform) {
		c.pass(name, "this is "+c.opening.platform.String())
		return
	}
	o := c.opening
	o.arg = arg
	d, err := k.open(o)
	if err != nil {
		c.pass(name, err.Error())
		return
	}
	c.all = append(c.all, candidate{name: name, source: d, network: k.network})
}

func (c *chooser) pass(name, reason string) {
	c.passed = append(c.passed, source.Asked{Name: name, Outcome: source.NotHere, Reason: reason})
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
