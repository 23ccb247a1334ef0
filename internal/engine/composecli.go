package engine

import (
	"io"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/docker/client"
)

// composeCLI is the command line that Compose believes it runs in. It says
// nothing, and reads no configuration of Docker's own command line.
type composeCLI struct {
	*command.DockerCli
	api  client.APIClient
	file *configfile.ConfigFile // nil: an empty one
}

// silentCLI is a command line without input and output.
func silentCLI() (*command.DockerCli, error) {
	return command.NewDockerCli(
		command.WithInputStream(io.NopCloser(strings.NewReader(""))),
		command.WithCombinedStreams(io.Discard),
	)
}

// Client is the client to use, whatever the environment says.
func (c composeCLI) Client() client.APIClient { return c.api }

// ConfigFile is the one that is given, and not the user's: registry credentials
// and proxies are the controller's.
func (c composeCLI) ConfigFile() *configfile.ConfigFile {
	if c.file != nil {
		return c.file
	}
	return configfile.New("")
}

// CurrentContext is the default one.
func (c composeCLI) CurrentContext() string { return command.DefaultContextName }

// ServerInfo describes this system.
func (c composeCLI) ServerInfo() command.ServerInfo {
	return command.ServerInfo{OSType: "linux", HasExperimental: false}
}
