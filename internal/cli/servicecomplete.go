package cli

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/catalogue"
)

// completeServices completes the names of the services that there are, of their
// containers where they have several, and of projects.
func (a *app) completeServices(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	st, err := a.client().Status(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, s := range st.Services {
		for _, name := range []string{s.Name, s.Of, s.Project} {
			if name != "" && !slices.Contains(args, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeCatalogue completes the names of what can be enabled.
func (a *app) completeCatalogue(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg := desired(a.root).Config
	entries, err := catalogue.List(a.root, cfg)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, e := range entries {
		if !cfg.Rancher.ServicesInclude[e.Name] && !slices.Contains(args, e.Name) {
			names = append(names, e.Name)
		}
	}
	return names, cobra.ShellCompDirectiveDefault // a path may be meant
}

// completeEnabled completes the keys of what is enabled.
func (a *app) completeEnabled(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.included(args, true), cobra.ShellCompDirectiveNoFileComp
}

// completeIncluded completes the keys of what is enabled or disabled.
func (a *app) completeIncluded(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.included(args, false), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) included(without []string, enabled bool) []string {
	include := desired(a.root).Config.Rancher.ServicesInclude
	return slices.DeleteFunc(slices.Sorted(maps.Keys(include)), func(key string) bool {
		return enabled && !include[key] || slices.Contains(without, key)
	})
}
