package cli

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
)

func (a *app) serviceValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check service files",
		Long: `Check service files: maps of services as in rancher.services, or compose files. It
needs no machine; names of services that other files have are not looked for.

Exit status: 0 the files can be used, 1 they have errors.`,
		Example: "  ros service validate web.yml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var report cloudconfig.Report
			for _, file := range args {
				found, err := a.checkServiceFile(file)
				if err != nil {
					return err
				}
				report = append(report, found...)
			}
			a.tell(report)
			if report.Err() != nil {
				return exit(1)
			}
			return nil
		},
	}
}

func (a *app) checkServiceFile(file string) (cloudconfig.Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	layer, report := cloudconfig.ParseLayer("service file", file, data)
	if report.Err() != nil {
		return report, nil //nolint:nilerr // the problems are the result
	}
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	cfg := cloudconfig.Config{}
	cfg.Rancher.ServicesInclude = map[string]bool{name: true}
	_, found := compose.Build(cfg, compose.Options{
		Definitions: map[string]cloudconfig.Document{name: layer.Doc}, ReadFile: readerIfThere(a.root),
	})
	return append(report, withoutUnknown(found)...), nil
}
