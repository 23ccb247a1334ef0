package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
)

func (a *app) configSchema() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of cloud-configs",
		Long: `Print the JSON Schema (draft 2020-12) of cloud-configs. An editor with YAML
language support completes and checks a cloud-config as it is typed, when the
line behind #cloud-config names the schema:

  # yaml-language-server: $schema=/path/of/cloud-config.schema.json`,
		Example: "  ros config schema -o cloud-config.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			schema, err := cloudconfig.JSONSchema()
			switch {
			case err != nil:
				return err
			case output != "":
				return os.WriteFile(output, schema, 0o644) // nothing in it is secret
			}
			return a.print("%s", schema)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`")
	return cmd
}
