package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
)

func (a *app) eventsCommand() *cobra.Command {
	var format, since string
	var opts servicectl.EventOptions
	cmd := &cobra.Command{
		Use:   "events [SERVICE…]",
		Short: "Show what happened, and why",
		Long: `Show what the controller did and saw, oldest first: what the configuration changed
and who wrote it, every step with its cause, services that fail, daemons that come
and go, what users asked for. The last 2000 events or so are kept, over reboots too.

With -o json every event is a line of its own.`,
		Example: `  ros events -f
  ros events --since 10m ntp
  ros events --since 2026-01-02T15:00:00Z
  ros events -o json | jq -r 'select(.kind == "failed") | .problem'`,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.Since, err = instant(since, time.Now()); err != nil {
				return err
			}
			opts.Services = args
			err = a.client().Events(cmd.Context(), opts, func(e journal.Event) error { return a.printEvent(e, format) })
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // an interrupt is how following ends
			}
			return err
		},
	}
	outputFlag(cmd, &format)
	cmd.Flags().BoolVarP(&opts.Follow, "follow", "f", false, "go on with what happens, until interrupted")
	cmd.Flags().StringVar(&since, "since", "", "what is not older than a `TIME`: 10m, or 2026-01-02T15:04:05Z")
	return cmd
}

func (a *app) printEvent(e journal.Event, format string) error {
	if format == "json" {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(e)
	}
	return a.print("%s\n", eventLine(e, terminal(a.out)))
}

// eventLine is an event for a person; the lines of a log follow on their own.
func eventLine(e journal.Event, colour bool) string {
	who := e.Service
	switch {
	case who != "":
	case e.Kind == journal.Config:
		who = "configuration"
	default:
		who = "machine"
	}
	text := strings.Join(strings.Fields(e.Text()), " ")
	if len(e.Because) > 0 && e.Kind == journal.Begin {
		text += ", because " + e.Because[0].String()
	}
	line := fmt.Sprintf("%s  %-13s %s", e.Time.Local().Format("2006-01-02 15:04:05.000"), who, paint(text, eventColour(e), colour && eventColour(e) != ""))
	for _, l := range e.Log {
		line += "\n" + strings.Repeat(" ", 27) + "| " + l
	}
	return line
}

func eventColour(e journal.Event) string {
	switch e.Kind {
	case journal.Failed, journal.CrashLoop:
		return red
	case journal.Interrupted, journal.BrokenOff, journal.Intent:
		return yellow
	case journal.Config:
		return cyan
	case journal.Done:
		return green
	case journal.Begin, journal.Controller, journal.Daemon, journal.State:
	}
	return ""
}
