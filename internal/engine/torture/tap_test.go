//go:build dockerd

package torture_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ros-os/ros/compose"
)

// fault is what goes wrong with a call.
type fault string

const (
	none      fault = ""
	http500   fault = "http-500"   // the daemon says that it failed
	timeOut   fault = "time-out"   // the daemon never answers
	cutBefore fault = "cut-before" // the connection ends before the daemon hears of it
	cutAfter  fault = "cut-after"  // the daemon did it, and the connection ends without an answer
	slow      fault = "slow"       // the daemon does it late, also when nobody waits any more
	truncated fault = "truncated"  // half of the answer comes
)

var faults = []fault{http500, timeOut, cutBefore, cutAfter, slow, truncated}

// call is one call of Docker's API. Containers are called by the names that they
// were created with, so that the same call of another run has the same name.
type call struct {
	scope compose.Scope
	what  string // "POST /containers/create?name=ntp"
	nth   int    // of the calls that are alike
}

func (c call) String() string { return fmt.Sprintf("%s %s #%d", c.scope, c.what, c.nth) }

// changes says whether a call is an operation: it changes what the daemon has.
func (c call) changes() bool {
	return !strings.HasPrefix(c.what, "GET ") && !strings.HasPrefix(c.what, "HEAD ") &&
		!strings.Contains(c.what, "/exec") && !strings.Contains(c.what, "/wait")
}

// tap hears the calls to both daemons, numbers them, and decides which go wrong.
type tap struct {
	slowness time.Duration

	mu      sync.Mutex // guards what follows
	names   map[string]string
	counts  map[string]int
	heard   []call
	choose  func(call) fault // nil: nothing goes wrong
	after   func(call)       // called when a daemon has made a call, before it is answered; nil: nobody
	weather *weather         // of the events; nil: fair
	late    int              // calls that are made late and are not made yet
}

func newTap(slowness time.Duration) *tap {
	return &tap{slowness: slowness, names: map[string]string{}, counts: map[string]int{}}
}

// begin begins to count anew.
func (t *tap) begin(choose func(call) fault, after func(call)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.counts)
	t.heard, t.choose, t.after = nil, choose, after
}

// calls are those since begin.
func (t *tap) calls() []call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.heard)
}

// pending says how many calls are still to take effect.
func (t *tap) pending() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.late
}

// hear notes a call, and chooses what goes wrong with it.
func (t *tap) hear(scope compose.Scope, r *http.Request) (call, fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := call{scope: scope, what: r.Method + " " + t.path(r)}
	t.counts[string(c.scope)+c.what]++
	c.nth = t.counts[string(c.scope)+c.what]
	t.heard = append(t.heard, c)
	if t.choose == nil {
		return c, none
	}
	return c, t.choose(c)
}

// done tells that a daemon has made a call.
func (t *tap) done(c call) {
	t.mu.Lock()
	after := t.after
	t.mu.Unlock()
	if after != nil {
		after(c)
	}
}

var (
	versions = regexp.MustCompile(`^/v1\.[0-9]+`)
	ids      = regexp.MustCompile(`[0-9a-f]{64}`)
	execs    = regexp.MustCompile(`^/exec/[^/]+`)
)

func unversioned(path string) string { return versions.ReplaceAllString(path, "") }

// path is a call's path without what differs between runs. The caller holds the
// mutex.
func (t *tap) path(r *http.Request) string {
	path := execs.ReplaceAllString(unversioned(r.URL.Path), "/exec/one")
	path = ids.ReplaceAllStringFunc(path, func(id string) string {
		if name := t.names[id]; name != "" {
			return name
		}
		return "unknown"
	})
	if name := r.URL.Query().Get("name"); name != "" {
		path += "?name=" + name
	}
	return path
}
