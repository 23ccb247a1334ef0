package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/host"
)

// row is one machine in `list -o json`.
type row struct {
	Name   string     `json:"name"`
	Kind   host.Kind  `json:"kind"`
	State  host.State `json:"state"`
	Reason string     `json:"reason,omitempty"`
	PID    int        `json:"pid,omitempty"`
	SSH    string     `json:"ssh,omitempty"`
	Boots  int        `json:"boots,omitempty"`
	Since  time.Time  `json:"since"`
}

func listCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List all machines",
		Example: "  rosmachine list\n  rosmachine list -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rows, err := rows()
			if err != nil {
				return err
			}
			switch format {
			case "json":
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(rows)
			case "table":
				return printTable(cmd.OutOrStdout(), rows, time.Now())
			}
			return fmt.Errorf("cannot print as %q: want table or json", format)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return cmd
}

func rows() ([]row, error) {
	store, err := host.OpenStore(host.DefaultHome())
	if err != nil {
		return nil, err
	}
	machines, err := store.List()
	if err != nil {
		return nil, err
	}
	all := []row{}
	for _, m := range machines {
		run, err := m.Run()
		if err != nil {
			return nil, err
		}
		r := row{Name: m.Spec.Name, Kind: m.Spec.Kind, State: run.State, Reason: run.Reason, Since: run.Since, Boots: run.Boots}
		if run.State == host.Running {
			r.PID, r.SSH = run.Main.PID, m.SSHAddress(&run)
		}
		all = append(all, r)
	}
	return all, nil
}

func printTable(out io.Writer, rows []row, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 8, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tKIND\tSTATE\tPID\tSSH\tSINCE")
	for _, r := range rows {
		state, pid := string(r.State), "-"
		if r.Reason != "" {
			state += " (" + r.Reason + ")"
		}
		if r.PID > 0 {
			pid = fmt.Sprint(r.PID)
		}
		ssh := r.SSH
		if ssh == "" {
			ssh = "-"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Kind, state, pid, ssh, now.Sub(r.Since).Round(time.Second))
	}
	return w.Flush()
}
