package servicectl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// startedNow stands in [plan.Memory.Ran] for the container that a step has just
// started, until it is observed and has an ID.
const startedNow = "started"

// noteBegin remembers when a change of a service began: the time until ready
// counts from there. The caller holds the mutex.
func (c *Controller) noteBegin(b *branch, now time.Time) {
	m := c.memory[b.name]
	if m.Began.IsZero() || m.ReadyAfter > 0 {
		m.Began, m.ReadyAfter = now, 0
		c.memory[b.name] = m
	}
}

// noteStep marks a step as begun, or says why it is not made.
func (c *Controller) noteStep(b *branch, s plan.Step) error {
	c.mu.Lock()
	if b.abandoned {
		c.mu.Unlock()
		return errAbandoned
	}
	b.verb = s.Verb
	b.at = slices.IndexFunc(b.steps, func(x plan.Step) bool { return x.ID == s.ID })
	b.acting = s.Verb != plan.Load && s.Verb != plan.Pull
	if s.Failures != nil {
		m := c.memory[b.name]
		m.Failures, m.Hash = s.Failures, b.svc.Hash
		c.memory[b.name] = m
	}
	c.mu.Unlock()
	if s.Failures != nil {
		c.save()
	}
	return nil
}

// noteOver marks a step as ended: what its branch waits for next may be broken off.
func (c *Controller) noteOver(b *branch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.acting = false
}

// noteDone remembers a step that succeeded.
func (c *Controller) noteDone(b *branch, s plan.Step, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.memory[b.name]
	m.Changed = now
	switch s.Verb {
	case plan.Load, plan.Pull, plan.Tag, plan.NetworkCreate, plan.VolumeCreate, plan.NetworkRemove:
		m = m.Forgiven()
	case plan.Create, plan.CreateNext:
		if s.Failures == nil {
			m = m.Forgiven() // a new container has not failed yet
		}
		m.Restarts = 0
		m.LastCause, m.Gone = s.Cause, ""
	case plan.Start:
		if s.Container != "" && s.Container == m.Ran && !s.Scheduled {
			m.Restarts++
		}
		m.Ran, m.Start, m.Restart = startedNow, false, false
		m.LastCause, m.LastError, m.Gone = s.Cause, "", ""
	case plan.Stop:
		m.LastCause, m.Grace = s.Cause, 0
		if s.Scheduled && b.svc.Schedule != nil && b.svc.Schedule.Action == compose.ScheduleStop {
			m.Intent = plan.Stopped // else it would be started again
		}
	case plan.Remove:
		m.LastCause, m.Gone = s.Cause, s.Cause
		if m.Intent == plan.Removed {
			m.Ran, m.Gone = "", "" // else the next one would seem to be made because this one vanished
		}
		if m.Replace == s.Container {
			m.Replace = ""
		}
	case plan.Rename, plan.Kill, plan.Unpause:
		m.LastCause = s.Cause
	}
	c.memory[b.name] = m
}

// noteFailed remembers a step that failed.
func (c *Controller) noteFailed(b *branch, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory[b.name] = c.memory[b.name].Failed(b.name, b.svc.Hash, now, err.Error())
}

// noteRunning remembers which containers have run since boot. The caller holds
// the mutex.
func (c *Controller) noteRunning(d plan.Daemon) {
	for i := range d.Containers {
		con := &d.Containers[i]
		if !con.Managed || con.Service != con.Name {
			continue
		}
		if c.branches[con.Service] != nil {
			continue
		}
		m := c.memory[con.Service]
		news := con.State == plan.Running && (m.Ran != con.ID || m.Start)
		if news || m.Ran == startedNow && con.State != plan.Created {
			m.Ran, m.Start = con.ID, false
			c.memory[con.Service] = m
		}
	}
}

// noteReady remembers how long it took until services were ready. The caller
// holds the mutex.
func (c *Controller) noteReady(now time.Time) {
	for name, s := range c.plan.Services {
		m := c.memory[name]
		if s.Ready && m.ReadyAfter == 0 && !m.Began.IsZero() && c.branches[name] == nil {
			m.ReadyAfter = max(now.Sub(m.Began), 1)
			c.memory[name] = m
		}
	}
}

// forgetGone forgets services that are neither wanted nor there. The caller
// holds the mutex.
func (c *Controller) forgetGone() {
	if len(c.memory) <= len(c.desired.Project.Services) {
		return
	}
	there := map[string]bool{}
	for _, o := range c.observers {
		if !o.current() {
			return
		}
		for i := range o.daemon.Containers {
			there[o.daemon.Containers[i].Service] = true
			there[o.daemon.Containers[i].Name] = true
		}
		for name := range o.daemon.Networks {
			there[plan.NetworkService(name)] = true
		}
	}
	for name := range c.memory {
		_, wanted := c.desired.Project.Services[name]
		if !wanted && !there[name] && c.branches[name] == nil {
			delete(c.memory, name)
			delete(c.churn, name)
			delete(c.blame, name)
			c.counts.forget(name)
		}
	}
}

// recall reads what an earlier controller of this boot remembered.
func (c *Controller) recall() {
	if c.opts.StatePath == "" {
		c.recallPersistent(true)
		return
	}
	data, err := os.ReadFile(c.opts.StatePath)
	defer func() { c.recallPersistent(err != nil) }()
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	memory := map[string]plan.Memory{}
	if err == nil {
		err = json.Unmarshal(data, &memory)
	}
	if err != nil {
		c.log.WithField("err", err).Warn("cannot read what the last controller remembered")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory = memory
}

// save writes what must outlive this controller.
func (c *Controller) save() {
	if c.opts.StatePath == "" {
		return
	}
	c.saving.Lock()
	defer c.saving.Unlock()
	c.mu.Lock()
	data, err := json.Marshal(c.memory)
	c.mu.Unlock()
	if err == nil {
		err = writeFile(c.opts.StatePath, data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.saveErr
	c.saveErr, c.saveAt = nil, time.Time{}
	if err == nil {
		return
	}
	c.saveErr, c.saveAt = fmt.Errorf("cannot keep what the controller remembers: %w", err), time.Now().Add(savePause)
	if before == nil || before.Error() != c.saveErr.Error() {
		c.log.WithField("err", err).Error("cannot keep what the controller remembers")
	}
}

// savePause is how long after a failure to save is tried again.
const savePause = 5 * time.Second

// saveAgain saves what could not be saved, when that is due.
func (c *Controller) saveAgain() {
	c.mu.Lock()
	due := c.saveErr != nil && !c.saveAt.After(time.Now())
	c.mu.Unlock()
	if due {
		c.save()
	}
}

// writeFile replaces a file in one instant. It is not synced: its folder does
// not outlive the machine.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot create the folder of %q: %w", path, err)
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		os.Remove(tmp) // half of it would only take the room of the next try
		return fmt.Errorf("cannot write %q: %w", tmp, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("cannot replace %q: %w", path, err)
	}
	return nil
}
