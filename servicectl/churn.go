package servicectl

import (
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/servicectl/plan"
)

// A plan whose steps have no effect would be made for ever, at full speed: the
// same steps so often within so short a time are in vain, and are slowed down
// until there are others, or none for long.
const (
	churnTimes  = 20
	churnWithin = 10 * time.Second
	churnForget = 2 * time.Minute
)

// churn counts how often the same branch was run.
type churn struct {
	key         string
	first, last time.Time
	times       int
}

// over says whether a run at an instant begins a new count.
func (n churn) over(key string, now time.Time) bool {
	switch {
	case n.key != key:
		return true
	case n.times < churnTimes:
		return now.Sub(n.first) > churnWithin
	}
	return now.Sub(n.last) > churnForget
}

// noteChurn makes a service back off whose steps succeed and change nothing.
// The caller holds the mutex.
func (c *Controller) noteChurn(b *branch, now time.Time) {
	s := b.steps[0]
	key := fmt.Sprint(s.Verb, s.Container, s.Name, s.Image, s.Cause)
	n := c.churn[b.name]
	if n.over(key, now) {
		n = churn{key: key, first: now}
	}
	n.times++
	n.last = now
	c.churn[b.name] = n
	if n.times < churnTimes {
		return
	}
	why := fmt.Sprintf("%s has no lasting effect (%s)", s.Verb, s.Cause)
	m := c.memory[b.name].Failed(b.name, b.svc.Hash, now, why)
	m.NotBefore = now.Add(plan.Backoff(b.name, n.times-churnTimes+1, now))
	c.memory[b.name] = m
	c.log.WithFields(logrus.Fields{"service": b.name, "step": string(s.Verb)}).Error(why)
}
