package servicectl

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// tell adds an event to the journal. It waits for no disk.
func (c *Controller) tell(e journal.Event) {
	c.opts.Journal.Add(e)
	poke(c.write)
}

// syncPause is how much of the history a power cut may take.
const syncPause = time.Second

// writeJournal writes what was told, until ctx ends, and then the rest. What
// cannot be written is tried again. The disk is waited for here, and not often:
// it has Docker's own writes to make.
func (c *Controller) writeJournal(ctx context.Context) {
	var again, durable <-chan time.Time
	for {
		var err error
		select {
		case <-ctx.Done():
			c.flushed(c.opts.Journal.Close())
			return
		case <-durable:
			durable = nil
			err = c.opts.Journal.Sync()
		case <-again: // a flush alone would not tell whether the disk has it
			err = c.opts.Journal.Sync()
		case <-c.write:
			err = c.opts.Journal.Flush()
			if durable == nil {
				durable = time.After(syncPause)
			}
		}
		again = nil
		if !c.flushed(err) {
			again = time.After(savePause)
		}
	}
}

// flushed logs the first of several failures to write the journal.
func (c *Controller) flushed(err error) bool {
	c.mu.Lock()
	news := err != nil && c.journalErr == nil
	changed := (err == nil) != (c.journalErr == nil)
	c.journalErr = err
	c.mu.Unlock()
	if news {
		c.log.WithField("err", err).Error("cannot keep the history of events")
	}
	if changed {
		c.nudge()
	}
	return err == nil
}

// journalReport is what is wrong with the journal. It keeps nothing from running.
func (c *Controller) journalReport() cloudconfig.Report {
	if c.journalErr == nil {
		return nil
	}
	return cloudconfig.Report{{Msg: c.journalErr.Error(), Severity: cloudconfig.Warning}}
}

// recallJournal tells of the steps that an earlier controller did not see the
// end of, and finds out again which changes have not been answered.
func (c *Controller) recallJournal() {
	events, _ := c.opts.Journal.After(0)
	c.mu.Lock()
	for _, e := range events {
		switch {
		case e.Kind == journal.Config:
			for _, name := range e.Services {
				c.blame[name] = concerning(e.Because, name, compose.Service{}, compose.Service{})
			}
		case e.Kind == journal.Done && e.Step == string(plan.Start) && len(e.Because) > 0:
			delete(c.blame, e.Service)
		}
	}
	c.mu.Unlock()
	c.tell(journal.Event{Kind: journal.Controller, State: "begins"})
	for _, e := range c.opts.Journal.Unfinished() {
		c.tell(journal.Event{
			Kind: journal.Interrupted, Service: e.Service, Step: e.Step, Cause: e.Cause, Because: e.Because,
		})
	}
}

// tellConfig tells what another reading changes, and remembers it for the steps
// to come. The caller holds the mutex; desired is still the reading before.
func (c *Controller) tellConfig(d Desired) {
	if !c.loaded {
		c.tell(journal.Event{Kind: journal.Config, State: "the configuration was read", Problem: worst(d.Report)})
		return
	}
	was, is := c.desired.Project.Services, d.Project.Services
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(union(was, is))) {
		before, there := was[name]
		now, wanted := is[name]
		if there == wanted && before.Hash == now.Hash && before.Scope == now.Scope {
			continue
		}
		changed = append(changed, name)
		c.blame[name] = concerning(d.Changes, name, before, now)
	}
	if len(changed) == 0 && len(d.Changes) == 0 && worst(d.Report) == worst(c.desired.Report) {
		return
	}
	c.tell(journal.Event{Kind: journal.Config, Services: changed, Because: slices.Concat(d.Changes, d.Files), Problem: worst(d.Report)})
}

func union[V any](a, b map[string]V) map[string]V {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]V{}
	}
	maps.Copy(out, b)
	return out
}

// worst is the first error of a report.
func worst(r cloudconfig.Report) string {
	for _, p := range r {
		if p.Severity == cloudconfig.Error {
			return p.String()
		}
	}
	return ""
}

