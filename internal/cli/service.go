package cli

import (
	"time"

	"github.com/spf13/cobra"
)

// settleTime is how long commands wait for services, unless told otherwise.
const settleTime = 2 * time.Minute

func (a *app) serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "service",
		Aliases: []string{"s"},
		Short:   "Enable, look at, and steer services",
		Long: `Enable, look at, and steer the services of this machine.

What is enabled is configuration: it is kept, and the controller makes the machine
follow. Everything else steers what runs now: 'stop', 'rm' and 'down' are words of
yours that hold until 'start' or 'up', or until the machine reboots.`,
		Example: `  ros service list
  ros service enable nfs
  ros service ps
  ros service logs -f network`,
	}
	cmd.AddCommand(
		a.serviceList(), a.serviceEnable(), a.serviceDisable(), a.serviceDelete(), a.serviceValidate(),
		a.servicePs(), a.serviceLogs(), a.serviceTop(),
		a.serviceUp(), a.serviceCreate(), a.servicePull(), a.serviceBuild(),
		a.serviceStart(), a.serviceStop(), a.serviceRestart(), a.serviceKill(), a.serviceRm(), a.serviceDown(),
	)
	return group(cmd)
}
