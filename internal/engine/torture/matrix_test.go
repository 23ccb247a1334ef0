//go:build dockerd

package torture_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// journey is a convergence that is made again and again, with other calls of it
// broken each time.
type journey struct {
	size int
	name string // "from nothing" or "changed"
	from generation
}

// trial is one run of a journey.
type trial struct {
	journey
	breaks []breakage
}

// breakage is one call that goes wrong.
type breakage struct {
	index int // of the call, from 1
	call  call
	fault fault
}

// String is what repeats a trial, and what it is about.
func (t trial) String() string {
	var breaks, calls []string
	for _, x := range t.breaks {
		breaks = append(breaks, fmt.Sprintf("%d:%s", x.index, x.fault))
		calls = append(calls, x.call.String())
	}
	return fmt.Sprintf("ROS_TORTURE=\"project=%d,journey=%s,from=%s,break=%s\" (%s)",
		t.size, t.name, t.from, strings.Join(breaks, "+"), strings.Join(calls, ", "))
}

var (
	// trials bounds how many are made of a journey.
	trials = flag.Int("trials", 0, "how many trials are made of each convergence; 0: all, or a few in the short form")
	// budget bounds how long trials of one project are made; those that are left are
	// as random a choice as those that were made.
	budget = flag.Duration("budget", 0, "how long trials of one project are made; 0: until all are")
	// together is how many calls are broken in one trial.
	together = flag.Int("together", 0, "how many calls are broken in one run; 0: one of 5 services, half as many as services of more")
)

const shortTrials = 12

// breaksOf is how many calls are broken in one trial of a project. One at a time,
// those of the largest would take days.
func breaksOf(size int) int {
	switch {
	case *together > 0:
		return *together
	case size <= 5:
		return 1
	}
	return size / 2
}

const (
	fromNothing = "from-nothing"
	changed     = "changed"
)

// TestEveryCallOfAConvergenceMayFail breaks each call of whole convergences in
// every way.
func TestEveryCallOfAConvergenceMayFail(t *testing.T) {
	for _, text := range strings.Split(*sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || shapes[size].chain == 0 {
			t.Fatalf("there is no project of %s services", text)
		}
		if size > 5 && !*long {
			continue
		}
		t.Run(text+" services", func(t *testing.T) { newMatrix(t, size).run(t) })
	}
}

// matrix is all trials of one project, and what came of them.
type matrix struct {
	size  int
	rigs  []*rig
	begun time.Time

	mu    sync.Mutex // guards what follows
	table table
	made  int
}

func newMatrix(t *testing.T, size int) *matrix {
	t.Helper()
	m := &matrix{size: size, begun: time.Now()}
	workers := 2
	if *long {
		workers = 3 // they wait most of the time
	}
	for range workers {
		m.rigs = append(m.rigs, newRig(t, 0))
	}
	return m
}

// run makes the trials, each rig those of a share.
func (m *matrix) run(t *testing.T) {
	t.Helper()
	nothing := journey{m.size, fromNothing, 0}
	there, back := journey{m.size, changed, 0}, journey{m.size, changed, 1}
	calls := map[journey][]call{}
	for _, j := range []journey{nothing, there, back, there, back} {
		calls[j] = m.record(t, m.rigs[0], j) // the last time counts: the first loads images
	}
	t.Logf("%d services: %d calls from nothing, %d to change and %d to change back; %d of them broken in each run",
		m.size, len(calls[nothing]), len(calls[there]), len(calls[back]), breaksOf(m.size))
	all := m.trials(t, nothing, calls[nothing])
	all = append(all, alternate(m.trials(t, there, calls[there]), m.trials(t, back, calls[back]))...)
	var workers sync.WaitGroup
	for i, r := range m.rigs {
		workers.Go(func() {
			m.arrive(t, r, nothing)
			for k := i * len(all) / len(m.rigs); k < (i+1)*len(all)/len(m.rigs); k++ {
				if *budget > 0 && time.Since(m.begun) > *budget {
					return
				}
				m.try(t, r, all[k])
			}
		})
	}
	workers.Wait()
	t.Logf("%d services, %d of %d runs in %s:\n%s", m.size, m.made, len(all), time.Since(m.begun).Round(time.Second), m.table.String())
}

// alternate takes trials from two lists in turn, so that a change is followed by
// the change back.
func alternate(there, back []trial) []trial {
	var out []trial
	for i := range max(len(there), len(back)) {
		out = append(out, there[min(i, len(there)):min(i+1, len(there))]...)
		out = append(out, back[min(i, len(back)):min(i+1, len(back))]...)
	}
	return out
}

