package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
)

func (a *app) configImages() *cobra.Command {
	var input string
	cmd := &cobra.Command{
		Use:   "images",
		Short: "List the images of all services that are configured",
		Long: `List the images of all services of the configuration, one a line: those of every
layer and of the service files that services_include enables. With -i, those of
one cloud-config. It tells what a machine without a network must have with it.`,
		Example: `  ros config images
  ros config images -i web.yml | xargs -n1 docker pull`,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			d, err := a.desiredBy(input)
			if err != nil {
				return err
			}
			for _, image := range images(d.Project) {
				if err := a.print("%s\n", image); err != nil {
					return err
				}
			}
			if d.Report.Err() != nil {
				a.tell(d.Report)
				return exit(1)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "", "list those of `FILE` alone; - is standard input")
	return cmd
}

// desiredBy is what one cloud-config asks for, or the machine's configuration
// where none is given.
func (a *app) desiredBy(input string) (servicectl.Desired, error) {
	if input == "" {
		return desired(a.root), nil
	}
	data, err := a.read(input)
	if err != nil {
		return servicectl.Desired{}, err
	}
	layer, report := a.userData(shown(input), data)
	if layer.Doc.Root == nil { // empty, or what is wrong is in the report
		return servicectl.Desired{Report: report}, nil
	}
	cfg, found := cloudconfig.Merge(layer).Config()
	return desiredOf(a.root, cfg, append(report, found...)), nil
}

func images(p compose.Project) []string {
	var all []string
	for _, s := range p.Services {
		all = append(all, s.Spec.Image)
	}
	slices.SortFunc(all, strings.Compare)
	return slices.Compact(all)
}
