package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/source"
)

// historyLine is one entry of the history as it is shown.
type historyLine struct {
	Number  int        `json:"number"` // 0: what is there now, and is not kept yet
	Time    time.Time  `json:"time,omitzero"`
	Who     string     `json:"who,omitempty"`
	Command string     `json:"command"`
	Lines   *lineCount `json:"lines,omitempty"` // nil: the entry before is not kept any more
	Current bool       `json:"current"`
}

// lineCount is how many lines an entry has that the one before has not, and
// how many it has not any more.
type lineCount struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
}

func (a *app) configHistory() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List what the user's layer was, and who changed it",
		Long: `List what the user's layer was, oldest first: when, who changed it by what
command, and how many lines came and went. The last 50 changes are kept. A star
marks what is there now; 'ros config diff' shows a change, 'ros config rollback'
goes back.`,
		Example: "  ros config history\n  ros config history -o json | jq '.[-1]'",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			lines, err := a.history()
			if err != nil {
				a.complain("ros: %v\n", err) // the others are worth showing
			}
			if format == "json" {
				return errors.Join(a.printJSON(lines), failed(err))
			}
			return errors.Join(a.printHistory(lines), failed(err))
		},
	}
	outputFlag(cmd, &format)
	return cmd
}

// failed is the exit status for an error that has been told.
func failed(err error) error {
	if err != nil {
		return exit(1)
	}
	return nil
}

// history is every entry, and what is there now if that is none of them.
func (a *app) history() ([]historyLine, error) {
	entries, err := source.History(a.root)
	now, readErr := source.Current(a.root)
	err = errors.Join(err, readErr)
	lines := []historyLine{}
	var before []byte
	known := true // what was before the first change: nothing
	for _, e := range entries {
		known = known && e.Number == len(lines)+1 || len(lines) > 0 && lines[len(lines)-1].Number == e.Number-1
		line := historyLine{Number: e.Number, Time: e.Time, Who: e.Who, Command: e.Command}
		if known {
			line.Lines = countLines(before, e.Text)
		}
		before, known = e.Text, true
		lines = append(lines, line)
	}
	switch {
	case len(lines) > 0 && bytes.Equal(before, now):
		lines[len(lines)-1].Current = true
	case len(now) > 0 || len(lines) > 0:
		lines = append(lines, historyLine{Command: "changed by hand", Lines: countLines(before, now), Current: true})
	}
	return lines, err
}

func (a *app) printHistory(lines []historyLine) error {
	if len(lines) == 0 {
		return a.print("nothing was changed yet\n")
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(t, "  NUMBER\tWHEN\tWHO\tCHANGE\tLINES")
	for _, l := range lines {
		mark, number, when, who, count := " ", strconv.Itoa(l.Number), l.Time.Local().Format(time.DateTime), l.Who, ""
		if l.Current {
			mark = "*"
		}
		if l.Number == 0 {
			number, when = "-", "-"
		}
		if who == "" {
			who = "-"
		}
		if l.Lines != nil {
			count = fmt.Sprintf("+%d -%d", l.Lines.Added, l.Lines.Removed)
		}
		_, e := fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\t%s\n", mark, number, when, who, l.Command, count)
		err = errors.Join(err, e)
	}
	return errors.Join(err, t.Flush())
}

func (a *app) configRollback() *cobra.Command {
	var how writeFlags
	cmd := &cobra.Command{
		Use:   "rollback NUMBER",
		Short: "Make the user's layer again what it was",
		Long: `Make the user's layer again what it was in an entry of the history. That is a
change like any other: it has its own entry and can be taken back.

` + refusal,
		Example:           "  ros config history\n  ros config rollback 12",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHistory,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := a.entry(args[0])
			if err != nil {
				return err
			}
			return a.write(cmd.Context(), writing{
				writeFlags: how, command: fmt.Sprintf("rollback %d", e.Number),
				edit: func([]byte) ([]byte, error) { return e.Text, nil },
			})
		},
	}
	how.add(cmd)
	return cmd
}

func (a *app) entry(number string) (source.Entry, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return source.Entry{}, fmt.Errorf("%q is not the number of a history entry ('ros config history' lists them)", number)
	}
	return source.HistoryEntry(a.root, n)
}

// completeHistory completes the numbers of history entries.
func (a *app) completeHistory(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	entries, _ := source.History(a.root) // what cannot be read is not offered
	var numbers []string
	for _, e := range entries {
		numbers = append(numbers, fmt.Sprintf("%d\t%s", e.Number, e.Command))
	}
	return numbers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
