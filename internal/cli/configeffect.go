package cli

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
)

// weighed is what a change of the user's layer would bring.
type weighed struct {
	// brought are the problems that were not there before: what is wrong in other
	// layers, or was in this one, must not keep anybody from mending it.
	brought cloudconfig.Report
	// leftOut is why the layer as a whole is not used, though the change may be
	// good; nil when it is used.
	leftOut cloudconfig.Report
	// overruled are the values that do not count, because a higher layer sets them:
	// what is wanted of the user's layer has not come about then.
	overruled []string
	effects   effects
}

// refused says that the change must be forced.
func (w weighed) refused() bool { return w.brought.Err() != nil }

// weigh compares the machine as it should be before and after a change of the
// user's layer, services and all. It needs no daemon.
func (a *app) weigh(old, text []byte) weighed {
	before, after := source.Propose(a.root, old), source.Propose(a.root, text)
	was, is := a.proposed(before), a.proposed(after)
	w := weighed{
		effects:   effectsOf(before.Layers, after.Layers, was.Project, is.Project),
		overruled: overruled(before.Layers, after.Layers),
	}
	w.brought = brought(a.problems(old, before, was), a.problems(text, after, is))
	if after.Own.Err() != nil {
		for _, p := range after.Own {
			if p.Severity == cloudconfig.Error && !slices.Contains(w.brought, p) {
				w.leftOut = append(w.leftOut, p)
			}
		}
	}
	return w
}

// overruled tells of each value that a change puts into the user's layer, and
// that a higher one sets too.
func overruled(before, after []cloudconfig.Layer) []string {
	all := cloudconfig.Merge(after...)
	var out []string
	for _, d := range cloudconfig.Compare(own(before), own(after)) {
		said := all.Explain(cloudconfig.ExportOptions{}, d.Path...).Statements
		i := slices.IndexFunc(said, func(s cloudconfig.Statement) bool { return s.Layer == source.OwnLayer })
		if i > 0 && said[i].Effect == cloudconfig.Overridden {
			higher := slices.IndexFunc(said[:i], func(s cloudconfig.Statement) bool { return s.Effect != cloudconfig.Overridden })
			out = append(out, fmt.Sprintf("%s has no effect as long as %s sets it too ('ros config explain %[1]s')",
				cloudconfig.JoinPath(d.Path...), where(said[max(0, higher)])))
		}
	}
	return out
}

// own is the user's layer by itself.
func own(layers []cloudconfig.Layer) cloudconfig.Merged {
	i := slices.IndexFunc(layers, func(l cloudconfig.Layer) bool { return l.Name == source.OwnLayer })
	if i < 0 {
		return cloudconfig.Merge()
	}
	return cloudconfig.Merge(layers[i])
}

// where is a layer, and its place where that tells more than its name.
func where(s cloudconfig.Statement) string {
	if s.Pos.Line == 0 {
		return "the " + s.Layer
	}
	return s.Pos.String()
}

func (a *app) proposed(p source.Proposal) servicectl.Desired {
	return desiredOf(a.root, p.Config, p.Report)
}

// problems are all that a text has, also those that are not looked for as long
// as the text is not used.
func (a *app) problems(text []byte, p source.Proposal, d servicectl.Desired) cloudconfig.Report {
	if p.Own.Err() == nil {
		return d.Report
	}
	return a.proposed(source.ProposeWhole(a.root, text)).Report
}

// brought are the problems of after that before has not; where they stand in
// their file does not matter, since a change moves lines.
func brought(before, after cloudconfig.Report) cloudconfig.Report {
	known := map[string]int{}
	key := func(p cloudconfig.Problem) string {
		return p.Pos.File + "\x00" + p.Path + "\x00" + p.Msg + "\x00" + p.Severity.String()
	}
	for _, p := range before {
		known[key(p)]++
	}
	var more cloudconfig.Report
	for _, p := range after {
		if known[key(p)]--; known[key(p)] < 0 {
			more = append(more, p)
		}
	}
	return more
}

// effects are what a change does to the machine, in words.
type effects struct {
	lines   []string
	disrupt bool // something that runs is stopped, or the network is touched
}

// String is the effects, one a line.
func (e effects) String() string {
	var b strings.Builder
	for _, line := range e.lines {
		b.WriteString("this " + line + "\n")
	}
	return b.String()
}

func (e *effects) add(disrupt bool, format string, args ...any) {
	e.lines = append(e.lines, fmt.Sprintf(format, args...))
	e.disrupt = e.disrupt || disrupt
}

func effectsOf(before, after []cloudconfig.Layer, was, is compose.Project) effects {
	var e effects
	e.services(was, is)
	old, now := cloudconfig.Merge(before...), cloudconfig.Merge(after...)
	for _, d := range cloudconfig.Compare(old, now) {
		if len(d.Path) > 0 && d.Path[0] == writeFiles {
			e.files(d, old, now)
			continue
		}
		e.setting(d)
	}
	return e
}

