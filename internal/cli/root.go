package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) rootCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ros",
		Short: "Look at and change the machine: its configuration and its services",
		Long: `ros looks at and changes this machine.

What the machine should be is one configuration; the controller keeps System
Docker and User Docker converged to it. 'ros status' says how that stands,
'ros plan' what would be done next, 'ros config' and 'ros service' change it.`,
		Example: `  ros status --watch
  ros config set hostname web1
  ros service enable /var/lib/rancher/conf/web.yml
  ros plan -o json`,
		Version: a.build.Version,
	}
	cmd.SetVersionTemplate("version {{.Version}}\n")
	cmd.PersistentFlags().StringVar(&a.root, "root", "/", "act on the machine whose files are below `DIR`")
	cmd.PersistentFlags().StringVar(&a.socket, "socket", "/run/ros/controller.sock", "the controller's socket")
	hide(cmd, "root", "socket")
	cmd.Flags().BoolP("version", "v", false, "print the version")
	cmd.AddCommand(
		a.statusCommand(),
		a.planCommand(),
		a.whyCommand(),
		a.eventsCommand(),
		a.graphCommand(),
		a.waitCommand(),
		a.configCommand(),
		a.cloudInitCommand(),
		a.serviceCommand(),
		a.controllerCommand(),
	)
	return cmd
}

// group makes a command one that only has others below it: without any it tells which
// there are, and one that is not there is an error, which cobra says of the first
// command alone.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		hint := "'" + cmd.CommandPath() + " --help' lists the commands"
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return fmt.Errorf("unknown command %q for %q (%s)", args[0], cmd.CommandPath(), hint)
	}
	cmd.Args, cmd.SuggestionsMinimumDistance, cmd.DisableFlagsInUseLine = cobra.ArbitraryArgs, 2, true
	return cmd
}

// hide takes flags for tests and odd cases out of the help.
func hide(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		cmd.PersistentFlags().Lookup(name).Hidden = true
	}
}

// outputFlag adds -o, whose values are the formats that the command has.
func outputFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVarP(format, "output", "o", "text", "output `FORMAT`: text or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that does not exist
}
