package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/servicectl"
)

// exitStatus is what `ros status` and `ros wait` end with, by state.
func exitStatus(state string) error {
	switch state {
	case servicectl.Converged:
		return nil
	case servicectl.Converging:
		return exit(1)
	default:
		return exit(2)
	}
}

func (a *app) statusCommand() *cobra.Command {
	var format string
	var watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the machine stands",
		Long: `Show whether the machine is as its configuration says, and how each service stands.

Exit status: 0 converged, 1 converging, 2 degraded (something needs you).`,
		Example: `  ros status
  ros status --watch
  ros status -o json | jq -r '.services[] | select(.ready | not) | .name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watch {
				return a.watchStatus(cmd, format)
			}
			st, err := a.client().Status(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.printStatus(st, format); err != nil {
				return err
			}
			return exitStatus(st.State)
		},
	}
	outputFlag(cmd, &format)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on showing it as it changes, until interrupted")
	return cmd
}

func (a *app) watchStatus(cmd *cobra.Command, format string) error {
	redraw := terminal(a.out) && format == "text"
	err := a.client().Watch(cmd.Context(), func(st servicectl.Status) error {
		if redraw {
			if err := a.print("\x1b[H\x1b[2J"); err != nil {
				return err
			}
		}
		return a.printStatus(st, format)
	})
	if cmd.Context().Err() != nil {
		return nil //nolint:nilerr // an interrupt is how a watch ends
	}
	return err
}

func (a *app) printStatus(st servicectl.Status, format string) error {
	if format == "json" {
		return a.printJSON(st)
	}
	return writeStatus(a.out, st, terminal(a.out))
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// writeStatus prints a status for people.
func writeStatus(w io.Writer, st servicectl.Status, colour bool) error {
	var b strings.Builder
	b.WriteString(paint(st.State, stateColour(st.State), colour) + "\n")
	for _, p := range st.Problems {
		b.WriteString("  " + p.String() + "\n")
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(t, "SERVICE\tSCOPE\tSTATE\tRESTARTS\tIMAGE\tWHY")
	for _, s := range st.Services {
		_, e := fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", s.Name, s.Scope, s.State, s.Restarts, s.Image, why(s))
		err = errors.Join(err, e)
	}
	if err := errors.Join(err, t.Flush()); err != nil {
		return err
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// longest is how much of a reason a line has room for; `ros why` has the rest.
const longest = 80

// why is the one thing about a service that is most worth a line.
func why(s servicectl.ServiceStatus) string {
	text := s.Cause
	switch {
	case s.Problem != "":
		text = s.Problem
	case len(s.WaitingFor) > 0:
		text = "waits for " + strings.Join(s.WaitingFor, ", ")
	case s.Note != "":
		text = s.Note
	case s.Schedule != "":
		text = runs(s, time.Now())
	}
	return shorten(strings.Join(strings.Fields(text), " "), s.Problem != "")
}

// shorten makes a text fit the line. What went wrong stands at the end of Docker's
// messages, and whom it is about at their beginning.
func shorten(text string, both bool) string {
	all := []rune(text)
	switch {
	case len(all) <= longest:
		return text
	case both:
		return string(all[:longest/3]) + "…" + string(all[len(all)-(longest-longest/3-1):])
	}
	return string(all[:longest-1]) + "…"
}

// runs is when a scheduled service ran last, how that went, and when it runs next.
func runs(s servicectl.ServiceStatus, now time.Time) string {
	var out []string
	if t, err := time.Parse(time.RFC3339, s.LastRun); err == nil {
		out = append(out, strings.TrimSpace("last run "+clock(t, now)+" "+s.LastResult))
	}
	if t, err := time.Parse(time.RFC3339, s.NextRun); err == nil {
		out = append(out, "next run "+clock(t, now))
	}
	return strings.Join(out, ", ")
}

// clock is an instant, with its day when that is not today.
func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

const (
	green  = "32"
	yellow = "33"
	red    = "31"
)

func stateColour(state string) string {
	switch state {
	case servicectl.Converged:
		return green
	case servicectl.Converging:
		return yellow
	default:
		return red
	}
}

func paint(text, code string, colour bool) string {
	if !colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (a *app) waitCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait [SERVICE…]",
		Short: "Wait until the machine, or the named services, are ready",
		Long: `Wait until the machine has converged, or until the named services are ready.

Exit status: 0 ready, 1 still converging when the time was up, 2 degraded; with
names, 2 when waiting for one of them is vain.`,
		Example: `  ros wait --timeout 2m
  ros wait docker console`,
		RunE: func(cmd *cobra.Command, args []string) error {
			began := time.Now()
			st, err := a.client().Wait(cmd.Context(), timeout, args)
			if err != nil {
				return err
			}
			if waited(st, args) {
				return nil
			}
			if named, err := about(st, args); err == nil {
				st = named
			}
			if err := writeStatus(a.err, st, terminal(a.err)); err != nil {
				return err
			}
			late := time.Since(began) >= timeout
			if st.State == servicectl.Degraded && (len(args) == 0 || !late) {
				return exit(2)
			}
			return exit(1) // what else is degraded is nothing to who waits for a service
		},
		ValidArgsFunction: a.completeServices,
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "give up after this long")
	return cmd
}

// waited says whether what was waited for is there.
func waited(st servicectl.Status, names []string) bool {
	if len(names) == 0 {
		return st.State == servicectl.Converged
	}
	for _, n := range names {
		known := false
		for _, s := range st.Services {
			if s.Called(n) {
				known = true
				if !s.Ready {
					return false
				}
			}
		}
		if !known {
			return false
		}
	}
	return true
}

func (a *app) planCommand() *cobra.Command {
	var format, with string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what the controller would do next, and why",
		Long: `Show the steps between what is and what should be, each with its cause.
It is the very plan that the controller executes, below what it is doing already;
when the machine has converged it is empty. What would change on the machine itself,
users, files and mounts among it, is listed below the services' steps.

With a cloud-config it tells instead what 'ros config merge' of that would do.`,
		Example: "  ros plan\n  ros plan --with network.yml\n  ros plan -o json | jq '.steps | length'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if with != "" {
				return a.foretellMerge(cmd.Context(), with)
			}
			p, err := a.client().Plan(cmd.Context())
			if err != nil {
				return err
			}
			changes := a.machineChanges(cmd.Context())
			if format == "json" {
				return a.printJSON(wholePlan{p, changes})
			}
			if len(p.Steps)+len(p.UnderWay)+len(changes) == 0 {
				return a.print("nothing to do\n")
			}
			return a.print("%s%s", p.String(), changesText(changes))
		},
	}
	cmd.Flags().StringVar(&with, "with", "", "tell what merging the cloud-config in `FILE` would do; - is standard input")
	outputFlag(cmd, &format)
	cmd.MarkFlagsMutuallyExclusive("with", "output")
	return cmd
}
