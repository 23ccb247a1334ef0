package servicectl

import (
	"context"
	"slices"
	"sync"
)

// slots lets so many hold one at once. Who comes first in the plan gets the next
// that is free: a start that others wait for does not queue behind what is
// created meanwhile.
type slots struct {
	mu      sync.Mutex // guards the fields below
	free    int
	waiting []waiter // by rank
}

type waiter struct {
	rank  int
	ready chan struct{} // closed when the slot is the waiter's
}

func newSlots(n int) *slots { return &slots{free: n} }

// acquire waits for a slot; the lowest rank is first. What it returns gives the
// slot back, and must be called once.
func (s *slots) acquire(ctx context.Context, rank int) (release func(), err error) {
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return s.release, nil
	}
	w := waiter{rank: rank, ready: make(chan struct{})}
	at := slices.IndexFunc(s.waiting, func(o waiter) bool { return o.rank > rank })
	if at < 0 {
		at = len(s.waiting)
	}
	s.waiting = slices.Insert(s.waiting, at, w)
	s.mu.Unlock()
	select {
	case <-w.ready:
		return s.release, nil
	case <-ctx.Done():
		s.forget(w)
		return nil, ctx.Err()
	}
}

func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.free++
		return
	}
	close(s.waiting[0].ready)
	s.waiting = slices.Delete(s.waiting, 0, 1)
}

// forget takes a waiter out that gave up; the slot that it was given meanwhile
// goes to the next.
func (s *slots) forget(w waiter) {
	s.mu.Lock()
	at := slices.IndexFunc(s.waiting, func(o waiter) bool { return o.ready == w.ready })
	if at >= 0 {
		s.waiting = slices.Delete(s.waiting, at, at+1)
	}
	s.mu.Unlock()
	if at < 0 {
		s.release()
	}
}
