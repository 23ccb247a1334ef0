package cli

import (
	"io"
	"os"

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

The machine's configuration is merged from layers; 'ros config explain' tells
which of them said what. 'set', 'append', 'unset', 'merge', 'edit' and 'rollback'
write the user's own layer, /var/lib/rancher/conf/cloud-config.yml, and the
controller converges to it at once; with --try only for a while, unless 'ros
config confirm' keeps it. 'ros config history' lists what the layer was.`,
	}
	cmd.AddCommand(
		a.configGet(),
		a.configExplain(),
		a.configExport(),
		a.configValidate(),
		a.configImages(),
		a.configGenerate(),
		a.configSyslinux(),
		a.configSchema(),
	)
	cmd.AddCommand(a.configWriters()...)
	return group(cmd)
}

// merged is the merged configuration. What is wrong with its layers is one line
// on standard error: whoever looks at a value must know that some are not used.
func (a *app) merged() cloudconfig.Merged {
	layers, report := source.Layers(a.root)
	if report.Err() != nil {
		a.complain("ros: the configuration has errors; 'ros config validate' shows them\n")
	}
	return cloudconfig.Merge(layers...)
}

// tell prints problems, one a line.
func (a *app) tell(report cloudconfig.Report) {
	for _, p := range report.Sorted() {
		a.complain("%s\n", p)
	}
}

// read is the content of a file; "-" is standard input.
func (a *app) read(input string) ([]byte, error) {
	if input == "-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(input)
}

// deliver writes a result: to a file that is readable by its owner alone, or to
// standard output.
func (a *app) deliver(output string, data []byte) error {
	if output == "" || output == "-" {
		return a.print("%s", data)
	}
	return source.WriteFile(output, data)
}

// shown is what positions call an input.
func shown(input string) string {
	if input == "-" {
		return "<standard input>"
	}
	return input
}

// privateFlag adds -p, with which secrets are shown.
func privateFlag(cmd *cobra.Command, private *bool) {
	cmd.Flags().BoolVarP(private, "private", "p", false, "with the secrets in it")
}
