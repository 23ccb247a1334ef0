package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/machine"
	"github.com/ros-os/ros/internal/machine/console"
	"github.com/ros-os/ros/internal/machine/device"
	"github.com/ros-os/ros/internal/machine/network"
)

// insideCommands are the mains of the default services: they are not for people.
func (a *app) insideCommands() []*cobra.Command {
	var cmds []*cobra.Command
	for _, c := range []struct {
		name, short string
		run         func(context.Context) error
	}{
		{"netconf", "Main of service network", network.Run},
		{"console-init", "Main of service console", console.Run},
		{"docker-init", "Main of service docker", machine.ExecUserDocker},
		{"udev-init", "Main of service udev", device.RunUdev},
		{"ntp-init", "Main of service ntp", device.RunNTP},
	} {
		cmds = append(cmds, &cobra.Command{
			Use: c.name, Short: c.short, Hidden: true, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
		})
	}
	return cmds
}
