package plan

import (
	"fmt"
	"hash/fnv"
	"time"
)

// How failures slow a service down.
const (
	backoffBase = 250 * time.Millisecond
	backoffCap  = time.Minute
	// crashes failures within crashWindow are a crash loop: from then on there
	// is one attempt every probe.
	crashes     = 5
	crashWindow = 10 * time.Minute
	probe       = time.Minute
	// sustained is a run long enough to forget earlier failures.
	sustained = time.Minute
	// proof is how long a service in a crash loop runs before it counts again.
	proof = 10 * time.Second
	// keepFailures bounds what is remembered.
	keepFailures = 16
)

// Backoff is how long to wait after the nth failure in a row, which happened at an
// instant: any time up to one that doubles (full jitter, as AWS's "Exponential Backoff
// And Jitter" has it), so that services that fail together are not tried again
// together. It depends on nothing but the arguments: a plan is the same each time.
func Backoff(service string, n int, last time.Time) time.Duration {
	if n < 1 {
		return 0
	}
	d := backoffCap
	if n < 10 {
		d = min(backoffBase<<(n-1), backoffCap)
	}
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d %d", service, n, last.UnixNano())
	share := h.Sum64() * golden >> 40 // of 1<<24
	return d * time.Duration(share) >> 24
}

// golden spreads the bits of a hash over its upper ones, as Fibonacci hashing does.
const golden = 0x9e3779b97f4a7c15

// Failed is the memory after a step for the service failed at an instant. hash
// is the service's, empty when the project no longer has it.
func (m Memory) Failed(service, hash string, at time.Time, why string) Memory {
	m = m.about(hash)
	m.Failures = appendFailure(recent(m.Failures, at), at)
	m.NotBefore = at.Add(Backoff(service, len(m.Failures), at))
	m.LastError = why
	return m
}

// about forgets failures of another configuration of the service: what has
// changed deserves an attempt at once.
func (m Memory) about(hash string) Memory {
	if m.Hash != hash {
		m.Failures, m.NotBefore, m.LastError, m.Hash = nil, time.Time{}, "", hash
	}
	return m
}

// Forgiven is the memory without failures.
func (m Memory) Forgiven() Memory {
	m.Failures, m.NotBefore, m.LastError = nil, time.Time{}, ""
	return m
}

// recent are the failures that still count.
func recent(failures []time.Time, now time.Time) []time.Time {
	for i, t := range failures {
		if now.Sub(t) < crashWindow {
			return failures[i:]
		}
	}
	return nil
}

// appendFailure never writes to the array of old, which others may hold.
func appendFailure(old []time.Time, at time.Time) []time.Time {
	if len(old) >= keepFailures {
		old = old[len(old)-keepFailures+1:]
	}
	return append(append(make([]time.Time, 0, len(old)+1), old...), at)
}
