package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// lookAgain is how often the record is read by who waits for its end.
const lookAgain = 250 * time.Millisecond

func (a *app) cloudInitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cloud-init",
		Short: "Look at what the machine was told when it was made, and what became of it",
		Long: `The datasource of a machine (a disk, a cloud, an address) tells it its user-data.
'status' says which one did, and whether all of it is applied; 'analyze' what
took how long; 'clean' makes the machine a new instance.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(a.cloudInitStatus(), a.cloudInitAnalyze(), a.cloudInitClean())
	return group(cmd)
}

func (a *app) cloudInitStatus() *cobra.Command {
	var long, wait bool
	var format string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which datasource answered, and what became of what it said",
		Long: `Show which datasource answered, and whether what it said is applied.

Exit status: 0 done or still running, 1 failed (no datasource answers),
2 degraded (it is done, but for what is told; warnings alone are done).`,
		Example: "  ros cloud-init status --long\n  ros cloud-init status --wait\n  ros cloud-init status -o json | jq -r '.asked[] | select(.reason) | .name'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.readCloudInit()
			for wait && err == nil && s.Status == cloudInitRunning {
				select {
				case <-cmd.Context().Done():
					return cmd.Context().Err()
				case <-time.After(lookAgain):
				}
				s, err = a.readCloudInit()
			}
			if err != nil {
				return err
			}
			switch {
			case format == "json":
				err = a.printJSON(s)
			case long:
				err = a.printCloudInit(s)
			default:
				err = a.print("status: %s\n", s.Status)
			}
			if err != nil {
				return err
			}
			return s.exit()
		},
	}
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "wait until all is done, the last command of the user-data too")
	cmd.Flags().BoolVarP(&long, "long", "l", false, "tell who was asked, why not the others, and what is wrong")
	outputFlag(cmd, &format)
	return cmd
}

// printCloudInit prints a status for people.
func (a *app) printCloudInit(s cloudInit) error {
	var b strings.Builder
	fmt.Fprintf(&b, "status: %s\n", s.Status)
	if s.Source != "" {
		note := ""
		if s.Cached {
			note = " (has not answered since; this is what it said before)"
		}
		fmt.Fprintf(&b, "datasource: %s%s\n", s.Source, note)
	}
	if s.Instance != "" {
		fmt.Fprintf(&b, "instance: %s\n", s.Instance)
	}
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "  %s\n", p)
	}
	if len(s.Asked)+len(s.Includes)+len(s.Modules) > 0 {
		b.WriteString("\n")
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var errs []error
	for _, all := range [][]source.Asked{s.Asked, s.Includes} {
		for _, asked := range all {
			_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", asked.Name, asked.Outcome, shownSeconds(asked.Seconds), oneLine(asked.Reason))
			errs = append(errs, err)
		}
	}
	for _, m := range s.Modules {
		outcome := "applied"
		switch {
		case m.Running:
			outcome = "running"
		case m.Problem != "":
			outcome = "failed"
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", m.Name, outcome, shownSeconds(m.Seconds), oneLine(m.Problem+" "+m.Warning))
		errs = append(errs, err)
	}
	if err := errors.Join(append(errs, t.Flush())...); err != nil {
		return err
	}
	return a.print("%s", b.String())
}

func shownSeconds(s float64) string {
	if s == 0 {
		return ""
	}
	return fmt.Sprintf("%.2fs", s)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (a *app) cloudInitAnalyze() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "analyze",
		Short:   "List what took how long, the longest first",
		Example: "  ros cloud-init analyze | head",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := a.readCloudInit()
			if err != nil {
				return err
			}
			rows := append(s.durations(), a.bootDurations()...)
			slices.SortStableFunc(rows, func(x, y duration) int { return cmp.Compare(y.Seconds, x.Seconds) })
			if format == "json" {
				return a.printJSON(rows)
			}
			var b strings.Builder
			t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
			_, err = fmt.Fprintln(t, "SECONDS\tWHAT\tNAME")
			for _, r := range rows {
				_, e := fmt.Fprintf(t, "%.3f\t%s\t%s\n", r.Seconds, r.What, r.Name)
				err = errors.Join(err, e)
			}
			if err := errors.Join(err, t.Flush()); err != nil {
				return err
			}
			return a.print("%s", b.String())
		},
	}
	outputFlag(cmd, &format)
	return cmd
}

func (a *app) cloudInitClean() *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Forget which instance this machine is",
		Long: `Forget what is known of this instance: what its datasource said, and what was
done once for it. At the next boot the machine is a new instance: what is done
once is done again. Configuration, services and volumes stay.`,
		Example: "  ros cloud-init clean && reboot",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return source.ForgetInstances(a.root) },
	}
}

// layerProblems are the problems with what the datasource said.
func layerProblems(report cloudconfig.Report) cloudconfig.Report {
	return slices.DeleteFunc(report, func(p cloudconfig.Problem) bool {
		return !strings.HasPrefix(p.Pos.File, "user-data") && !strings.HasPrefix(p.Pos.File, "meta-data") &&
			!strings.HasPrefix(p.Pos.File, "vendor-data")
	})
}
