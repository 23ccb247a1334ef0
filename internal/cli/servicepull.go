package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

func (a *app) servicePull() *cobra.Command {
	var ignore, quiet bool
	cmd := &cobra.Command{
		Use:   "pull [SERVICE…]",
		Short: "Fetch the images of services from their registries",
		Long: `Fetch the images of services from their registries, also those that are there:
their names may mean other images by now. A service whose image has changed gets a
new container. Without a name it is about all services whose images neither come
with the machine nor are built on it.

Exit status: 0, or 1 when an image could not be fetched.`,
		Example: `  ros service pull web
  ros service pull --ignore-pull-failures`,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			services, err := a.pulled(cmd.Context(), args)
			if err != nil {
				return err
			}
			for _, s := range services {
				if e := a.pull(cmd.Context(), s, quiet); e != nil {
					a.complain("ros: %s: %v\n", s.Name, e)
					err = exit(1)
				}
				if cmd.Context().Err() != nil {
					return exit(1)
				}
			}
			if ignore {
				return nil
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&ignore, "ignore-pull-failures", false, "end with status 0 in any case")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "do not show how far it is")
	return cmd
}

// pulled are the services whose images are to be fetched, one for each image.
func (a *app) pulled(ctx context.Context, names []string) ([]servicectl.ServiceStatus, error) {
	st, err := a.client().Status(ctx)
	if err != nil {
		return nil, err
	}
	services, err := pick(st.Services, names)
	if err != nil {
		return nil, err
	}
	var out []servicectl.ServiceStatus
	for _, s := range services {
		same := func(other servicectl.ServiceStatus) bool { return other.Image == s.Image && other.Scope == s.Scope }
		if slices.ContainsFunc(out, same) || len(names) == 0 && (plan.IsMachineImage(s.Image) || s.Builds) {
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

// pull fetches one image, and shows how far it is: in one line on a terminal.
func (a *app) pull(ctx context.Context, s servicectl.ServiceStatus, quiet bool) error {
	before, after := "", "\n"
	if terminal(a.err) {
		before, after = "\r\x1b[K", ""
	}
	shown := false
	err := a.client().Pull(ctx, s.Name, func(progress string) {
		if !quiet {
			a.complain("%s%s: %s: %s%s", before, s.Name, s.Image, progress, after)
			shown = true
		}
	})
	if shown {
		a.complain("%s", before)
	}
	if err != nil {
		return err
	}
	return a.print("%s: %s is there\n", s.Name, s.Image)
}

func (a *app) serviceTop() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "top [SERVICE…]",
		Short: "List the processes of services",
		Long: `List the processes of services, or of all that run, as seen from the machine: their
numbers are those that 'kill' takes there.`,
		Example: `  ros service top
  ros service top -o json web`,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			lists, err := a.processes(cmd.Context(), args)
			if err != nil {
				return err
			}
			if format == "json" {
				return a.printJSON(lists)
			}
			return a.printProcesses(lists)
		},
	}
	outputFlag(cmd, &format)
	return cmd
}

// serviceProcesses are those of one service, also as `ros service top -o json`.
type serviceProcesses struct {
	Service string `json:"service"`
	servicectl.Processes
}

func (a *app) processes(ctx context.Context, names []string) ([]serviceProcesses, error) {
	st, err := a.client().Status(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		out, _ := a.processesOf(ctx, st.Services) // of those that run
		return out, nil
	}
	all := []serviceProcesses{}
	for _, name := range names {
		services, e := pick(st.Services, []string{name})
		out, idle := a.processesOf(ctx, services)
		if len(out) == 0 {
			err = errors.Join(err, e, idle)
		}
		all = append(all, out...)
	}
	return all, err
}

// processesOf lists the processes of services, and tells why it cannot of others.
func (a *app) processesOf(ctx context.Context, services []servicectl.ServiceStatus) (out []serviceProcesses, err error) {
	out = []serviceProcesses{}
	for _, s := range services {
		list, e := a.client().Top(ctx, s.Name)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		out = append(out, serviceProcesses{s.Name, list})
	}
	return out, err
}

func (a *app) printProcesses(lists []serviceProcesses) error {
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	var err error
	for i, list := range lists {
		if i == 0 {
			_, err = fmt.Fprintln(t, "SERVICE\t"+strings.Join(list.Titles, "\t"))
		}
		for _, row := range list.Rows {
			_, e := fmt.Fprintln(t, list.Service+"\t"+strings.Join(row, "\t"))
			err = errors.Join(err, e)
		}
	}
	return errors.Join(err, t.Flush())
}
