package servicectl

import (
	"sync"
	"time"

	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// counters count what the controller does, for those who measure it.
type counters struct {
	mu         sync.Mutex // guards what follows
	operations map[operationKey]total
	restarts   map[string]uint64 // by service
	passes     total
	lag        total // from a nudge until its pass begins
	wakes      uint64
	converged  total     // from when the machine began to converge
	lastTook   float64   // of converged
	nudgedAt   time.Time // the first nudge that no pass has answered
	passAt     time.Time // when the pass under way began
	since      time.Time // when the machine began to converge; zero: it has
}

// operationKey is a kind of step and how it ended.
type operationKey struct {
	verb   plan.Verb
	result journal.Kind
}

// total is how often something happened and how many seconds that took.
type total struct {
	n       uint64
	seconds float64
}

func (t *total) add(d time.Duration) {
	t.n++
	t.seconds += max(0, d.Seconds())
}

func newCounters() *counters {
	return &counters{operations: map[operationKey]total{}, restarts: map[string]uint64{}, since: time.Now()}
}

// nudged notes that a pass is wanted.
func (c *counters) nudged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nudgedAt.IsZero() {
		c.nudgedAt = time.Now()
	}
}

// woken notes that a nudge, and not a deadline, made the pass.
func (c *counters) woken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakes++
	if !c.nudgedAt.IsZero() {
		c.lag.add(time.Since(c.nudgedAt))
	}
}

func (c *counters) passBegins() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passAt, c.nudgedAt = time.Now(), time.Time{}
}

// passEnds notes how the machine stands at the end of a pass.
func (c *counters) passEnds(st Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.passes.add(now.Sub(c.passAt))
	switch {
	case st.State != Converged && c.since.IsZero():
		c.since = now
	case st.State == Converged && !c.since.IsZero():
		c.converged.add(now.Sub(c.since))
		c.lastTook = max(0, now.Sub(c.since).Seconds())
		c.since = time.Time{}
	}
}

func (c *counters) operation(verb plan.Verb, result journal.Kind, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := operationKey{verb, result}
	t := c.operations[key]
	t.add(took)
	c.operations[key] = t
}

// restarted notes that a service was started again after a failure.
func (c *counters) restarted(service string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restarts[service]++
}

// forget drops the counts of a service that is no more.
func (c *counters) forget(service string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.restarts, service)
}
