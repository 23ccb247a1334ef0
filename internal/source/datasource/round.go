package datasource

import (
	"context"
	"time"

	"github.com/ros-os/ros/internal/source"
)

// round asks all candidates at once, and takes the first in order that answers:
// a later one waits for the earlier ones, so that the outcome is the same at every
// boot. A candidate of the network is asked when up is closed.
func round(ctx context.Context, all []candidate, up <-chan struct{}, limit time.Duration) (winner *answer, asked []source.Asked) {
	ctx, cancel := context.WithCancel(ctx)
	answers := make([]chan answer, len(all))
	for i, c := range all {
		answers[i] = make(chan answer, 1)
		go func() {
			if c.network {
				select {
				case <-up:
				case <-ctx.Done():
				}
			}
			answers[i] <- ask(ctx, c, limit)
		}()
	}
	var partial *answer
	place := 0
	for i := range all {
		a := <-answers[i]
		if winner != nil {
			a.asked.Outcome, a.asked.Reason = source.NotNeeded, winner.asked.Name+" answered"
		}
		asked = append(asked, a.asked)
		switch {
		case winner != nil:
		case a.err == nil:
			winner = &a
			cancel() // the others only have to end
		case !a.seed.Empty() && partial == nil:
			partial, place = &a, i
		}
	}
	cancel()
	if winner == nil && partial != nil { // better than nothing
		winner = partial
		asked[place].Outcome = source.Used
	}
	return winner, asked
}
