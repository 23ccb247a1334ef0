package journal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind says what an event is about.
type Kind string

// The kinds of events.
const (
	Controller  Kind = "controller"  // it began
	Config      Kind = "config"      // the configuration was read, and differs
	State       Kind = "state"       // a service, or the machine, is in another state
	CrashLoop   Kind = "crash-loop"  // a service fails over and over
	Begin       Kind = "begin"       // a step begins
	Done        Kind = "done"        // it succeeded
	Failed      Kind = "failed"      // it failed
	BrokenOff   Kind = "broken-off"  // something else is wanted by now
	Interrupted Kind = "interrupted" // it was under way when an earlier controller ended
	Daemon      Kind = "daemon"      // a Docker daemon answers, or does not any more
	Intent      Kind = "intent"      // a user asked for something
)

// Kinds are all kinds, for who wants to list them.
func Kinds() []Kind {
	return []Kind{Controller, Config, State, CrashLoop, Begin, Done, Failed, BrokenOff, Interrupted, Daemon, Intent}
}

// Event is one thing that happened. Events are numbered in the order in which
// they happened: the clock may be set.
type Event struct {
	Number   uint64    `json:"number"`
	Time     time.Time `json:"time"`
	Kind     Kind      `json:"kind"`
	Service  string    `json:"service,omitempty"`
	Services []string  `json:"services,omitempty"` // that a reading of the configuration changes
	Step     string    `json:"step,omitempty"`     // the verb
	Cause    string    `json:"cause,omitempty"`    // of a step
	Because  []Change  `json:"because,omitempty"`  // the changes of the configuration behind it
	Was      string    `json:"was,omitempty"`      // the state before
	State    string    `json:"state,omitempty"`    // the state now, or what a user asked for
	Problem  string    `json:"problem,omitempty"`  // what is wrong
	Took     float64   `json:"took,omitempty"`     // seconds
	Log      []string  `json:"log,omitempty"`      // the last lines of a container
}

// Change is one key, or file, of the configuration that says something else now.
type Change struct {
	Key    string `json:"key"`
	What   string `json:"what,omitempty"`   // became of it; empty: it changed
	Origin string `json:"origin,omitempty"` // file:line:column
	By     string `json:"by,omitempty"`     // the command that wrote it
	Who    string `json:"who,omitempty"`
}

// What becomes of a key or file that does not only change.
const (
	IsNew      = "is new"
	WasRemoved = "was removed"
)

// String is a change as it is told after "because".
func (c Change) String() string {
	text := c.Key + " " + cmp.Or(c.What, "changed")
	if c.Origin != "" {
		text += " at " + c.Origin
	}
	if c.By != "" {
		text += ", by ros " + c.By
	}
	if c.Who != "" {
		text += " (" + c.Who + ")"
	}
	return text
}

// Concerns says whether an event is about one of the services; about any, when
// none is named.
func (e Event) Concerns(services []string) bool {
	return len(services) == 0 || slices.Contains(services, e.Service) ||
		slices.ContainsFunc(e.Services, func(s string) bool { return slices.Contains(services, s) })
}

// Text is what happened, in words for a person, without time and service.
func (e Event) Text() string {
	switch e.Kind {
	case Begin:
		return e.Step + " begins" + paren(e.Cause)
	case Done:
		return e.Step + " done in " + rough(e.Took) + paren(e.Cause)
	case Failed:
		return e.Step + " fails after " + rough(e.Took) + paren(e.Cause) + colon(e.Problem)
	case BrokenOff:
		return e.Step + " is broken off: something else is wanted by now" + paren(e.Cause)
	case Interrupted:
		return e.Step + " was interrupted by a restart of the controller" + paren(e.Cause)
	case Config:
		return e.configText()
	case State, CrashLoop:
		return "is " + e.State + from(e.Was) + colon(e.Problem)
	case Daemon:
		return cmp.Or(e.State, "a Docker daemon") + colon(e.Problem)
	case Intent:
		return "a user asks to " + e.Asked() + failing(e.Problem)
	case Controller:
		return "the controller " + cmp.Or(e.State, "begins")
	}
	return string(e.Kind) + colon(e.Problem)
}

// AskedKill begins the State of a user who sends a signal, which follows.
const AskedKill = "kill -s "

// Asked is what a user asked for, in words that follow "to".
func (e Event) Asked() string {
	switch e.State {
	case "remove", "replace":
		return e.State + " its container"
	}
	if signal, sent := strings.CutPrefix(e.State, AskedKill); sent {
		return "send it " + signal
	}
	return e.State + " it"
}

// shownChanges is how many changes a line names.
const shownChanges = 3

func (e Event) configText() string {
	if len(e.Because) == 0 {
		return cmp.Or(e.State, "the configuration was read") + colon(e.Problem)
	}
	var parts []string
	for i, c := range e.Because {
		if i == shownChanges {
			parts = append(parts, fmt.Sprintf("and %d more", len(e.Because)-i))
			break
		}
		parts = append(parts, c.String())
	}
	return strings.Join(parts, "; ") + colon(e.Problem)
}

func paren(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func failing(why string) string {
	if why == "" {
		return ""
	}
	return ", which fails: " + why
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func from(state string) string {
	if state == "" {
		return ""
	}
	return ", was " + state
}

func rough(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d >= time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// parse reads the lines of a file, oldest first. What is damaged, such as the
// last line of a machine that lost its power, is left out.
func parse(data []byte) []Event {
	var out []Event
	for line := range strings.Lines(string(data)) {
		var e Event
		if json.Unmarshal([]byte(line), &e) != nil || e.Kind == "" || e.Number == 0 || e.Number > highest {
			continue
		}
		if n := len(out); n > 0 && e.Number <= out[n-1].Number {
			continue // a copy, as of a rotation that was cut off
		}
		out = append(out, e)
	}
	return out
}

// highest is more events than there will ever be: a higher number is damage.
const highest = 1 << 62

// bound cuts what a line must not be longer for.
func (e Event) bound() Event {
	e.Cause, e.Problem = cut(e.Cause), cut(e.Problem)
	if len(e.Because) > mostChanges {
		e.Because = e.Because[:mostChanges]
	}
	if len(e.Services) > mostChanges {
		e.Services = e.Services[:mostChanges]
	}
	return e
}

const (
	longestText = 500
	mostChanges = 100
)

func cut(text string) string {
	if len(text) <= longestText {
		return text
	}
	return strings.ToValidUTF8(text[:longestText], "") + "…"
}
