package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// Fake is two Docker daemons in memory. It satisfies servicectl.Engine and
// servicectl.Stopper, refuses what Docker refuses, and does no I/O. Set its
// fields before use.
type Fake struct {
	// Behave says how the containers of a service behave; those not mentioned
	// run until they are stopped, one-shots end at once.
	Behave map[string]Behaviour
	// Remembers: an observation that need not be whole is not.
	Remembers bool
	// Fault is asked before every call, and may make it fail.
	Fault func(Call) Fault
	// Nudges is how often an event is told: 1 when nil. 0 loses it.
	Nudges func() int
	// Latency is how long every step takes.
	Latency time.Duration

	mu      sync.Mutex // guards what follows
	daemons map[compose.Scope]*daemon
	serial  int
	calls   int
	steps   []plan.Step
}

// Behaviour is how the containers of one service behave.
type Behaviour struct {
	RunsFor    time.Duration // then they exit; 0 is for ever, for a one-shot not at all
	Exits      bool          // they exit at once
	ExitCode   int           // when they exit by themselves
	ReadyAfter time.Duration // until health and the service's own check pass
	Unhealthy  bool          // the health check fails after ReadyAfter
	StopTakes  time.Duration
	StartFails string // Docker's message
}

// Call is one call of the engine, as shown to [Fake.Fault].
type Call struct {
	N      int    // counts from 1
	Method string // "observe", "do", "logs"
	Scope  compose.Scope
	Step   plan.Step // of "do"
	Whole  bool      // of "observe": it has to list
}

// Fault is what goes wrong with a call.
type Fault struct {
	Err    error // what the call returns; nil is no fault
	Hang   bool  // the call lasts until its context ends
	After  bool  // the effect takes place nonetheless, before Err or Hang
	Ignore bool  // the call claims success and does nothing
}

type daemon struct {
	up         bool
	containers map[string]*container // by ID
	images     map[string]string     // reference → ID
	machine    map[string]string     // what Load can bring
	registry   map[string]string     // what Pull can bring
	networks   map[string]plan.Network
	volumes    map[string]plan.Volume
	nudges     map[int]func()
	pulled     uint64 // bytes
}

type container struct {
	plan.Container
	svc    compose.Service
	timer  *time.Timer // its exit
	output []string
	broken string // why no start of it succeeds
}

// New returns a Fake of two daemons that are up and empty. Every image can be
// loaded or pulled, unless [Fake.Forget] took it away.
func New() *Fake {
	f := &Fake{daemons: map[compose.Scope]*daemon{}}
	for _, scope := range []compose.Scope{compose.System, compose.User} {
		f.daemons[scope] = &daemon{
			up:         true,
			containers: map[string]*container{},
			images:     map[string]string{},
			machine:    map[string]string{},
			registry:   map[string]string{},
			networks:   map[string]plan.Network{},
			volumes:    map[string]plan.Volume{},
			nudges:     map[int]func(){},
		}
	}
	return f
}

// imageID is the ID of the first version of an image.
func imageID(ref string) string { return "sha256:" + ref }

// event tells everyone who listens. The caller holds no lock.
func (f *Fake) event(scope compose.Scope) {
	f.mu.Lock()
	times := 1
	if f.Nudges != nil {
		times = f.Nudges()
	}
	var nudges []func()
	for _, n := range f.daemons[scope].nudges {
		nudges = append(nudges, n)
	}
	f.mu.Unlock()
	for range times {
		for _, n := range nudges {
			n()
		}
	}
}

// byName finds a container; the caller holds the lock.
func (d *daemon) byName(name string) *container {
	for _, c := range d.containers {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// find is the container that a step is about.
func (d *daemon) find(s plan.Step) *container {
	if s.Container != "" {
		return d.containers[s.Container]
	}
	return d.byName(s.Name)
}

// newID is unique among both daemons; the caller holds the lock.
func (f *Fake) newID(name string) string {
	f.serial++
	return fmt.Sprintf("%s-%d", name, f.serial)
}

// list is every container, by name; the caller holds the lock.
func (d *daemon) list() []*container {
	var out []*container
	for _, c := range d.containers {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *container) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return out
}
