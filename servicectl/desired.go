package servicectl

import (
	"reflect"
	"slices"

	"github.com/ros-os/ros/cloudconfig"
)

// Waiting is something that the configuration asks for and that is not there yet.
type Waiting struct {
	Name string // as it is enabled: what it will be is not known yet
	For  string // "the network"
	Why  string // it has not come yet; may be empty
}

// unsure says whether what the configuration lacks may be lacking by mistake:
// there is an error outside of the compose files that are projects of their own.
// An error in one of those is that project's business alone.
func (d Desired) unsure() bool {
	return slices.ContainsFunc(d.Report, func(p cloudconfig.Problem) bool {
		return p.Severity == cloudconfig.Error && !slices.Contains(d.Project.BrokenFiles, p.Pos.File)
	})
}

// same says whether another reading asks for nothing else.
func (d Desired) same(o Desired) bool {
	return len(o.Changes) == 0 && reflect.DeepEqual(d.Config, o.Config) && reflect.DeepEqual(d.Project, o.Project) &&
		reflect.DeepEqual(d.Report, o.Report) && reflect.DeepEqual(d.Waiting, o.Waiting)
}
