package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// graph is the services and what they wait for.
type graph struct {
	Services []node `json:"services"` // by name
	Edges    []edge `json:"edges"`    // by names
}

// node is one service.
type node struct {
	Name    string `json:"name"`
	Scope   string `json:"scope"`
	State   string `json:"state,omitempty"` // empty: the controller does not answer
	Missing bool   `json:"missing,omitempty"`
}

// edge is one service that waits for another.
type edge struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Condition string `json:"condition"` // compose's, shortened
	Required  bool   `json:"required"`  // else the order alone counts
	Cause     string `json:"cause,omitempty"`
	Origin    string `json:"origin,omitempty"`
}

var graphFormats = []string{"text", "dot", "mermaid", "json"}

func (a *app) graphCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "graph [SERVICE…]",
		Short: "Show which services wait for which",
		Long: `Show which services wait for which, for what, and who says so: below each service
what it waits for. What is required keeps a service from starting when it fails;
what is optional gives the order alone. With names, only those services and what
they wait for are shown.

The graph is that of the configuration; the states come from the controller, when
it answers.`,
		Example: `  ros graph
  ros graph web
  ros graph -o dot | dot -Tsvg > services.svg
  ros graph -o mermaid`,
		ValidArgsFunction: a.completeGraph,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(graphFormats, format) {
				return fmt.Errorf("there is no output format %q: %s", format, strings.Join(graphFormats, ", "))
			}
			project := desired(a.root).Project
			var names []string
			for _, name := range args {
				meant := project.Wanted(name)
				if len(meant) == 0 {
					return fmt.Errorf("%w: %q ('ros graph' shows which there are)", servicectl.ErrUnknown, name)
				}
				names = append(names, meant...)
			}
			g := graphOf(project, a.states(cmd.Context()), names)
			switch format {
			case "json":
				return a.printJSON(g)
			case "dot":
				return a.print("%s", g.dot())
			case "mermaid":
				return a.print("%s", g.mermaid())
			}
			return a.print("%s", g.tree(terminal(a.out)))
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "output `FORMAT`: "+strings.Join(graphFormats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(graphFormats, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that does not exist
	return cmd
}

// completeGraph completes services of the configuration.
func (a *app) completeGraph(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return slices.Sorted(maps.Keys(desired(a.root).Project.Services)), cobra.ShellCompDirectiveNoFileComp
}

// statesTimeout is how long the controller may take to tell the states: the graph
// does without.
const statesTimeout = 2 * time.Second

// states are the states of the services; none when the controller does not answer.
func (a *app) states(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, statesTimeout)
	defer cancel()
	st, err := a.client().Status(ctx)
	if err != nil {
		return nil
	}
	out := map[string]string{}
	for _, s := range st.Services {
		out[s.Name] = s.State
	}
	return out
}

// graphOf is the graph of a project, of some services and what they wait for
// when some are named.
func graphOf(p compose.Project, states map[string]string, names []string) graph {
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(p.Services))
	}
	g := graph{Services: []node{}, Edges: []edge{}}
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		svc, known := p.Services[name]
		g.Services = append(g.Services, node{Name: name, Scope: string(svc.Scope), State: states[name], Missing: !known})
		for _, d := range svc.Needs {
			e := edge{From: name, To: d.Service, Condition: string(d.Condition), Required: d.Required, Cause: d.Cause}
			if d.Origin.File != "" {
				e.Origin = d.Origin.String()
			}
			g.Edges = append(g.Edges, e)
			visit(d.Service)
		}
	}
	for _, name := range names {
		visit(name)
	}
	slices.SortFunc(g.Services, func(a, b node) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(g.Edges, func(a, b edge) int { return strings.Compare(a.From+"\x00"+a.To, b.From+"\x00"+b.To) })
	return g
}

// text is what an edge waits for, and who says so.
func (e edge) text() string {
	out := "to be ready"
	switch compose.Condition(e.Condition) {
	case compose.Started:
		out = "to start"
	case compose.Completed:
		out = "to complete"
	case compose.IsReady:
	}
	if !e.Required {
		out += ", optional"
	}
	if e.Cause != "" {
		out += " (" + e.Cause + ")"
	}
	return out
}

// graphColour is the colour of a state: of a terminal, and of a picture.
func graphColour(state string) (terminal, picture string) {
	switch state {
	case plan.StateRunning, plan.StateDone:
		return green, "#b7e1b0"
	case plan.StateFailed, plan.StateCrashLoop, plan.StateUnhealthy:
		return red, "#f4b6b0"
	case "":
		return "", "#ffffff"
	case plan.StateStopped:
		return "", "#dddddd"
	}
	return yellow, "#f6e3a1"
}