// concerning are the changes that made a service another one: those of its own
// keys, else those of no other service's, else those of its definition and of the
// files of variables that it is made with.
func concerning(changes []journal.Change, name string, was, is compose.Service) []journal.Change {
	const all = "rancher.services."
	written := name // there; of a service of several containers these have other names
	for _, svc := range []compose.Service{was, is} {
		if svc.Project == "" && svc.Of != "" {
			written = svc.Of
		}
	}
	own := cloudconfig.JoinPath("rancher", "services", written)
	var mine, common []journal.Change
	for _, ch := range changes {
		switch {
		case ch.Key == own || strings.HasPrefix(ch.Key, own+"."):
			mine = append(mine, ch)
		case !strings.HasPrefix(ch.Key, all):
			common = append(common, ch)
		}
	}
	switch {
	case len(mine) > 0:
		return mine
	case len(common) > 0:
		return common
	case is.Origin.File == "" && was.Origin.File == "":
		return nil
	case is.Origin.File == "": // it is no more, and so is its line
		return []journal.Change{{Key: "the definition of " + name, Origin: was.Origin.File}}
	}
	if was.Origin.File == "" {
		return []journal.Change{{Key: name, What: journal.IsNew, Origin: is.Origin.String()}}
	}
	var files []journal.Change
	for _, file := range slices.Sorted(maps.Keys(union(was.Variables, is.Variables))) {
		if was.Variables[file] != is.Variables[file] {
			files = append(files, journal.Change{Key: "the variables", Origin: file})
		}
	}
	if was.Written == is.Written && len(files) > 0 {
		return files
	}
	return append([]journal.Change{{Key: "the definition of " + name, Origin: is.Origin.String()}}, files...)
}

// blamed are the changes of the configuration that the steps of a service
// answer: it gets another container, or starts the one that it got. The caller
// holds the mutex.
func (c *Controller) blamed(steps []plan.Step) []journal.Change {
	name := steps[0].Service
	because := c.blame[name]
	if con := c.plan.Services[name].Container; con != nil && con.State == plan.Created {
		return because
	}
	for _, s := range steps {
		switch s.Verb {
		case plan.Create, plan.CreateNext, plan.Rename, plan.Remove, plan.Load, plan.Pull:
			return because
		case plan.Start, plan.Stop, plan.Kill, plan.Unpause,
			plan.Tag, plan.NetworkCreate, plan.NetworkRemove, plan.VolumeCreate:
		}
	}
	return nil
}

// settleBlame forgets the changes that a branch has answered. The caller holds
// the mutex.
func (c *Controller) settleBlame(b *branch) {
	last := b.steps[len(b.steps)-1]
	_, wanted := c.desired.Project.Services[b.name]
	if len(b.because) > 0 && !b.abandoned && (last.Verb == plan.Start || !wanted || b.svc.CreateOnly) {
		delete(c.blame, b.name)
	}
}

// tellBegin tells that a step begins, and returns when that outlives this
// process. It need not outlive the machine: no step does.
func (c *Controller) tellBegin(b *branch, s plan.Step) {
	c.opts.Journal.Add(stepEvent(b, s, journal.Begin))
	c.flushed(c.opts.Journal.Flush())
	poke(c.write)
}

// tellEnd tells how a step ended.
func (c *Controller) tellEnd(b *branch, s plan.Step, kind journal.Kind, took time.Duration, err error) {
	e := stepEvent(b, s, kind)
	e.Took = took.Seconds()
	if err != nil {
		e.Problem = err.Error()
	}
	c.tell(e)
	c.counts.operation(s.Verb, kind, took)
	if kind == journal.Done && s.Verb == plan.Start && b.answers() {
		c.counts.restarted(s.Service)
	}
}

// answers says whether a branch answers an exit, ill health, or a start that failed.
func (b *branch) answers() bool {
	return slices.ContainsFunc(b.steps, func(s plan.Step) bool { return s.Failures != nil })
}

func stepEvent(b *branch, s plan.Step, kind journal.Kind) journal.Event {
	return journal.Event{Kind: kind, Service: s.Service, Step: string(s.Verb), Cause: s.Cause, Because: b.because}
}

// tellState tells that a service is in another state. The caller holds the mutex.
func (c *Controller) tellState(was string, s ServiceStatus) {
	e := journal.Event{Kind: journal.State, Service: s.Name, Was: was, State: s.State, Problem: s.Problem, Log: s.LastLog}
	if s.State == plan.StateCrashLoop {
		e.Kind = journal.CrashLoop
	}
	if e.Problem == "" && len(s.WaitingFor) > 0 {
		e.Problem = "waits for " + strings.Join(s.WaitingFor, ", ")
	}
	c.tell(e)
}

// tellDaemon tells that a daemon answers, or does not any more. The caller holds
// the mutex; the observer still has what it observed before.
func (c *Controller) tellDaemon(o *observer, d plan.Daemon) {
	if o.daemon.Available == d.Available {
		return
	}
	name := "System Docker"
	if o.scope == compose.User {
		name = "User Docker"
	}
	e := journal.Event{Kind: journal.Daemon, State: name + " answers"}
	if !d.Available {
		e.State, e.Problem = name+" does not answer any more", d.Err
	}
	c.tell(e)
}
