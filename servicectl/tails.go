package servicectl

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// How much of the log of a service that fails is shown.
const (
	tailLines   = 5
	tailWidth   = 300
	tailBytes   = 64 << 10 // five lines may be long
	tailTimeout = 5 * time.Second
)

// lastLog is the last that a container has logged.
type lastLog struct {
	of    logOf
	read  bool // lines is what there was
	lines []string
}

// logOf is a run of a container.
type logOf struct {
	scope   compose.Scope
	id      string
	started time.Time
	state   plan.State
}

// wantTails asks for the last lines of the services that are not as they should
// be, and forgets those of the others. The caller holds the mutex.
func (c *Controller) wantTails() {
	next := map[string]lastLog{}
	wanted := false
	for name, s := range c.plan.Services {
		if s.Container == nil || s.Ready || s.State == plan.StateStopped {
			continue
		}
		if last := c.lastLogs[name]; !failing(s.State) {
			if last.of.id == s.Container.ID { // it is tried again
				next[name] = last
			}
			continue
		}
		of := logOf{c.desired.Project.Services[name].Scope, s.Container.ID, s.Container.Started, s.Container.State}
		last := c.lastLogs[name]
		if last.of != of {
			last = lastLog{of: of, lines: last.lines} // shown until there are newer ones
		}
		wanted = wanted || !last.read
		next[name] = last
	}
	c.lastLogs = next
	if wanted {
		poke(c.tails)
	}
}

// failing says whether the last lines of a log may tell why a service is in a
// state.
func failing(state string) bool { return bad(state) || state == plan.StateBackoff }

// readTails reads the lines that are wanted, until ctx ends. A log that cannot
// be read has none.
func (c *Controller) readTails(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.tails:
		}
		c.mu.Lock()
		todo := maps.Clone(c.lastLogs)
		c.mu.Unlock()
		for name, last := range todo {
			if !last.read && ctx.Err() == nil {
				c.noteTail(name, last.of, c.tail(ctx, last.of))
			}
		}
		c.nudge()
	}
}

// noteTail remembers lines, unless others are wanted by now.
func (c *Controller) noteTail(name string, of logOf, lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lastLogs[name].of == of {
		c.lastLogs[name] = lastLog{of, true, lines}
	}
}

// tail is the last lines of a container, fit to be shown.
func (c *Controller) tail(ctx context.Context, of logOf) []string {
	ctx, cancel := context.WithTimeout(ctx, tailTimeout)
	defer cancel()
	var out capped
	if err := c.opts.Engine.Logs(ctx, of.scope, of.id, LogOptions{Tail: tailLines}, &out); err != nil && out.Len() == 0 {
		return nil
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		if line = plain(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-tailLines):]
}

// plain is a line without what would move a terminal's cursor.
func plain(line string) string {
	line = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, "�"))
	line = strings.TrimSpace(line)
	if runes := []rune(line); len(runes) > tailWidth {
		line = string(runes[:tailWidth]) + "…"
	}
	return line
}

// capped keeps what was written last.
type capped struct{ bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	n, err := c.Buffer.Write(p)
	if extra := c.Len() - tailBytes; extra > 0 {
		c.Next(extra)
	}
	return n, err
}
