package engine

import (
	"os"

	dockercli "github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/docker/compose/v2/cmd/compatibility"
	commands "github.com/docker/compose/v2/cmd/compose"
	"github.com/docker/compose/v2/cmd/prompt"
	"github.com/docker/compose/v2/pkg/compose"
	"github.com/spf13/cobra"
)

// RunComposePlugin is the main of `docker compose`: Docker Compose itself,
// answered by this program because its library is linked in anyway. It exits
// the process when the command fails, as every plugin of the Docker CLI does.
func RunComposePlugin(version string) {
	if plugin.RunningStandalone() {
		os.Args = append([]string{"docker"}, compatibility.Convert(os.Args[1:])...)
	}
	plugin.Run(composeCommand, metadata.Metadata{
		SchemaVersion: "0.1.0",
		Vendor:        "Docker Inc.",
		Version:       version,
	}, command.WithUserAgent("compose/"+version))
}

func composeCommand(cli command.Cli) *cobra.Command {
	backend := compose.NewComposeService(cli, compose.WithPrompt(prompt.NewPrompt(cli.In(), cli.Out()).Confirm))
	cmd := commands.RootCommand(cli, backend)
	before := cmd.PersistentPreRunE
	cmd.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if err := plugin.PersistentPreRunE(cmd, args); err != nil {
			return err
		}
		if before == nil {
			return nil
		}
		return before(cmd, args)
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return dockercli.StatusError{StatusCode: 1, Status: err.Error()}
	})
	return cmd
}
