package cli

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Aliases: []string{"c"},
		Short:   "Look at and change the configuration",
		Long: `Look at and change the configuration.

The machine's configuration is merged from layers. 'set', 'unset' and 'merge'
write the user's own layer, /var/lib/rancher/conf/cloud-config.yml, and the
controller converges to it at once.`,
	}
	cmd.AddCommand(a.configGet(), a.configExplain(), a.configSet(), a.configUnset(), a.configMerge(), a.configExport(), a.configValidate())
	return cmd
}

func (a *app) merged() cloudconfig.Merged {
	layers, _ := source.Layers(a.root)
	return cloudconfig.Merge(layers...)
}

func (a *app) configGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get KEY",
		Short: "Print a value of the merged configuration",
		Long: `Print a value of the merged configuration: a scalar as it is, maps and lists as
YAML, and an empty line for a key that nobody set. Keys that hold dots are quoted.`,
		Example: `  ros config get hostname
  ros config get 'rancher.network.interfaces."eth1.100".dhcp'`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := cloudconfig.SplitPath(args[0])
			if err != nil {
				return err
			}
			merged := a.merged()
			node, ok := merged.Get(path...)
			if !ok {
				return a.print("\n")
			}
			text, err := cloudconfig.Render(node)
			if err != nil {
				return err
			}
			return a.print("%s", text)
		},
	}
}

func (a *app) configExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain KEY",
		Short:   "Say which layers set a value, the one in effect first",
		Example: "  ros config explain rancher.docker.log_driver",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := cloudconfig.SplitPath(args[0])
			if err != nil {
				return err
			}
			merged := a.merged()
			origins := merged.Origins(path...)
			if len(origins) == 0 {
				return fmt.Errorf("%s: not set", args[0])
			}
			slices.Reverse(origins)
			for i, o := range origins {
				effect := "overridden"
				if i == 0 {
					effect = "in effect"
				}
				if err := a.print("%s\t%s\t%s\n", o.Pos, effect, o.Value); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (a *app) configSet() *cobra.Command {
	return &cobra.Command{
		Use:   "set KEY VALUE",
		Short: "Set a value in the user's layer",
		Long: `Set a value in the user's layer. VALUE is YAML; text that is not YAML is taken as
it is. A result that would not validate is refused, and the file stays as it was.`,
		Example: `  ros config set hostname web1
  ros config set rancher.network.dns.nameservers '[9.9.9.9, 1.1.1.1]'`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := cloudconfig.SplitPath(args[0])
			if err != nil {
				return err
			}
			return a.edit(func(old []byte) ([]byte, error) { return cloudconfig.SetValue(old, path, args[1]) })
		},
	}
}

func (a *app) configUnset() *cobra.Command {
	return &cobra.Command{
		Use:     "unset KEY",
		Short:   "Remove a value from the user's layer",
		Example: "  ros config unset rancher.network.dns",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := cloudconfig.SplitPath(args[0])
			if err != nil {
				return err
			}
			return a.edit(func(old []byte) ([]byte, error) { return cloudconfig.UnsetValue(old, path) })
		},
	}
}

func (a *app) configMerge() *cobra.Command {
	var input string
	cmd := &cobra.Command{
		Use:     "merge",
		Short:   "Merge a cloud-config into the user's layer",
		Example: "  ros config merge -i web.yml\n  ros config merge < web.yml",
		Args:    cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			patch, err := a.read(input)
			if err != nil {
				return err
			}
			if _, report := source.ParseUserData("user-data", shown(input), patch); report.Err() != nil {
				return report.Err()
			}
			return a.edit(func(old []byte) ([]byte, error) { return cloudconfig.MergeInto(old, patch) })
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "-", "the `FILE` to merge; - is standard input")
	return cmd
}

// edit changes the user's layer, unless what comes out would not validate. The
// layers below are checked apart: what they have wrong must not keep the user
// from mending it here.
func (a *app) edit(change func([]byte) ([]byte, error)) error {
	return source.Update(a.root, func(old []byte) ([]byte, error) {
		data, err := change(old)
		if err != nil {
			return nil, err
		}
		layer, report := cloudconfig.ParseLayer("cloud-config", source.CloudConfigFile, data)
		if report.Err() == nil {
			report = append(report, cloudconfig.Validate(layer)...)
		}
		a.tell(report)
		if report.Err() != nil {
			a.complain("ros: nothing was changed\n")
			return nil, exit(1)
		}
		return data, nil
	})
}

// tell prints problems, one a line.
func (a *app) tell(report cloudconfig.Report) {
	for _, p := range report.Sorted() {
		a.complain("%s\n", p)
	}
}

func (a *app) configExport() *cobra.Command {
	var private, full bool
	var output string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the merged configuration",
		Example: `  ros config export
  ros config export --full --private -o /root/backup.yml`,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			layers, _ := source.Layers(a.root)
			if !full {
				layers = slices.DeleteFunc(layers, func(l cloudconfig.Layer) bool { return l.Name == "os-config" || l.Name == "oem" })
			}
			data, err := cloudconfig.Merge(layers...).Export(cloudconfig.ExportOptions{Private: private})
			if err != nil {
				return err
			}
			if output != "" {
				return source.WriteFile(output, data)
			}
			return a.print("%s", data)
		},
	}
	cmd.Flags().BoolVarP(&private, "private", "p", false, "with the secrets in it")
	cmd.Flags().BoolVarP(&full, "full", "f", false, "with the defaults of the system in it")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`, readable by its owner alone")
	return cmd
}

func (a *app) configValidate() *cobra.Command {
	var input, format string
	var strict bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check a cloud-config, or the whole configuration",
		Long: `Check a cloud-config file, or without -i every layer of this machine and its
services. Every problem is printed, with file:line:col.

Exit status: 0 clean, 1 errors, 2 warnings only, with --strict.`,
		Example: "  ros config validate -i user-data.yml\n  ros config validate -o json",
		Args:    cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			report, err := a.validate(input)
			if err != nil {
				return err
			}
			if format == "json" {
				if report == nil {
					report = cloudconfig.Report{}
				}
				if err := a.printJSON(report); err != nil {
					return err
				}
			} else {
				a.tell(report)
			}
			switch {
			case report.Err() != nil:
				return exit(1)
			case len(report) > 0 && strict:
				return exit(2)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "", "check `FILE` alone; - is standard input")
	cmd.Flags().BoolVar(&strict, "strict", false, "end with 2 when there are warnings")
	outputFlag(cmd, &format)
	return cmd
}

func (a *app) validate(input string) (cloudconfig.Report, error) {
	if input == "" {
		return desired(a.root).Report, nil
	}
	data, err := a.read(input)
	if err != nil {
		return nil, err
	}
	layer, report := source.ParseUserData("user-data", shown(input), data)
	if report.Err() == nil {
		report = append(report, cloudconfig.Validate(layer)...)
	}
	return report.Sorted(), nil
}

func (a *app) read(input string) ([]byte, error) {
	if input == "-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(input)
}

// shown is what positions call an input.
func shown(input string) string {
	if input == "-" {
		return "<standard input>"
	}
	return input
}
