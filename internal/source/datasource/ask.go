package datasource

import (
	"context"
	"errors"
	"time"

	"github.com/ros-os/ros/internal/source"
)

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// answer is what one datasource said in its time.
type answer struct {
	seed  source.Seed // with an error: what could be had
	err   error
	asked source.Asked
	from  Datasource
}

// ask asks a datasource until it has answered, or has said that it never will, or
// its time is up.
func ask(ctx context.Context, c candidate, limit time.Duration) answer {
	a := answer{asked: source.Asked{Name: c.name, Begin: seconds()}, from: c.source}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		a.asked.Tries++
		seed, err := c.source.Fetch(ctx)
		if err == nil || !seed.Empty() {
			a.seed = seed
		}
		if a.err == nil || ctx.Err() == nil { // what went wrong tells more than that the time was up
			a.err = err
		}
		var permanent permanentError
		if err == nil || errors.Is(err, ErrNothing) || errors.As(err, &permanent) || !wait(ctx, pause) {
			break
		}
	}
	a.asked.Seconds = seconds() - a.asked.Begin
	switch {
	case a.err == nil:
		a.asked.Outcome = source.Used
	case errors.Is(a.err, ErrNothing):
		a.asked.Outcome, a.asked.Reason = source.NotHere, a.err.Error()
	default:
		a.asked.Outcome, a.asked.Reason = source.Unanswered, a.err.Error()
	}
	return a
}

// wait waits, and says whether it did so to the end.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// seconds is the time since the machine began.
func seconds() float64 {
	const precision = 1000
	return float64(source.Now().Up.Milliseconds()) / precision
}
