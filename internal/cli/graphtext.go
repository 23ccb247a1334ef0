package cli

import (
	"fmt"
	"slices"
	"strings"
)

// tree is the graph as text: below each service what it waits for. What was shown
// is not shown again.
func (g graph) tree(colour bool) string {
	t := tree{graph: g, colour: colour, shown: map[string]bool{}, below: map[string][]edge{}}
	awaited := map[string]bool{}
	for _, e := range g.Edges {
		t.below[e.From] = append(t.below[e.From], e)
		awaited[e.To] = true
	}
	for _, n := range g.Services { // those that nobody waits for are at the top
		if !awaited[n.Name] {
			t.top(n.Name)
		}
	}
	for _, n := range g.Services { // a cycle has no top
		if !t.shown[n.Name] {
			t.top(n.Name)
		}
	}
	return t.text.String()
}

type tree struct {
	graph  graph
	colour bool
	shown  map[string]bool
	below  map[string][]edge
	text   strings.Builder
}

func (t *tree) top(name string) {
	t.text.WriteString(t.label(name) + "\n")
	t.children(name, "")
}

func (t *tree) children(name, indent string) {
	t.shown[name] = true
	edges := t.below[name]
	for i, e := range edges {
		branch, further := "├─ ", "│  "
		if i == len(edges)-1 {
			branch, further = "└─ ", "   "
		}
		again := ""
		if t.shown[e.To] && len(t.below[e.To]) > 0 {
			again = ", see above"
		}
		fmt.Fprintf(&t.text, "%s%s%s %s%s\n", indent, branch, t.label(e.To), e.text(), again)
		if !t.shown[e.To] {
			t.children(e.To, indent+further)
		}
	}
}

// label is a service with its state.
func (t *tree) label(name string) string {
	i := slices.IndexFunc(t.graph.Services, func(n node) bool { return n.Name == name })
	n := t.graph.Services[i]
	switch {
	case n.Missing:
		return name + " [" + paint("not in the configuration", red, t.colour) + "]"
	case n.State == "":
		return name
	}
	code, _ := graphColour(n.State)
	return name + " [" + paint(n.State, code, t.colour && code != "") + "]"
}

// dot is the graph for Graphviz.
func (g graph) dot() string {
	var b strings.Builder
	b.WriteString("digraph services {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=sans];\n  edge [fontname=sans, fontsize=10];\n")
	for _, n := range g.Services {
		_, fill := graphColour(n.State)
		fmt.Fprintf(&b, "  %s [label=%s, fillcolor=%q];\n", quoteDot(n.Name), quoteDot(strings.TrimSpace(n.Name+"\n"+n.State)), fill)
	}
	for _, e := range g.Edges {
		style := "solid"
		if !e.Required {
			style = "dashed"
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s, style=%s];\n", quoteDot(e.From), quoteDot(e.To), quoteDot(e.text()), style)
	}
	b.WriteString("}\n")
	return b.String()
}

// quoteDot is a text in quotes, as DOT has them.
func quoteDot(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

// mermaid is the graph for Mermaid. Names are labels: not every name may be an ID.
func (g graph) mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	ids := map[string]string{}
	for i, n := range g.Services {
		ids[n.Name] = fmt.Sprintf("s%d", i)
		label := quoteMermaid(n.Name)
		if n.State != "" {
			label += "<br/>" + n.State
		}
		fmt.Fprintf(&b, "  %s[\"%s\"]\n", ids[n.Name], label)
		if _, fill := graphColour(n.State); n.State != "" {
			fmt.Fprintf(&b, "  style %s fill:%s\n", ids[n.Name], fill)
		}
	}
	for _, e := range g.Edges {
		arrow := "-->"
		if !e.Required {
			arrow = "-.->"
		}
		fmt.Fprintf(&b, "  %s %s|\"%s\"| %s\n", ids[e.From], arrow, quoteMermaid(e.text()), ids[e.To])
	}
	return b.String()
}

// quoteMermaid is a text as it may stand between quotes.
func quoteMermaid(text string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(text)
}
