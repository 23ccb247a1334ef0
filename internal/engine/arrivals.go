package engine

import (
	"context"
	"maps"
	"sync"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/ros-os/ros/compose"
)

// PulledBytes is how much pulls have brought into a daemon from registries since
// this engine was made, whether they succeeded or not.
func (e *Engine) PulledBytes(scope compose.Scope) uint64 {
	d := e.daemons[scope]
	if d == nil {
		return 0
	}
	return d.under.arrived.total()
}

// arrivals count what pulls bring into a daemon, layer by layer: two pulls may
// tell of the same layer, for which one waits, and a pull goes on where an earlier
// one was broken off.
type arrivals struct {
	mu     sync.Mutex // guards what follows
	bytes  uint64
	layers map[string]*arrival
}

// arrival is a layer that comes, or of which a part has come.
type arrival struct {
	have int64               // of it that is counted
	done bool                // it is there
	told map[*transfer]int64 // by those that are under way
}

// mostParts bounds how many layers are remembered of which only a part has come.
const mostParts = 4096

func (a *arrivals) total() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bytes
}

// tell notes how much of a layer there is, as a pull tells.
func (a *arrivals) tell(way *transfer, id string, have int64, done bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.layers == nil {
		a.layers = map[string]*arrival{}
	}
	l := a.layers[id]
	if l == nil {
		l = &arrival{told: map[*transfer]int64{}}
		a.layers[id] = l
	}
	last, known := l.told[way]
	if known && have < last || !known && len(l.told) == 0 && have < l.have {
		l.have = 0 // it comes once more, from its beginning
	}
	if have > l.have {
		a.bytes += uint64(have - l.have)
		l.have = have
	}
	l.done = l.done || done
	l.told[way] = have
}

// more counts bytes that no layer's progress has told of.
func (a *arrivals) more(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += uint64(max(n, 0))
}

// forget drops what is not needed when a pull has ended: layers that are there, if
// nobody tells of them any more.
func (a *arrivals) forget(way *transfer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.layers, func(_ string, l *arrival) bool {
		delete(l.told, way)
		return len(l.told) == 0 && (l.done || len(a.layers) > mostParts)
	})
}

// untold says whether a whole image came, some layers of which were there before
// the daemon had told their size, and how much it has told of the others.
func (t *transfer) untold() (told int64, some bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.layers {
		if l.status == alreadyExists {
			return 0, false // nobody knows what came, and what was there
		}
		told += l.have
		some = some || l.size == 0
	}
	return told, some
}

// countRest counts what the daemon has not told of an image that has come: layers
// that take less time than is between two of its messages. What it does not know
// is not counted.
func (d *daemon) countRest(ctx context.Context, ref string, way *transfer) {
	told, some := way.untold()
	if !some {
		return
	}
	r, err := d.api().ImageInspect(ctx, ref, client.ImageInspectWithManifests(true))
	if err != nil {
		return // an older daemon: it is only counted
	}
	var content []int64
	for _, m := range r.Manifests {
		if m.Available && m.Kind == image.ManifestKindImage {
			content = append(content, m.Size.Content)
		}
	}
	if len(content) == 1 {
		d.under.arrived.more(content[0] - told)
	}
}