const writeFiles = "write_files"

// files tells of files that are written, and of those that nobody writes any more:
// they stay.
func (e *effects) files(d cloudconfig.Difference, old, now cloudconfig.Merged) {
	was, _ := old.Config() // what is wrong in them is told elsewhere
	is, _ := now.Config()
	in := func(f cloudconfig.WriteFile, files []cloudconfig.WriteFile) bool {
		return slices.ContainsFunc(files, func(o cloudconfig.WriteFile) bool { return reflect.DeepEqual(f, o) })
	}
	var forgotten []string
	for _, f := range was.WriteFiles {
		stays := slices.ContainsFunc(is.WriteFiles, func(o cloudconfig.WriteFile) bool { return f.Path == o.Path && f.Container == o.Container })
		if !stays {
			forgotten = append(forgotten, f.Path)
		}
	}
	isNew := func(f cloudconfig.WriteFile) bool { return !in(f, was.WriteFiles) }
	if len(forgotten) == 0 || slices.ContainsFunc(is.WriteFiles, isNew) {
		e.setting(d)
	}
	if len(forgotten) > 0 {
		e.add(false, "forgets files, which stay as they are: %s", strings.Join(forgotten, ", "))
	}
}

func (e *effects) services(was, is compose.Project) {
	names := map[string]bool{}
	for name := range was.Services {
		names[name] = true
	}
	for name := range is.Services {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, had := was.Services[name]
		after, has := is.Services[name]
		switch {
		case !had:
			e.add(false, "starts service %s", name)
		case !has && slices.Contains(is.Broken, name):
			e.add(false, "leaves service %s as it is, because its definition has an error", name)
		case !has:
			e.add(true, "stops and removes service %s", name)
		case before.Scope != after.Scope:
			e.add(true, "moves service %s from %s Docker to %s Docker", name, before.Scope, after.Scope)
		case before.Hash != after.Hash:
			e.add(true, "recreates service %s: %s", name, compose.ExplainDiff(before.Fields, after.Fields))
		}
	}
}

// areas are the parts of the machine that settings belong to, longest key first.
// What services are made from is told with the services.
var areas = []struct {
	key     string
	change  string
	disrupt bool
}{
	{"rancher.defaults.network", "changes the network", true},
	{"rancher.network.http_proxy", proxyChange, false},
	{"rancher.network.https_proxy", proxyChange, false},
	{"rancher.network.no_proxy", proxyChange, false},
	{"rancher.system_docker", "changes System Docker at the next boot", false},
	{"rancher.network", "changes the network", true},
	{"rancher.modules", "changes the kernel's modules", false},
	{"rancher.sysctl", "changes the kernel's settings", false},
	{"rancher.state", "changes the state disk at the next boot", false},
	{"rancher.password", "changes who can log in", false},
	{"rancher.ssh", "changes the SSH server", false},
	{"chpasswd", "changes who can log in", false},
	{"disable_root", "changes who can log in", false},
	{"groups", "changes who can log in", false},
	{"password", "changes who can log in", false},
	{"ssh_authorized_keys", "changes who can log in", false},
	{"ssh_import_id", "changes who can log in", false},
	{"ssh_pwauth", "changes who can log in", false},
	{"user", "changes who can log in", false},
	{"users", "changes who can log in", false},
	{"ssh_genkeytypes", "changes the SSH server", false},
	{"ssh_keys", "changes the SSH server", false},
	{"ca_certs", "changes whom the machine trusts", false},
	{"disk_setup", "prepares disks", false},
	{"fs_setup", "prepares disks", false},
	{"mounts", "changes what is mounted", false},
	{"swap", "changes what is mounted", false},
	{writeFiles, "writes files", false},
	{"fqdn", "changes the host name", false},
	{"hostname", "changes the host name", false},
	{"network", "changes the network", true},
	{"ntp", "changes where the time comes from", false},
	{"timezone", "changes the time zone", false},
}

// proxyChange is what a proxy changes beside the services, which are told.
const proxyChange = "changes the proxy of new shells, and of System Docker at the next boot"

// setting tells of a value that the machine itself follows.
func (e *effects) setting(d cloudconfig.Difference) {
	path := cloudconfig.JoinPath(d.Path...)
	for _, area := range areas {
		if path == area.key || strings.HasPrefix(path, area.key+".") {
			e.add(area.disrupt, "%s: %s %s", area.change, path, fromTo(d))
			return
		}
	}
}

func fromTo(d cloudconfig.Difference) string {
	orUnset := func(value string) string {
		if value == "" {
			return "(unset)"
		}
		return value
	}
	if d.Was == d.Is { // so both are redacted
		return "(value hidden)"
	}
	return orUnset(d.Was) + " → " + orUnset(d.Is)
}
