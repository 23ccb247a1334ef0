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
	connectionFlags(cmd)
	return group(cmd)
}

// connectionFlags are those by which RancherOS found and reached its daemons. There is
// one way here, the controller's socket: they are taken so that old scripts run, and do
// nothing.
func connectionFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	for _, name := range []string{"verbose", "debug", "tls", "tlsverify"} {
		flags.Bool(name, false, "does nothing")
		_ = flags.MarkHidden(name) // it is there
	}
	for _, name := range []string{"tlscacert", "tlscert", "tlskey", "configdir"} {
		flags.String(name, "", "does nothing")
		_ = flags.MarkHidden(name) // it is there
	}
}
