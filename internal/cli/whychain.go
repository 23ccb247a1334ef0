package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// wondering looks for reasons in what the controller says.
type wondering struct {
	status  servicectl.Status
	events  []journal.Event
	project compose.Project
	now     time.Time
	seen    []string // services that the chain has been at
}

// all is why the services that a name means are as they are.
func (w *wondering) all(name string, services []servicectl.ServiceStatus) reason {
	if len(services) == 1 {
		return w.service(services[0].Name)
	}
	r := reason{Service: name, Text: fmt.Sprintf("%s is %d containers", name, len(services))}
	for _, s := range services {
		w.seen = nil // each is told whole
		r.Because = append(r.Because, w.service(s.Name))
	}
	return r
}

// gone is why a service, or a project, is no more, by its name or that of its container;
// false where nothing is known of one.
func (w *wondering) gone(name string) (reason, bool) {
	r := reason{Service: name, Text: name + " is not in the configuration"}
	for _, container := range w.had(name) {
		if done, ok := w.lastChange(servicectl.ServiceStatus{Name: container}); ok {
			if container != name {
				done.Text = container + " was " + done.Text
			}
			r.Because = append(r.Because, done)
		}
	}
	return r, len(r.Because) > 0
}

// had are the containers that a name meant and that are wanted no more.
func (w *wondering) had(name string) []string {
	var out []string
	for _, e := range w.events {
		prefix, number := "", e.Service
		if i := strings.LastIndex(e.Service, "-"); i >= 0 {
			prefix, number = e.Service[:i], e.Service[i+1:]
		}
		_, err := strconv.Atoi(number)
		replica := err == nil && (prefix == strings.ReplaceAll(name, "/", "-") || strings.HasPrefix(prefix, name+"-"))
		there := slices.ContainsFunc(w.status.Services, func(s servicectl.ServiceStatus) bool { return s.Name == e.Service })
		if (e.Service == name || replica) && !there && !slices.Contains(out, e.Service) {
			out = append(out, e.Service)
		}
	}
	slices.Sort(out)
	return out
}

