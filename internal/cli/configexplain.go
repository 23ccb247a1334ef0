package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
)

func (a *app) configExplain() *cobra.Command {
	var format string
	var all bool
	var opts cloudconfig.ExportOptions
	cmd := &cobra.Command{
		Use:   "explain KEY",
		Short: "Say which layers set a value, the one in effect first",
		Long: `Say which layers set or removed a value, and where; the highest layer, which is
the one in effect, comes first. A map or a list that several layers make together
is in effect in part. With --all, say for each value below KEY where the one in
effect was written; without KEY that is the whole configuration.`,
		Example: `  ros config explain rancher.docker.host
  ros config explain --all rancher.docker
  ros config explain -o json hostname | jq -r '.statements[0].pos.file'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if all {
				return cobra.MaximumNArgs(1)(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := cloudconfig.SplitPath(slices.Concat(args, []string{""})[0])
			if err != nil {
				return err
			}
			if all {
				return a.explainAll(format, opts, path)
			}
			return a.explain(format, opts, path)
		},
		ValidArgsFunction: a.completeKey,
	}
	outputFlag(cmd, &format)
	cmd.Flags().BoolVarP(&all, "all", "r", false, "explain each value below KEY")
	privateFlag(cmd, &opts.Private)
	return cmd
}

func (a *app) explain(format string, opts cloudconfig.ExportOptions, path []string) error {
	e := a.merged().Explain(opts, path...)
	switch {
	case !e.Known && len(e.Statements) == 0:
		return fmt.Errorf("%s: not set, and not a key%s", e.Key, parenthesis(e.Hint))
	case format == "json":
		return a.printJSON(e)
	case len(e.Statements) == 0:
		return a.print("%s: no layer sets it%s\n", e.Key, parenthesis(defaultOf(e)))
	}
	return writeStatements(a.out, e.Statements)
}

func defaultOf(e cloudconfig.Explanation) string {
	if e.Default == "" {
		return ""
	}
	return "the default is " + e.Default
}

func parenthesis(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// writeStatements prints what the layers say about one key.
func writeStatements(w io.Writer, statements []cloudconfig.Statement) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(t, "LAYER\tWHERE\tEFFECT\tVALUE")
	for _, s := range statements {
		_, e := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Layer, s.Pos, s.Effect, s.Value)
		err = errors.Join(err, e)
	}
	return errors.Join(err, t.Flush())
}

func (a *app) explainAll(format string, opts cloudconfig.ExportOptions, path []string) error {
	all := a.merged().ExplainAll(opts, path...)
	switch {
	case format == "json":
		if all == nil {
			all = []cloudconfig.Explanation{}
		}
		return a.printJSON(all)
	case len(all) == 0:
		return a.print("%s: no layer sets anything below it\n", cloudconfig.JoinPath(path...))
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(t, "KEY\tLAYER\tWHERE\tVALUE")
	for _, e := range all {
		s := e.Statements[0]
		_, bad := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", e.Key, s.Layer, s.Pos, s.Value)
		err = errors.Join(err, bad)
	}
	return errors.Join(err, t.Flush())
}
