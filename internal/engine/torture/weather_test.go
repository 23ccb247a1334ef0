//go:build dockerd

package torture_test

import (
	"encoding/json"
	"math/rand/v2"
	"sync"
)

// weather loses, doubles and delays events: those that are delayed come after
// later ones.
type weather struct {
	lose, double, hold float64 // how likely each is

	mu    sync.Mutex // guards what follows
	dice  *rand.Rand
	held  []json.RawMessage
	tally map[string]int
}

func newWeather(seed uint64, lose, double, hold float64) *weather {
	return &weather{lose: lose, double: double, hold: hold, dice: dice(seed), tally: map[string]int{}}
}

func dice(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

// pass is what comes through when an event arrives.
func (w *weather) pass(event json.RawMessage) []json.RawMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally["events"]++
	var out []json.RawMessage
	switch p := w.dice.Float64(); {
	case p < w.lose:
		w.tally["lost"]++
	case p < w.lose+w.double:
		w.tally["doubled"]++
		out = append(out, event, event)
	case p < w.lose+w.double+w.hold:
		w.tally["delayed"]++
		w.held = append(w.held, event)
		return nil
	default:
		out = append(out, event)
	}
	if len(w.held) > 0 && w.dice.IntN(2) == 0 {
		w.dice.Shuffle(len(w.held), func(i, j int) { w.held[i], w.held[j] = w.held[j], w.held[i] })
		out, w.held = append(out, w.held...), nil
	}
	return out
}

// set gives the events a weather; nil is fair.
func (t *tap) set(w *weather) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.weather = w
}
