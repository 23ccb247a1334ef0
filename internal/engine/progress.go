package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ros-os/ros/compose"
)

const (
	// worthTelling is how long a transfer lasts before it is shown.
	worthTelling = time.Second
	// defaultStall is how long nothing may arrive of a pull before it is given up: the
	// connection is gone, and nobody told. It is shorter than what the daemon itself
	// needs to notice (150 seconds, Go's TCP keep-alive).
	defaultStall = 2 * time.Minute
)

// errStalled is why a pull was given up. The daemon keeps for some hours what has
// arrived of one that is given up, and the next goes on there; of one that fails in
// its own hands it keeps everything for a fraction of a second only.
var errStalled = errors.New("nothing has arrived")

// Progress says how far the images are that are being pulled and loaded, by
// reference, in words to be put in brackets. What began just now is not told.
func (e *Engine) Progress(scope compose.Scope) map[string]string {
	d := e.daemons[scope]
	if d == nil {
		return nil
	}
	return d.under.tell(time.Now())
}

// transfers are the images on their way into a daemon.
type transfers struct {
	stall time.Duration // how long nothing may arrive; 0: defaultStall

	mu  sync.Mutex  // guards what follows
	all []*transfer // in the order in which they began

	arrived arrivals
}

// begin notes that an image is on its way.
func (t *transfers) begin(ref string) (way *transfer, end func()) {
	way = &transfer{ref: ref, begun: time.Now(), layers: map[string]layer{}, arrived: &t.arrived}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, way)
	return way, func() {
		t.arrived.forget(way)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.all = slices.DeleteFunc(t.all, func(other *transfer) bool { return other == way })
	}
}

// tell says how far the images are. Of two transfers of the same image the later
// one is told.
func (t *transfers) tell(now time.Time) map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[string]string{}
	for _, way := range t.all {
		if text := way.tell(now); text != "" {
			out[way.ref] = text
		}
	}
	return out
}

func (t *transfers) patience() time.Duration { return cmp.Or(t.stall, defaultStall) }

// idle is how long nothing has arrived of a pull, which began at an instant. A daemon
// fetches a few layers at a time: while all of a pull's wait for their turn, what
// arrives of others counts.
func (t *transfers) idle(of *transfer, since, now time.Time) time.Duration {
	least := min(now.Sub(since), of.idle(now))
	if !of.queues() {
		return least
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, way := range t.all {
		least = min(least, way.idle(now))
	}
	return least
}

// transfer is one image on its way.
type transfer struct {
	ref     string
	begun   time.Time
	arrived *arrivals

	mu     sync.Mutex // guards what follows
	moved  time.Time  // when something last arrived; zero: nothing has
	stage  string     // what is done when it is not bytes that are waited for
	layers map[string]layer
}

// layer is a part of an image. Its size is 0 until the daemon knows it.
type layer struct {
	status     string
	have, size int64
	done       bool
}

// message is one of the daemon's about its progress.
type message struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Stream   string `json:"stream"`
	Progress struct {
		Current int64  `json:"current"`
		Total   int64  `json:"total"`
		Units   string `json:"units"`
	} `json:"progressDetail"`
	Error       string `json:"error"`
	ErrorDetail struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// failure is the error that a message tells.
func (m message) failure() error {
	switch {
	case m.ErrorDetail.Message != "":
		return errors.New(m.ErrorDetail.Message)
	case m.Error != "":
		return errors.New(m.Error)
	}
	return nil
}

// messages reads a stream of progress to its end, and returns the error it
// tells. A stream that is cut off is an error.
func messages(progress io.ReadCloser, each func(message)) error {
	defer progress.Close()
	for in := json.NewDecoder(progress); ; {
		var m message
		err := in.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("cannot read the daemon's progress: %w", err)
		}
		if err := m.failure(); err != nil {
			return err
		}
		each(m)
	}
}

// alreadyExists is the status of a layer that need not come.
const alreadyExists = "Already exists"

// note takes up a message about a pull.
func (t *transfer) note(m message) {
	if m.ID == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.layers[m.ID]
	now := layer{status: m.Status, have: was.have, size: was.size, done: was.done}
	switch m.Status {
	case "Pulling fs layer", "Waiting":
	case "Downloading":
		now.have, now.size = m.Progress.Current, m.Progress.Total
	case "Extracting":
		now.have, now.done = now.size, true
		t.moved = time.Now() // for as long as it tells, it works
	case "Download complete", alreadyExists, "Pull complete":
		now.have, now.done = now.size, true
	default:
		return // not a layer's
	}
	if was.status == alreadyExists {
		now.status = was.status
	}
	if now.have != was.have || now.done != was.done {
		t.arrived.tell(t, m.ID, now.have, now.done)
	}
	if now != was {
		t.layers[m.ID], t.moved = now, time.Now()
	}
}

// sent notes how much of a file of a size was given to the daemon.
func (t *transfer) sent(n, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moved = time.Now()
	t.layers[""] = layer{have: n, size: size, done: n >= size}
}

// enter notes what is done when it is not bytes that are waited for.
func (t *transfer) enter(stage string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stage = stage
}

// queues says whether the layers that are still to come all wait for their turn.
func (t *transfer) queues() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := false
	for _, l := range t.layers {
		if l.status == "Downloading" && !l.done {
			return false
		}
		left = left || !l.done
	}
	return left
}

// idle is how long nothing has moved.
func (t *transfer) idle(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Sub(t.moved)
}

// tell says how far it is; nothing, when there is nothing to tell yet.
func (t *transfer) tell(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.begun) < worthTelling {
		return ""
	}
	if t.stage != "" {
		return t.stage
	}
	var have, size int64
	left, unknown := false, false
	for _, l := range t.layers {
		have, size = have+l.have, size+l.size
		left = left || !l.done
		unknown = unknown || !l.done && l.size == 0
	}
	switch {
	case len(t.layers) == 0:
		return "asking the registry"
	case !left:
		return "unpacking"
	case size == 0:
		return "waiting for the first bytes"
	case unknown: // more will be known later
		return amount(have) + " of more than " + megabytes(size)
	}
	return fmt.Sprintf("%d%%, %s of %s", have*100/size, amount(have), megabytes(size))
}

// amount is a number of bytes in megabytes, without the unit.
func amount(n int64) string { return strings.TrimSuffix(megabytes(n), " MB") }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// unlessStalled does a pull, which is given up when nothing moves any more. That
// another one begins is no move: of several that have lost the network, the first that
// is given up is tried again before the others are.
func (t *transfers) unlessStalled(ctx context.Context, way *transfer, do func(context.Context) error) error {
	begun := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	look := time.NewTicker(t.patience() / 8)
	defer look.Stop()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-look.C:
				if t.idle(way, begun, now) >= t.patience() {
					cancel(errStalled)
					return
				}
			}
		}
	}()
	err := do(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return fmt.Errorf("%w for %s", errStalled, t.patience())
	}
	return err
}

// meter counts what is read of a file.
type meter struct {
	io.Reader
	size int64
	read int64
	way  *transfer
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.read += int64(n)
	m.way.sent(m.read, m.size)
	return n, err
}
