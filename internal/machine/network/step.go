package network

import (
	"fmt"
	"slices"
	"strings"
)

// Verb is what a [Step] does.
type Verb string

// The verbs, in the order in which a link meets them.
const (
	Rename    Verb = "rename"
	Remove    Verb = "remove"
	Make      Verb = "make"
	Configure Verb = "configure" // options of a bond, bridge or tunnel

	RunCommands Verb = "run" // commands of the configuration
	StartDHCP   Verb = "start dhcp"
	StopDHCP    Verb = "stop dhcp"

	SetMAC    Verb = "set mac"
	SetMTU    Verb = "set mtu"
	SetSysctl Verb = "set"
	Join      Verb = "join"  // a bridge or bond
	Leave     Verb = "leave" // them
	SetPort   Verb = "set port"
	SetUp     Verb = "set up"

	AddAddress    Verb = "add address"
	RemoveAddress Verb = "remove address"
	AddRoute      Verb = "add route"
	ReplaceRoute  Verb = "replace route"
	RemoveRoute   Verb = "remove route"
	AddRule       Verb = "add rule"
	RemoveRule    Verb = "remove rule"
)

// Step is one change of one link.
type Step struct {
	Verb Verb   `json:"verb"`
	Link string `json:"link,omitempty"`
	What string `json:"what,omitempty"` // "192.0.2.7/24"
	// Cause is what of the configuration asks for it, or that nothing does.
	Cause string `json:"cause"`

	device  *Device // Make
	options map[string]string
	address address
	route   Route
	rule    Rule
	path    string // SetSysctl
	value   string // of Set…, Join, Rename
	number  int
	former  int      // SetMTU: what it replaces
	lines   []string // RunCommands
}

func (s Step) String() string { return fmt.Sprintf("%s (%s)", s.change(), s.Cause) }

// change is the step without its cause.
func (s Step) change() string {
	words := []string{string(s.Verb)}
	for _, w := range []string{s.Link, s.What} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// brings is the link that is there once the step is made, and was not before; "" when
// it is another step.
func (s Step) brings() string {
	switch s.Verb {
	case Make:
		return s.Link
	case Rename:
		return s.value
	default:
		return ""
	}
}

// needs are the links that have to be there for the step.
func (s Step) needs() []string {
	switch s.Verb {
	case Make:
		return []string{s.device.Parent}
	case Join:
		return []string{s.Link, s.value}
	default:
		return []string{s.Link}
	}
}

// Plan is the difference between the settings and the kernel: the steps, in the
// order in which they are made, that change the one into the other.
type Plan struct {
	Steps    []Step   `json:"steps"`
	Problems []string `json:"problems,omitempty"` // what cannot be made
}

func (p Plan) makes(name string) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Verb == Make && s.Link == name })
}

// String is a plan for people, a line for each step.
func (p Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintln(&b, s)
	}
	for _, problem := range p.Problems {
		fmt.Fprintln(&b, "problem:", problem)
	}
	return b.String()
}

// beforeDHCP says whether a step makes the links that dhcpcd is started for.
func (s Step) beforeDHCP() bool {
	switch s.Verb {
	case Rename, Remove, Make, Configure:
		return true
	case RunCommands, StartDHCP, StopDHCP, SetMAC, SetMTU, SetSysctl, Join, Leave, SetPort, SetUp,
		AddAddress, RemoveAddress, AddRoute, ReplaceRoute, RemoveRoute, AddRule, RemoveRule:
	}
	return false
}

func (r Route) String() string {
	text := r.To.String()
	if r.To.Bits() == 0 {
		text = "default"
	}
	if r.Type != "" {
		text = r.Type + " " + text
	}
	if r.Via.IsValid() {
		text += " via " + r.Via.String()
	}
	if r.From.IsValid() {
		text += " from " + r.From.String()
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"metric", r.Metric}, {"table", r.Table}, {"mtu", r.MTU}} {
		if n.value != 0 {
			text += fmt.Sprintf(" %s %d", n.name, n.value)
		}
	}
	return text
}

func (r Rule) String() string {
	var words []string
	if r.From.IsValid() {
		words = append(words, "from "+r.From.String())
	}
	if r.To.IsValid() {
		words = append(words, "to "+r.To.String())
	}
	if len(words) == 0 {
		words = []string{"from all"}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"mark", r.Mark}, {"tos", r.TOS}, {"priority", r.Priority}, {"table", r.Table}} {
		if n.value != 0 {
			words = append(words, fmt.Sprintf("%s %d", n.name, n.value))
		}
	}
	return strings.Join(words, " ")
}
