package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/catalogue"
)

func (a *app) serviceEnable() *cobra.Command {
	return &cobra.Command{
		Use:   "enable NAME…",
		Short: "Enable services: they are started, and after every boot",
		Long: `Enable services, each by

  the name of one that 'ros service list' shows,
  the absolute path of a file under /var/lib/rancher/conf, or
  an address: https://services.example.com/web.yml

A definition that is not on the machine is fetched now; one that cannot be used is
not enabled. From then on the copy on the machine counts, with and without the
network, and follows what is there about once a day. To have nothing but one
version, pin it: write #sha256= and its sum behind the address, or set
rancher.repositories.REPOSITORY.sha256.NAME.

The controller starts the services at once; 'ros wait' waits for them.`,
		Example: `  ros service enable nfs
  ros service enable /var/lib/rancher/conf/web.yml
  ros service enable https://services.example.com/web.yml`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeCatalogue,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg := fetchConfig(desired(a.root).Config, args...)
			if err := a.fetchDefinitions(cmd.Context(), cfg); err != nil {
				return err
			}
			for _, name := range args {
				if err := a.checkDefinition(cfg, name); err != nil {
					return err
				}
			}
			return a.include(cmd, args, func(old []byte, path []string) ([]byte, error) {
				return cloudconfig.SetValue(old, path, "true")
			})
		},
	}
}

// fetchConfig is the machine's configuration, with other services enabled.
func fetchConfig(cfg cloudconfig.Config, keys ...string) cloudconfig.Config {
	cfg.Rancher.ServicesInclude = map[string]bool{}
	for _, key := range keys {
		cfg.Rancher.ServicesInclude[key] = true
	}
	return cfg
}

// fetchDefinitions brings what a configuration enables onto the machine. Where
// that fails, a copy that is there will do.
func (a *app) fetchDefinitions(ctx context.Context, cfg cloudconfig.Config) error {
	f := a.newFetching(cfg)
	defer f.fetcher.Close()
	for _, w := range catalogue.InNetwork(a.root, cfg) {
		err := f.service(ctx, w.Key)
		if err == nil {
			continue
		}
		checked, found := copyOf(a.root, w)
		if !found || ctx.Err() != nil {
			a.complain("ros: %s was not enabled: %v\n", w.Key, err)
			return exit(1)
		}
		a.complain("ros: %v\nros: the copy on the machine is used, %s\n", err, age(time.Since(checked)))
	}
	return nil
}

// copyOf says whether there is a copy of a definition, and how old it is.
func copyOf(root string, w catalogue.Wanted) (checked time.Time, found bool) {
	for _, ref := range w.Refs {
		if p, ok := (catalogue.Cache{Root: root}).Get(ref.URL); ok && ref.Accepts(p.SHA256) {
			return p.Checked, true
		}
	}
	return time.Time{}, false
}

// checkDefinition refuses to enable what cannot be loaded.
func (a *app) checkDefinition(cfg cloudconfig.Config, name string) error {
	only := cloudconfig.Config{}
	only.Rancher.ServicesInclude = map[string]bool{name: true}
	only.Rancher.Repositories = cfg.Rancher.Repositories
	only.Rancher.Environment = cfg.Rancher.Environment
	loaded := catalogue.Load(only, catalogue.Options{Root: a.root})
	_, found := compose.Build(only, compose.Options{
		Definitions: loaded.Documents, Environment: facts(), ReadFile: readerBelow(a.root),
	})
	report := append(loaded.Report, withoutUnknown(found)...)
	if report.Err() != nil {
		a.tell(report)
		a.complain("ros: %s was not enabled\n", name)
		return exit(1)
	}
	return nil
}

// noSuchService begins what is said of a service that is nowhere.
const noSuchService = "no such service"

// withoutUnknown leaves out what only says that a service of the rest of the
// configuration, which is not looked at here, is missing.
func withoutUnknown(r cloudconfig.Report) cloudconfig.Report {
	return slices.DeleteFunc(r, func(p cloudconfig.Problem) bool { return strings.Contains(p.Msg, noSuchService) })
}

func (a *app) serviceDisable() *cobra.Command {
	return &cobra.Command{
		Use:   "disable NAME…",
		Short: "Disable services: their containers are stopped and removed",
		Long: `Disable services that are enabled: their containers are stopped and removed, and
they are not started any more. Their volumes and images stay.

A service that a cloud-config defines itself is not of this kind: 'ros service
stop' stops it, 'ros config unset rancher.services.NAME' does away with it.`,
		Example:           "  ros service disable nfs",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeEnabled,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.known(args); err != nil {
				return err
			}
			return a.include(cmd, args, func(old []byte, path []string) ([]byte, error) {
				return cloudconfig.SetValue(old, path, "false")
			})
		},
	}
}

func (a *app) serviceDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME…",
		Short: "Forget in the user's layer whether services are enabled",
		Long: `Forget in the user's layer, cloud-config.yml, whether services are enabled. What a
lower layer says holds again; where none says anything, the service is disabled.`,
		Example:           "  ros service delete nfs",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIncluded,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.known(args); err != nil {
				return err
			}
			return a.include(cmd, args, cloudconfig.UnsetValue)
		},
	}
}

// known refuses names that services_include does not have: a typing error would
// otherwise seem to have worked.
func (a *app) known(names []string) error {
	include := desired(a.root).Config.Rancher.ServicesInclude
	var err error
	for _, name := range names {
		if _, ok := include[name]; !ok {
			err = errors.Join(err, fmt.Errorf("%s: not enabled ('ros service list' shows what is)", name))
		}
	}
	return err
}

// include changes services_include. What that does to services is what was asked
// for, and is not told.
func (a *app) include(cmd *cobra.Command, names []string, change func(old []byte, path []string) ([]byte, error)) error {
	return a.write(cmd.Context(), writing{
		writeFlags: writeFlags{quiet: true},
		command:    fmt.Sprintf("service %s %s", cmd.Name(), strings.Join(names, " ")),
		edit: func(data []byte) ([]byte, error) {
			for _, name := range names {
				var err error
				if data, err = change(data, []string{"rancher", "services_include", name}); err != nil {
					return nil, err
				}
			}
			return data, nil
		},
	})
}
