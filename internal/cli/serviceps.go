package cli

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/servicectl"
)

func (a *app) servicePs() *cobra.Command {
	var format string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "ps [SERVICE…]",
		Short: "List the services and their containers",
		Long: `List the services, or some of them, and the container of each. 'ros status' tells
more: what they wait for and what is wrong.`,
		Example: `  ros service ps
  ros service ps -q web
  ros service ps -o json`,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := a.client().Status(cmd.Context())
			if err != nil {
				return err
			}
			services, err := pick(st.Services, args)
			switch {
			case err != nil:
				return err
			case quiet:
				return a.printContainers(services)
			case format == "json":
				return a.printJSON(services)
			}
			return a.printPs(services)
		},
	}
	outputFlag(cmd, &format)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print the containers' IDs only")
	return cmd
}

// pick are the named services, all when none is named.
func pick(all []servicectl.ServiceStatus, names []string) ([]servicectl.ServiceStatus, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []servicectl.ServiceStatus
	for _, name := range names {
		before := len(out)
		for _, s := range all {
			if s.Called(name) {
				out = append(out, s)
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("%w: %q ('ros service ps' shows which there are)", servicectl.ErrUnknown, name)
		}
	}
	return out, nil
}

func (a *app) printContainers(services []servicectl.ServiceStatus) error {
	for _, s := range services {
		if s.Container == "" {
			continue
		}
		if err := a.print("%s\n", s.Container); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printPs(services []servicectl.ServiceStatus) error {
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(t, "NAME\tSCOPE\tSTATE\tCONTAINER\tIMAGE")
	for _, s := range services {
		_, e := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.Scope, s.State, short(s.Container), s.Image)
		err = errors.Join(err, e)
	}
	return errors.Join(err, t.Flush())
}

func short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
