package cli

import (
	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
)

// onKey is what a command runs whose first argument is a key of the
// configuration; do gets the key split, and the arguments behind it.
func onKey(do func(cmd *cobra.Command, path, rest []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		path, err := cloudconfig.SplitPath(args[0])
		if err != nil {
			return err
		}
		return do(cmd, path, args[1:])
	}
}
