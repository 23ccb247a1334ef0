package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

func (a *app) serviceStart() *cobra.Command {
	var wait waitFlags
	last := lasting{do: (*servicectl.Client).Start, forGood: (*servicectl.Client).StartForGood}
	cmd := &cobra.Command{
		Use:   "start SERVICE…",
		Short: "Start services that were stopped, removed, or have failed",
		Long: `Start services: the words that were said with 'stop', 'rm' and 'down' are taken
back, failures are forgiven, and what backs off is tried at once. It waits until
the services are ready, unless -d is given.

Exit status: 0 ready, 1 not ready when the time was up, or without hope.`,
		Example:           "  ros service start web\n  ros service start -d web",
		Args:              someServices,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.each(cmd.Context(), args, last.verb()); err != nil {
				return err
			}
			return a.await(cmd.Context(), wait, args, waited)
		},
	}
	wait.add(cmd)
	foregroundFlag(cmd)
	last.add(cmd, "take back 'stop --persist' too: it starts after the next boots as well")
	return cmd
}

// lasting is a word that may hold over reboots.
type lasting struct {
	do, forGood verbFunc
	persist     bool
}

func (l *lasting) add(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&l.persist, "persist", false, usage)
}

func (l *lasting) verb() verbFunc {
	if l.persist {
		return l.forGood
	}
	return l.do
}

func (a *app) serviceStop() *cobra.Command {
	var wait waitFlags
	var grace graceFlag
	last := lasting{do: (*servicectl.Client).Stop, forGood: (*servicectl.Client).StopForGood}
	cmd := &cobra.Command{
		Use:   "stop SERVICE…",
		Short: "Stop services, until they are started again or the machine reboots",
		Long: `Stop services and keep them stopped, whatever their restart policy says, until they
are started again or the machine reboots; --persist holds over reboots as well.
'ros service disable' removes one for good.
It waits until they have stopped, unless -d is given.

Exit status: 0 stopped, 1 not stopped when the time was up.`,
		Example:           "  ros service stop web\n  ros service stop -t 60 database\n  ros service stop --persist web",
		Args:              someServices,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.each(cmd.Context(), args, grace.with(last.verb())); err != nil {
				return err
			}
			return a.await(cmd.Context(), wait, args, stopped)
		},
	}
	wait.add(cmd)
	grace.add(cmd, &wait)
	last.add(cmd, "also over reboots, until 'ros service start --persist'")
	return cmd
}

// stopped says whether services are as a user's word has stopped them.
func stopped(st servicectl.Status, names []string) bool {
	services, err := pick(st.Services, names)
	if err != nil {
		return false
	}
	for _, s := range services {
		if s.State != plan.StateStopped {
			return false
		}
	}
	return true
}

func (a *app) serviceRestart() *cobra.Command {
	var wait waitFlags
	var grace graceFlag
	cmd := &cobra.Command{
		Use:   "restart SERVICE…",
		Short: "Stop and start services once",
		Long: `Stop and start services once; what was stopped is started. The containers stay the
same: 'ros service up --force-recreate' makes new ones. It waits until the services
are ready again, unless -d is given.

Exit status: 0 ready, 1 not ready when the time was up, or without hope.`,
		Example:           "  ros service restart web\n  ros service restart -t 60 database",
		Args:              someServices,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.each(cmd.Context(), args, grace.with((*servicectl.Client).Restart)); err != nil {
				return err
			}
			return a.await(cmd.Context(), wait, args, waited)
		},
	}
	wait.add(cmd)
	grace.add(cmd, &wait)
	return cmd
}

func (a *app) serviceKill() *cobra.Command {
	var signal string
	cmd := &cobra.Command{
		Use:   "kill SERVICE…",
		Short: "Send a signal to services",
		Long: `Send a signal to the first process of each service's container. What follows is up
to the service: one that ends by it is started again if its restart policy says so.
'ros service stop -t 0' ends a service and keeps it down.`,
		Example:           "  ros service kill -s HUP web",
		Args:              someServices,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.each(cmd.Context(), args, func(c *servicectl.Client, ctx context.Context, name string) error {
				return c.Kill(ctx, name, strings.ToUpper(signal))
			})
		},
	}
	cmd.Flags().StringVarP(&signal, "signal", "s", "SIGKILL", "the `SIGNAL`: a name, with or without SIG, or a number")
	return cmd
}

// removal is the part of the help that `rm` and `down` share.
const removal = `The controller would make a container again that is only gone; so this is a word
too: the service stays without one until 'ros service start' or 'up', or until the
machine reboots. Only 'ros service disable', or another configuration, does away
with a service for good. Volumes, networks and images stay: volumes are never
removed.`

func (a *app) serviceRm() *cobra.Command {
	var force, volumes bool
	cmd := &cobra.Command{
		Use:   "rm SERVICE…",
		Short: "Remove the containers of services that were stopped",
		Long: `Remove the containers of services that do not run; with -f, of others too, which are
stopped first.

` + removal,
		Example:           "  ros service stop web && ros service rm web\n  ros service rm -f web",
		Args:              someServices,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if volumes {
				return errVolumes
			}
			return a.remove(cmd.Context(), args, waitFlags{timeout: settleTime}, servicectl.RemoveOptions{Force: force})
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "also those of services that run")
	volumesFlag(cmd, &volumes)
	return cmd
}

func (a *app) serviceDown() *cobra.Command {
	var grace graceFlag
	var wait waitFlags
	var more downFlags
	cmd := &cobra.Command{
		Use:   "down SERVICE…",
		Short: "Stop services and remove their containers",
		Long: `Stop services and remove their containers, each in its time. The services must be
named: without those of the system there is no machine.

` + removal + `

Exit status: 0 they are down, 1 not yet when the time was up.`,
		Example:           "  ros service down web",
		Args:              someServices,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := more.refused(); err != nil {
				return err
			}
			return a.remove(cmd.Context(), args, wait, servicectl.RemoveOptions{Force: true, Grace: grace.duration()})
		},
	}
	wait.add(cmd)
	grace.add(cmd, &wait)
	more.add(cmd)
	return cmd
}

func (a *app) remove(ctx context.Context, names []string, wait waitFlags, o servicectl.RemoveOptions) error {
	err := a.each(ctx, names, func(c *servicectl.Client, ctx context.Context, name string) error {
		err := c.Remove(ctx, name, o)
		if err != nil && strings.HasSuffix(err.Error(), servicectl.ErrRuns.Error()) {
			return fmt.Errorf("%w ('ros service rm -f %s' stops it first)", err, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.await(ctx, wait, names, stopped)
}
