package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
)

// reason is one link of a chain of causes. What is below explains it.
type reason struct {
	Service string   `json:"service,omitempty"`
	Text    string   `json:"text"`
	Log     []string `json:"log,omitempty"`
	Because []reason `json:"because,omitempty"`
}

func (a *app) whyCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "why SERVICE",
		Short: "Tell why a service is as it is",
		Long: `Tell the chain of causes: what was last done to a service and which change of the
configuration, by whom, was behind it; what is wrong with it, with the last lines
that it logged; and what it waits for, with the reasons of that. Of a service with
replicas, or a project, it tells about each container; of one that is no more, why.`,
		Example: `  ros why ntp
  ros why shop/web
  ros why -o json web | jq -r '.because[].text'`,
		Args:              cobra.MatchAll(someServices, cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := a.client().Status(cmd.Context())
			if err != nil {
				return err
			}
			services, unknown := pick(st.Services, args)
			var events []journal.Event
			err = a.client().Events(cmd.Context(), servicectl.EventOptions{}, func(e journal.Event) error {
				events = append(events, e)
				return nil
			})
			if err != nil {
				return err
			}
			w := wondering{status: st, events: events, project: desired(a.root).Project, now: time.Now()}
			answer, there := w.gone(args[0])
			switch {
			case unknown == nil:
				answer = w.all(args[0], services)
			case !there:
				return unknown
			}
			if format == "json" {
				return a.printJSON(answer)
			}
			return a.print("%s", answer.String())
		},
	}
	outputFlag(cmd, &format)
	return cmd
}

// String is a chain for a person: what explains a line is indented below it.
func (r reason) String() string {
	var b strings.Builder
	r.write(&b, 0)
	return b.String()
}

func (r reason) write(b *strings.Builder, depth int) {
	indent := strings.Repeat("  ", depth)
	b.WriteString(indent + strings.Join(strings.Fields(r.Text), " ") + "\n")
	for _, l := range r.Log {
		b.WriteString(indent + "    | " + l + "\n")
	}
	for _, below := range r.Because {
		below.write(b, depth+1)
	}
}