// trials are those that are to be made of a journey.
func (m *matrix) trials(t *testing.T, j journey, calls []call) []trial {
	t.Helper()
	if text := os.Getenv("ROS_TORTURE"); text != "" {
		return chosen(t, text, j, calls)
	}
	var all []breakage
	random := dice(seed(t))
	orders := make([][]int, len(faults))
	for k := range faults {
		orders[k] = random.Perm(len(calls))
	}
	for n := range calls { // the faults in turn: each has its share of the first trials
		for k, f := range faults {
			i := orders[k][n]
			all = append(all, breakage{i + 1, calls[i], f})
		}
	}
	out := bundle(j, all, breaksOf(j.size))
	most := *trials
	if most == 0 && !*long {
		most = shortTrials
	}
	if most > 0 {
		out = out[:min(most, len(out))]
	}
	return out
}

// bundle makes trials of so many breakages each, in their order, none of which
// breaks a call twice.
func bundle(j journey, all []breakage, each int) []trial {
	var out []trial
	for len(all) > 0 {
		x := trial{journey: j}
		taken := map[int]bool{}
		var rest []breakage
		for i, b := range all {
			if len(x.breaks) == each {
				rest = append(rest, all[i:]...)
				break
			}
			if taken[b.index] {
				rest = append(rest, b)
				continue
			}
			taken[b.index] = true
			x.breaks = append(x.breaks, b)
		}
		out, all = append(out, x), rest
	}
	return out
}

// chosen is the one trial that a text asks for.
func chosen(t *testing.T, text string, j journey, calls []call) []trial {
	t.Helper()
	want := map[string]string{}
	for _, part := range strings.Split(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		want[key] = value
	}
	if want["project"] != strconv.Itoa(j.size) || want["journey"] != j.name || want["from"] != j.from.String() {
		return nil
	}
	x := trial{journey: j}
	for part := range strings.SplitSeq(want["break"], "+") {
		number, f, _ := strings.Cut(part, ":")
		index, err := strconv.Atoi(number)
		if err != nil || !slices.Contains(faults, fault(f)) || index < 1 || index > len(calls) {
			t.Fatalf("ROS_TORTURE=%q: wants project=5,journey=changed,from=a,break=17:cut-after+20:slow", text)
		}
		x.breaks = append(x.breaks, breakage{index, calls[index-1], fault(f)})
	}
	return []trial{x}
}

// record makes a journey without faults and returns its calls.
func (m *matrix) record(t *testing.T, r *rig, j journey) []call {
	t.Helper()
	m.arrive(t, r, j)
	return r.tap.calls()
}

// arrive makes a journey without faults.
func (m *matrix) arrive(t *testing.T, r *rig, j journey) {
	t.Helper()
	if t.Failed() {
		return
	}
	r.tap.begin(nil, nil)
	if _, err := m.travel(t, r, j, 0); err != nil {
		t.Errorf("without a fault: %v", err)
	}
}

// try makes one trial.
func (m *matrix) try(t *testing.T, r *rig, x trial) {
	t.Helper()
	if x.name == changed && r.at != x.from {
		m.arrive(t, r, journey{m.size, changed, r.at})
	}
	if t.Failed() {
		return // what the next would find is no news
	}
	struck := map[call]bool{} // guarded by the tap's mutex
	r.tap.begin(func(c call) fault {
		for _, b := range x.breaks {
			if b.call == c && !struck[c] {
				struck[c] = true
				return b.fault
			}
		}
		return none
	}, nil)
	took, err := m.travel(t, r, x.journey, len(x.breaks))
	r.tap.begin(nil, nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range x.breaks {
		m.table.add(x.journey, b, struck[b.call], took, err)
	}
	if m.made++; m.made%100 == 0 {
		t.Logf("%d trials so far, in %s", m.made, time.Since(m.begun).Round(time.Second))
	}
	if err != nil {
		t.Errorf("seed %d, %s, struck %d: %v", seed(t), x, len(struck), err)
	}
}

// travel makes a journey, in which so many calls are broken, and says how long it
// took.
func (m *matrix) travel(t *testing.T, r *rig, j journey, broken int) (time.Duration, error) {
	t.Helper()
	to := j.from.other()
	if j.name == fromNothing {
		r.empty(t)
		to = j.from
	}
	r.at = to
	want := project(t, m.size, to)
	begin := time.Now()
	s := r.start(t, want)
	defer s.stop()
	err := r.settle(s, want, bound(m.size)+time.Duration(max(0, broken-1))*answerWithin)
	took := time.Since(begin)
	if err != nil {
		s.stop()
		return took, fmt.Errorf("%w\nthe controller's log:\n%s", err, s.log)
	}
	return took, r.restarts(s, max(1, broken))
}

// bound is how long a convergence with one fault may take.
func bound(size int) time.Duration { return time.Minute + time.Duration(size)*2*time.Second }

// restarts misses services that were restarted more often than something was
// done to them.
func (r *rig) restarts(s *session, most int) error {
	n := 0
	for _, svc := range s.Status().Services {
		n += svc.Restarts
	}
	if n > most {
		return fmt.Errorf("%d restarts, for %d faults\n%s", n, most, r.scene(s))
	}
	return nil
}
