package cli

import (
	"path/filepath"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/engine"
)

// loginFile is where `docker login` of root keeps credentials.
const loginFile = "/root/.docker/config.json"

// registryAuths are the registry credentials: of the last reading, and of docker
// login as it is now.
func (l *loader) registryAuths() map[string]cloudconfig.Auth {
	login, err := engine.DockerAuths(filepath.Join(l.root, loginFile))
	if err != nil {
		login = nil // loginProblems tells it
	}
	return engine.WithDockerAuths(l.lastConfig().Rancher.RegistryAuths, login)
}

// loginProblems are what is wrong with the file of docker login.
func (l *loader) loginProblems() cloudconfig.Report {
	_, err := engine.DockerAuths(filepath.Join(l.root, loginFile))
	if err == nil {
		return nil
	}
	return cloudconfig.Report{{Pos: cloudconfig.Pos{File: loginFile}, Msg: err.Error(), Severity: cloudconfig.Warning}}
}

// registryDomain is the machine's own registry.
func (l *loader) registryDomain() string {
	return l.lastConfig().Rancher.Environment["REGISTRY_DOMAIN"]
}

// preloadWait says whether pulls wait for preloaded images.
func (l *loader) preloadWait() bool { return l.lastConfig().Rancher.PreloadWait }

func (l *loader) lastConfig() cloudconfig.Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.config
}
