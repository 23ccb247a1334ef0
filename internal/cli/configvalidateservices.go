package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ros-os/ros"
	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/source"
)

// checkServices builds the services of a cloud-config over the default ones, as a
// machine would that has no other layers, and reports what is wrong in the
// cloud-config's own lines. The services of definitions that are not at hand here
// are nobody's mistake.
func (a *app) checkServices(file string, layer cloudconfig.Layer) cloudconfig.Report {
	defaults, err := a.defaultLayer()
	if err != nil {
		return cloudconfig.Report{{Pos: cloudconfig.Pos{File: file}, Msg: "its services are not checked: " + err.Error(), Severity: cloudconfig.Warning}}
	}
	cfg, _ := cloudconfig.Merge(defaults, layer).Config() // the caller has validated it
	loaded := catalogue.Load(cfg, catalogue.Options{Root: a.root})
	_, report := compose.Build(cfg, compose.Options{
		Definitions: loaded.Documents, Environment: facts(), ReadFile: readerIfThere(a.root),
	})
	if len(loaded.Report) > 0 {
		report = withoutUnknown(report)
	}
	var own cloudconfig.Report
	for _, p := range report {
		if p.Pos.File == file {
			own = append(own, p)
		}
	}
	return own
}

// defaultLayer is the default configuration of this machine, or on a workstation
// the one that ros was built with.
func (a *app) defaultLayer() (cloudconfig.Layer, error) {
	text, err := os.ReadFile(filepath.Join(a.root, source.OSConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = ros.OSConfig, nil
	}
	if err != nil {
		return cloudconfig.Layer{}, err
	}
	layer, report := cloudconfig.ParseLayer("os-config", source.OSConfigFile, text)
	return layer, report.Err()
}
