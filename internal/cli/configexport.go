package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

func (a *app) configExport() *cobra.Command {
	var opts cloudconfig.ExportOptions
	var full bool
	var output string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the merged configuration",
		Long: `Print the merged configuration, as one cloud-config: without the defaults of the
system unless it is full, and without secrets unless it is private.`,
		Example: `  ros config export
  ros config export --origins
  ros config export --full --private -o /root/backup.yml`,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			layers, report := source.Layers(a.root)
			if report.Err() != nil {
				a.complain("ros: the configuration has errors; 'ros config validate' shows them\n")
			}
			if !full {
				layers = slices.DeleteFunc(layers, func(l cloudconfig.Layer) bool { return l.Name == "os-config" || l.Name == "oem" })
			}
			data, err := cloudconfig.Merge(layers...).Export(opts)
			if err != nil {
				return err
			}
			return a.deliver(output, data)
		},
	}
	privateFlag(cmd, &opts.Private)
	cmd.Flags().BoolVarP(&full, "full", "f", false, "with the defaults of the system in it")
	cmd.Flags().BoolVar(&opts.Origins, "origins", false, "with a comment on each line that says where it was written")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`, readable by its owner alone")
	return cmd
}
