package servicectl

import (
	"context"
	"fmt"
	"time"

	"github.com/ros-os/ros/servicectl/plan"
)

// Reload says that the configuration may have changed.
func (c *Controller) Reload() {
	c.mu.Lock()
	c.dirty, c.glance = true, false
	c.loadAt = time.Time{}
	c.publish()
	c.mu.Unlock()
	c.nudge()
}

// refresh has the configuration read again, and waits for that: a file that was
// written just before somebody asks may not have been told of yet. Where nothing
// has changed, nothing is published.
func (c *Controller) refresh(ctx context.Context) {
	c.mu.Lock()
	c.glance = c.glance || !c.dirty
	c.dirty = true
	c.mu.Unlock()
	c.nudge()
	c.reread(ctx)
}

// mostReread is how long somebody waits for the configuration to be read.
const mostReread = 5 * time.Second

// reread waits until the configuration was read since it was said to have changed,
// or could not be: whoever asked for that may name what is new in it. It does not
// wait for ever.
func (c *Controller) reread(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, mostReread)
	defer cancel()
	for {
		c.mu.Lock()
		done, read := !c.dirty && !c.reading || c.loadErr != nil, c.read
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-read:
		}
	}
}

// readingEnds tells those who wait for a reading that the plan is about it. The
// caller holds the mutex.
func (c *Controller) readingEnds() {
	if !c.reading {
		return
	}
	c.reading = false
	close(c.read)
	c.read = make(chan struct{})
}

// reload reads the configuration where it may have changed. A reading that
// fails leaves what was wanted before, and is tried again.
func (c *Controller) reload(ctx context.Context) {
	c.mu.Lock()
	wanted, glance := c.dirty && !c.loadAt.After(time.Now()), c.glance
	if wanted {
		c.dirty, c.glance, c.reading = false, false, true
	}
	c.mu.Unlock()
	if !wanted {
		return
	}
	desired, err := c.opts.Loader.Load(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loadErr, c.loadAt = nil, time.Time{}
	if err != nil {
		c.dirty = true
		c.loadErr = fmt.Errorf("cannot load the configuration: %w", err)
		c.loadTries++
		now := time.Now()
		c.loadAt = now.Add(plan.Backoff("configuration", c.loadTries, now))
		c.log.WithField("err", err).Error("cannot load the configuration")
		return
	}
	c.loadTries = 0
	if !glance || !c.loaded || !c.desired.same(desired) {
		c.adopt(desired)
	}
}
