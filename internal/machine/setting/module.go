package setting

import "context"

// stage says when a module is applied.
type stage int

const (
	quick stage = iota // at once, at boot and at every change
	slow               // the same, in the background: it may take long
)

// module is one thing that is made to match. Its name is the one in the record.
type module struct {
	name  string
	stage stage
	apply func(*pass, context.Context)
}

// modules are in order: what services wait for comes first, users before the
// files that they may own, disks before what is mounted from them. The commands
// of the configuration come behind all of them, see [commands]; bootcmd comes
// before the slow ones.
func modules() []module {
	return []module{
		{"hostname", quick, (*pass).hostname},
		{"network", quick, (*pass).handOverNetwork},
		{"console", quick, (*pass).handOverConsole},
		{"ntp", quick, (*pass).handOverTime},
		{"modules", quick, (*pass).modules},
		{"sysctl", quick, (*pass).sysctl},
		{"timezone", quick, (*pass).timezone},
		{"locale", quick, (*pass).locale},
		{"ca_certs", quick, (*pass).certificates},
		{"users", quick, (*pass).users},
		{"write_files", quick, (*pass).writeFiles},
		{"proxy", quick, (*pass).profile},

		{"random_seed", slow, (*pass).randomSeed},
		{"keyboard", slow, (*pass).keyboard},
		{"disk_setup", slow, (*pass).diskSetup},
		{"fs_setup", slow, (*pass).fsSetup},
		{"growpart", slow, (*pass).growpart},
		{"mounts", slow, (*pass).mounts},
		{"swap", slow, (*pass).swap},
		{"write_files_deferred", slow, (*pass).writeDeferred},
	}
}
