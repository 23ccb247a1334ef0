package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/setting"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl/plan"
)

// wholePlan is the plan of the services, and what would change beside them.
type wholePlan struct {
	plan.Plan
	Machine []setting.Change `json:"machine,omitempty"`
}

// machineChanges is what applying the configuration would change on the machine.
func (a *app) machineChanges(ctx context.Context) []setting.Change {
	cfg, _ := source.Read(a.root).Load() // what is wrong with it `ros status` tells
	return a.changesOf(ctx, cfg)
}

// changesOf is what applying a configuration would change on the machine. Where
// the controller has applied none yet, this is no machine of ours.
func (a *app) changesOf(ctx context.Context, cfg cloudconfig.Config) []setting.Change {
	if _, err := os.Stat(a.path(setting.RecordFile)); err != nil {
		return nil
	}
	return setting.Preview(ctx, cfg, a.root)
}

func changesText(changes []setting.Change) string {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "machine  %s  %s\n", c.Module, c.What)
	}
	return b.String()
}