// service is why a service is as it is.
func (w *wondering) service(name string) reason {
	w.seen = append(w.seen, name)
	i := slices.IndexFunc(w.status.Services, func(s servicectl.ServiceStatus) bool { return s.Name == name })
	if i < 0 {
		return reason{Service: name, Text: name + " is not in the configuration"}
	}
	s := w.status.Services[i]
	r := reason{Service: name, Text: name + " is " + s.State}
	if s.State == plan.StateRunning && s.Restarts > 0 {
		r.Text += fmt.Sprintf(", restarted %s", times(s.Restarts))
	}
	if s.Problem != "" && !strings.HasPrefix(s.Problem, "waits for ") { // that is told below
		r.Because = append(r.Because, reason{Text: "what is wrong: " + s.Problem, Log: s.LastLog})
	}
	if s.Note != "" {
		r.Because = append(r.Because, reason{Text: s.Note})
	}
	if s.Schedule != "" {
		r.Because = append(r.Because, reason{Text: "is scheduled for " + s.Schedule + ": " + runs(s, w.now)})
	}
	r.Because = append(r.Because, w.waiting(s)...)
	if done, ok := w.lastChange(s); ok {
		r.Because = append(r.Because, done)
	}
	if asked, ok := w.intent(s); ok {
		r.Because = append(r.Because, asked)
	}
	return r
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// waiting is what a service waits for, with the reasons of the services among
// that.
func (w *wondering) waiting(s servicectl.ServiceStatus) []reason {
	var out []reason
	for _, what := range s.WaitingFor {
		r := reason{Text: "waits for " + what}
		on := awaited(what)
		for _, d := range w.project.Services[s.Name].Needs {
			if d.Service == on && d.Cause != "" {
				r.Text += ", as " + d.Cause + " says"
				if d.Origin.File != "" {
					r.Text += " at " + d.Origin.String()
				}
			}
		}
		known := slices.ContainsFunc(w.status.Services, func(o servicectl.ServiceStatus) bool { return o.Name == on })
		if known && !slices.Contains(w.seen, on) {
			r.Because = append(r.Because, w.service(on))
		}
		out = append(out, r)
	}
	return out
}

// awaited is the service that somebody waits for; none where it is something else,
// such as "network shop_front, which is external, to be there".
func awaited(what string) string {
	on, rest, _ := strings.Cut(what, " ")
	if name, waits := strings.CutSuffix(on, ","); waits || strings.HasPrefix(rest, "to ") {
		return name
	}
	return ""
}

// lastChange is the last thing that was done to a service, and why.
func (w *wondering) lastChange(s servicectl.ServiceStatus) (reason, bool) {
	last := -1
	for i, e := range w.events {
		if e.Service == s.Name && e.Step != "" && e.Kind != journal.Begin {
			last = i
		}
	}
	if last < 0 {
		if s.Cause == "" {
			return reason{}, false
		}
		return reason{Text: "the last step was made because: " + s.Cause}, true
	}
	e := w.events[last]
	r := reason{Text: fmt.Sprintf("%s at %s%s", w.deed(last), w.clock(e.Time), because(e))}
	if e.Problem != "" {
		r.Because = append(r.Because, reason{Text: e.Problem})
	}
	if sent, ok := w.signal(last); ok {
		r.Because = append(r.Because, sent)
	}
	for _, c := range e.Because {
		r.Because = append(r.Because, reason{Text: c.String()})
	}
	if len(e.Because) == 1 { // one cause fits the line
		r.Text += " because " + e.Because[0].String()
		r.Because = r.Because[:len(r.Because)-1]
	}
	return r, true
}

func because(e journal.Event) string {
	if e.Cause == "" {
		return ""
	}
	return " (" + e.Cause + ")"
}

// signal is what a user sent to a service since the step before the one that ends
// with an event: the service may have ended by that.
func (w *wondering) signal(last int) (reason, bool) {
	for _, e := range slices.Backward(w.events[:last]) {
		switch {
		case e.Service != w.events[last].Service:
		case e.Kind == journal.Done:
			return reason{}, false
		case e.Kind == journal.Intent && e.Problem == "" && strings.HasPrefix(e.State, journal.AskedKill):
			return reason{Text: fmt.Sprintf("a user sent %s at %s", strings.TrimPrefix(e.State, journal.AskedKill), w.clock(e.Time))}, true
		}
	}
	return reason{}, false
}

// deed says in a word what the steps that end with an event have done.
func (w *wondering) deed(last int) string {
	e := w.events[last]
	verb := plan.Verb(e.Step)
	switch e.Kind {
	case journal.Failed:
		return "could not " + e.Step
	case journal.BrokenOff, journal.Interrupted:
		return e.Step + " was " + strings.ReplaceAll(string(e.Kind), "-", " ")
	case journal.Done, journal.Begin, journal.Config, journal.Controller, journal.CrashLoop, journal.Daemon, journal.Intent, journal.State:
	}
	if verb == plan.Start {
		return w.started(last)
	}
	word, known := map[plan.Verb]string{
		plan.Create: "created", plan.CreateNext: "its replacement was created", plan.Rename: "replaced", plan.Stop: "stopped",
		plan.Kill: "killed", plan.Unpause: "unpaused", plan.Remove: "removed", plan.Pull: "its image was pulled", plan.Load: "its image was loaded",
	}[verb]
	if !known {
		return e.Step
	}
	return word
}

// started tells a start that belongs to a replacement from the others, by the
// steps of the same cause before it.
func (w *wondering) started(last int) string {
	e := w.events[last]
	for _, before := range slices.Backward(w.events[:last]) {
		if before.Service != e.Service || before.Kind != journal.Done {
			continue
		}
		if before.Cause != e.Cause {
			break
		}
		deeds := map[plan.Verb]string{plan.Rename: "replaced", plan.Create: "created and started", plan.Stop: "restarted"}
		if deed := deeds[plan.Verb(before.Step)]; deed != "" {
			return deed
		}
		break
	}
	return "started"
}

// intent is what a user asked for last, while that holds.
func (w *wondering) intent(s servicectl.ServiceStatus) (reason, bool) {
	if s.State != plan.StateStopped {
		return reason{}, false
	}
	for _, e := range slices.Backward(w.events) {
		if e.Service == s.Name && e.Kind == journal.Intent && !strings.HasPrefix(e.State, journal.AskedKill) {
			return reason{Text: fmt.Sprintf("a user asked to %s at %s", e.Asked(), w.clock(e.Time))}, true
		}
	}
	return reason{}, false
}

func (w *wondering) clock(t time.Time) string { return clock(t, w.now) }
