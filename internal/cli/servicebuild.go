package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine"
	"github.com/ros-os/ros/servicectl"
)

// builder makes images, as [engine.Engine.Build] does.
type builder func(ctx context.Context, services []compose.Service, o engine.BuildOptions) error

func (a *app) serviceBuild() *cobra.Command {
	var o engine.BuildOptions
	cmd := &cobra.Command{
		Use:   "build [SERVICE…]",
		Short: "Build the images of services that say how",
		Long: `Build the images of services that have 'build', in the Docker that runs them: from
a folder, or what else Docker Compose can build from. Without a name it is about
all of them. A service whose image has become another one gets a new container.

Nothing is built by itself, and such an image is not asked of a registry unless
pull_policy says so: a service whose image is not there waits for this command, or
for 'ros service up'.

Exit status: 0, or 1 when an image could not be built.`,
		Example: `  ros service build
  ros service build --no-cache --pull web`,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			d := desired(a.root)
			services, err := built(d.Project, args)
			if err != nil {
				return err
			}
			if len(services) == 0 {
				return errors.New("no service of this machine has 'build'")
			}
			return a.make(cmd.Context(), d.Config, services, o)
		},
	}
	cmd.Flags().BoolVar(&o.NoCache, "no-cache", false, "take no step from an earlier build")
	cmd.Flags().BoolVar(&o.Pull, "pull", false, "fetch the images that it begins with, even if they are there")
	cmd.Flags().BoolVarP(&o.Quiet, "quiet", "q", false, "print nothing while it goes well")
	cmd.Flags().Bool("force-rm", true, "leave no containers behind, which is always so")
	return cmd
}

// built are the named services that are built; all when none is named.
func built(p compose.Project, names []string) ([]compose.Service, error) {
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(p.Services))
		return slices.DeleteFunc(servicesOf(p, names), func(s compose.Service) bool { return s.Spec.Build == nil }), nil
	}
	var out []compose.Service
	var err error
	for _, name := range names {
		wanted := servicesOf(p, p.Wanted(name))
		some := slices.DeleteFunc(slices.Clone(wanted), func(s compose.Service) bool { return s.Spec.Build == nil })
		switch {
		case len(wanted) == 0:
			err = errors.Join(err, fmt.Errorf("%w: %q ('ros service ps' shows which there are)", servicectl.ErrUnknown, name))
		case len(some) == 0:
			err = errors.Join(err, fmt.Errorf("cannot build %q: it has no 'build', but names its image", name))
		}
		out = append(out, some...)
	}
	return out, err
}

func servicesOf(p compose.Project, names []string) []compose.Service {
	out := make([]compose.Service, 0, len(names))
	for _, name := range names {
		out = append(out, p.Services[name])
	}
	return out
}

// buildMissing builds what is not there of the images that only a build makes, of
// the named services, or all.
func (a *app) buildMissing(ctx context.Context, names []string) error {
	d := desired(a.root)
	var services []compose.Service
	for _, s := range d.Project.Services {
		meant := func(name string) bool { return slices.Contains(d.Project.Wanted(name), s.Name) }
		if s.Builds() && (len(names) == 0 || slices.ContainsFunc(names, meant)) {
			services = append(services, s)
		}
	}
	if len(services) == 0 {
		return nil
	}
	slices.SortFunc(services, func(x, y compose.Service) int { return strings.Compare(x.Name, y.Name) })
	return a.make(ctx, d.Config, services, engine.BuildOptions{Missing: true})
}

// make builds images, with the registries' credentials of the machine.
func (a *app) make(ctx context.Context, cfg cloudconfig.Config, services []compose.Service, o engine.BuildOptions) error {
	build := a.builder
	if build == nil {
		l := &loader{root: a.root, config: cfg}
		e, err := engine.New(engine.Options{
			SystemSocket: a.path(engine.DefaultSystemSocket), UserSocket: a.path(engine.DefaultUserSocket), Auths: l.registryAuths,
		})
		if err != nil {
			return err
		}
		build = e.Build
	}
	return build(ctx, services, o)
}
