package servicectl

import "context"

// noteConverged has the reading of the configuration that the machine has
// converged with kept, once. The caller holds the mutex.
func (c *Controller) noteConverged(st Status) {
	if st.State != Converged || c.kept || c.desired.Keep == nil {
		return
	}
	c.kept, c.toKeep = true, c.desired.Keep
	poke(c.keep)
}

// keepReadings keeps one reading at a time, until ctx ends: it writes to a disk,
// for which no pass waits. What cannot be kept is tried again with the next
// reading.
func (c *Controller) keepReadings(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.keep:
		}
		c.mu.Lock()
		keep := c.toKeep
		c.mu.Unlock()
		if err := keep(); err != nil {
			c.log.WithField("err", err).Warn("the configuration is not kept as a good one")
		}
	}
}
