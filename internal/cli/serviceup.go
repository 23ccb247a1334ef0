package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/servicectl"
)

// waitFlags say whether and how long a command waits for what it asks for.
type waitFlags struct {
	detach  bool
	timeout time.Duration
}

func (f *waitFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.detach, "detach", "d", false, "do not wait")
	cmd.Flags().DurationVar(&f.timeout, "timeout", settleTime, "wait no longer than this")
}

// foregroundFlag is RancherOS's, and the opposite of -d.
func foregroundFlag(cmd *cobra.Command) {
	cmd.Flags().Bool("foreground", false, "wait, which it does without -d")
	cmd.MarkFlagsMutuallyExclusive("foreground", "detach")
}

// await waits until services are ready, or named ones; what is not is printed,
// and is exit status 1.
func (a *app) await(ctx context.Context, f waitFlags, names []string, done func(servicectl.Status, []string) bool) error {
	if f.detach {
		return nil
	}
	st, err := a.client().Wait(ctx, f.timeout, names)
	if err != nil {
		return err
	}
	if done(st, names) {
		return nil
	}
	if st, err = about(st, names); err != nil {
		return err
	}
	if err := writeStatus(a.err, st, terminal(a.err)); err != nil {
		return err
	}
	return exit(1)
}

// about is what of a status is about the named services; all when none is named.
func about(st servicectl.Status, names []string) (servicectl.Status, error) {
	services, err := pick(st.Services, names)
	if err != nil || len(names) == 0 {
		return st, err
	}
	st.Services = services
	st.Problems = slices.DeleteFunc(slices.Clone(st.Problems), func(p cloudconfig.Problem) bool {
		return !slices.ContainsFunc(services, func(s servicectl.ServiceStatus) bool {
			return strings.HasPrefix(p.Msg, "service "+s.Name+": ")
		})
	})
	return st, nil
}

// createFlags are RancherOS's, of `up` and `create`.
type createFlags struct {
	recreate, noRecreate, noBuild bool
}

func (f *createFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.recreate, "force-recreate", false, "make new containers even if nothing has changed")
	cmd.Flags().BoolVar(&f.noRecreate, "no-recreate", false, "is refused: see above")
	cmd.Flags().BoolVar(&f.noBuild, "no-build", false, "build no image, even if it is not there")
}

func (f createFlags) check(names []string) error {
	switch {
	case f.noRecreate:
		return errors.New("cannot leave outdated containers alone (--no-recreate): the controller replaces them as soon as the configuration changes")
	case f.recreate && len(names) == 0:
		return errors.New("cannot recreate all containers of the machine at once: name the services")
	}
	return nil
}

// build builds images that are not there, unless that is not wanted.
func (f createFlags) build(ctx context.Context, a *app, names []string) error {
	if f.noBuild {
		return nil
	}
	return a.buildMissing(ctx, names)
}

// recreates is the part of the help that `up` and `create` share.
const recreates = `A container whose configuration or image has changed is replaced in any case: that
is why --no-recreate is refused.`

func (a *app) serviceUp() *cobra.Command {
	var wait waitFlags
	var create createFlags
	cmd := &cobra.Command{
		Use:   "up [SERVICE…]",
		Short: "Read the configuration again, start services, and wait until they are ready",
		Long: `Read the configuration again, start the named services if they were stopped or
removed, and wait until they are ready; without a name, until the machine has
converged. With -d it does not wait. An image that only a build makes is built if it
is not there.

` + recreates + `

Exit status: 0 ready, 1 not ready when the time was up, or without hope.`,
		Example: `  ros service up web
  ros service up -d
  ros service up --force-recreate web`,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := create.check(args); err != nil {
				return err
			}
			c := a.client()
			if err := create.build(cmd.Context(), a, args); err != nil {
				return err
			}
			if err := c.Reload(cmd.Context()); err != nil {
				return err
			}
			start := (*servicectl.Client).Start
			if create.recreate {
				start = (*servicectl.Client).Replace
			}
			if err := a.each(cmd.Context(), args, start); err != nil {
				return err
			}
			return a.await(cmd.Context(), wait, args, waited)
		},
	}
	wait.add(cmd)
	create.add(cmd)
	foregroundFlag(cmd)
	return cmd
}

func (a *app) serviceCreate() *cobra.Command {
	var create createFlags
	cmd := &cobra.Command{
		Use:   "create [SERVICE…]",
		Short: "Read the configuration again and wait until services have their containers",
		Long: `Read the configuration again, and wait until the named services, or all, have
containers. The controller makes them, and starts those that should run: a service
that is to have a container but not to run has the label
io.rancher.os.createonly: "true". An image that only a build makes is built if it is
not there.

` + recreates + `

Exit status: 0 the containers are there, 1 some are not.`,
		Example:           "  ros service create web",
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := create.check(args); err != nil {
				return err
			}
			if err := create.build(cmd.Context(), a, args); err != nil {
				return err
			}
			if err := a.client().Reload(cmd.Context()); err != nil {
				return err
			}
			if create.recreate {
				if err := a.each(cmd.Context(), args, (*servicectl.Client).Replace); err != nil {
					return err
				}
			}
			return a.await(cmd.Context(), waitFlags{timeout: settleTime}, args, created)
		},
	}
	create.add(cmd)
	return cmd
}

// created says whether services have containers.
func created(st servicectl.Status, names []string) bool {
	services, err := pick(st.Services, names)
	if err != nil {
		return false
	}
	for _, s := range services {
		if s.Container == "" {
			return false
		}
	}
	return true
}

// verbFunc asks the controller for one thing about one service.
type verbFunc func(c *servicectl.Client, ctx context.Context, name string) error

// each asks the controller for something about several services, and goes on
// where one fails.
func (a *app) each(ctx context.Context, names []string, do verbFunc) error {
	var err error
	for _, name := range names {
		err = errors.Join(err, do(a.client(), ctx, name))
	}
	return err
}
