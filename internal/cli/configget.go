package cli

import (
	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
)

func (a *app) configGet() *cobra.Command {
	var show cloudconfig.ExportOptions
	cmd := &cobra.Command{
		Use:   "get KEY",
		Short: "Print a value of the merged configuration",
		Long: `Print a value of the merged configuration: a scalar as it is, maps and lists as
YAML, and an empty line for a key that nobody set. Keys that hold dots are quoted.
Secrets are not shown unless --private asks for them.`,
		Example: `  ros config get hostname
  ros config get 'rancher.network.interfaces."eth1.100".dhcp'
  ros config get --origin rancher.docker`,
		Args: cobra.ExactArgs(1),
		RunE: onKey(func(_ *cobra.Command, path, _ []string) error {
			return a.showValue(show, path)
		}),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().BoolVar(&show.Origins, "origin", false, "with a comment that says where each value was written")
	privateFlag(cmd, &show.Private)
	return cmd
}

func (a *app) showValue(show cloudconfig.ExportOptions, path []string) error {
	text, err := a.merged().Show(show, path...)
	if err != nil {
		return err
	}
	if !show.Private && text != "\n" && cloudconfig.IsSecret(path...) {
		a.complain("ros: %s is secret; --private shows it\n", cloudconfig.JoinPath(path...))
	}
	return a.print("%s", text)
}
