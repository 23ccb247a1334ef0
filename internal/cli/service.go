package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/servicectl"
)

func (a *app) serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "service",
		Aliases: []string{"s"},
		Short:   "Enable, look at, and steer services",
	}
	cmd.AddCommand(
		a.serviceList(), a.serviceEnable(), a.serviceDisable(), a.serviceDelete(),
		a.servicePs(), a.serviceLogs(), a.serviceUp(), a.serviceValidate(),
		a.serviceVerb("start", "Start services that were stopped", (*servicectl.Client).Start),
		a.serviceVerb("stop", "Stop services, until they are started again or the machine reboots", (*servicectl.Client).Stop),
		a.serviceVerb("restart", "Stop and start services once", (*servicectl.Client).Restart),
	)
	return cmd
}

func (a *app) serviceList() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the services that can be enabled",
		Args:  cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			d := desired(a.root)
			states := map[string]bool{}
			entries, err := catalogue.List(a.root)
			if err != nil {
				return err
			}
			for _, e := range entries {
				states[e.Name] = false
			}
			if all {
				for name := range d.Config.Rancher.Services {
					states[name] = true
				}
			}
			maps.Copy(states, d.Config.Rancher.ServicesInclude)
			for _, name := range slices.Sorted(maps.Keys(states)) {
				word := "disabled"
				if states[name] {
					word = "enabled "
				}
				if err := a.print("%s %s\n", word, name); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "with the services of the system itself")
	return cmd
}

func (a *app) serviceEnable() *cobra.Command {
	return &cobra.Command{
		Use:   "enable NAME…",
		Short: "Enable services: they are started, and after every boot",
		Long: `Enable services by the name of a catalogue entry, or by the absolute path of a
file under /var/lib/rancher/conf. The controller starts them at once.`,
		Example:           "  ros service enable /var/lib/rancher/conf/web.yml",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeCatalogue,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := a.checkDefinition(name); err != nil {
					return err
				}
			}
			return a.include(cmd, args, func(old []byte, path []string) ([]byte, error) {
				return cloudconfig.SetValue(old, path, "true")
			})
		},
	}
}

// checkDefinition refuses to enable what cannot be loaded.
func (a *app) checkDefinition(name string) error {
	cfg := cloudconfig.Config{}
	cfg.Rancher.ServicesInclude = map[string]bool{name: true}
	definitions, report := catalogue.Load(a.root, cfg)
	_, found := compose.Build(cfg, compose.Options{Definitions: definitions})
	report = append(report, withoutUnknown(found)...)
	if report.Err() != nil {
		a.tell(report)
		a.complain("ros: %s was not enabled\n", name)
		return exit(1)
	}
	return nil
}

// withoutUnknown leaves out what only says that a service of the rest of the
// configuration, which is not looked at here, is missing.
func withoutUnknown(r cloudconfig.Report) cloudconfig.Report {
	return slices.DeleteFunc(r, func(p cloudconfig.Problem) bool { return strings.Contains(p.Msg, "no such service") })
}

func (a *app) serviceDisable() *cobra.Command {
	return &cobra.Command{
		Use:               "disable NAME…",
		Short:             "Disable services: their containers are stopped and removed",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeCatalogue,
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
		Use:               "delete NAME…",
		Short:             "Forget in the user's layer whether services are enabled",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeCatalogue,
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

func (a *app) servicePs() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "List the services and their containers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := a.client().Status(cmd.Context())
			if err != nil {
				return err
			}
			t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			if !quiet {
				_, err = fmt.Fprintln(t, "NAME\tSCOPE\tSTATE\tCONTAINER\tIMAGE")
			}
			for _, s := range st.Services {
				line := fmt.Sprintf("%s\t%s\t%s\t%s\t%s", s.Name, s.Scope, s.State, short(s.Container), s.Image)
				if quiet {
					line = s.Container
				}
				_, e := fmt.Fprintln(t, line)
				err = errors.Join(err, e)
			}
			return errors.Join(err, t.Flush())
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print the containers' IDs only")
	return cmd
}

func short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}

func (a *app) serviceLogs() *cobra.Command {
	var opts servicectl.LogOptions
	cmd := &cobra.Command{
		Use:               "logs SERVICE",
		Short:             "Print what a service has logged",
		Example:           "  ros service logs -f --lines 20 network",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := a.client().Logs(cmd.Context(), args[0], opts, a.out)
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // an interrupt is how following ends
			}
			return err
		},
	}
	cmd.Flags().IntVar(&opts.Tail, "lines", 100, "how many of the last lines; -1 is all")
	cmd.Flags().BoolVarP(&opts.Follow, "follow", "f", false, "go on printing what is logged")
	return cmd
}

func (a *app) serviceVerb(verb, short string, do verbFunc) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " SERVICE…",
		Short:             short,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			for _, name := range args {
				err = errors.Join(err, do(a.client(), cmd.Context(), name))
			}
			return err
		},
	}
}

func (a *app) serviceUp() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:               "up [SERVICE…]",
		Short:             "Read the configuration again and wait until services are ready",
		Example:           "  ros service up web",
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			c := a.client()
			if err := c.Reload(cmd.Context()); err != nil {
				return err
			}
			for _, name := range args {
				if err := c.Start(cmd.Context(), name); err != nil {
					return err
				}
			}
			st, err := c.Wait(cmd.Context(), timeout, args)
			if err != nil {
				return err
			}
			if waited(st, args) {
				return nil
			}
			if err := writeStatus(a.err, st, terminal(a.err)); err != nil {
				return err
			}
			return exit(1)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "give up after this long")
	return cmd
}

func (a *app) serviceValidate() *cobra.Command {
	return &cobra.Command{
		Use:     "validate FILE…",
		Short:   "Check service files",
		Example: "  ros service validate web.yml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var report cloudconfig.Report
			for _, file := range args {
				found, err := checkServiceFile(file)
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

func checkServiceFile(file string) (cloudconfig.Report, error) {
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
	_, found := compose.Build(cfg, compose.Options{Definitions: map[string]cloudconfig.Document{name: layer.Doc}})
	return append(report, withoutUnknown(found)...), nil
}

// completeServices completes the names of the services that there are.
func (a *app) completeServices(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	st, err := a.client().Status(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, s := range st.Services {
		names = append(names, s.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeCatalogue completes the names of what can be enabled.
func (a *app) completeCatalogue(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	entries, err := catalogue.List(a.root)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// verbFunc asks the controller for one thing about one service.
type verbFunc func(c *servicectl.Client, ctx context.Context, name string) error
