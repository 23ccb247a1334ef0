//go:build dockerd

package bench_test

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// heal removes a container, and is how long it takes from when it is gone until
// another one of its name runs.
func (r *rig) heal(b *testing.B, name string) time.Duration {
	b.Helper()
	messages, failed := r.docker.Events(b.Context(), events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)), filters.Arg("event", string(events.ActionStart)),
	)})
	if err := remove(b.Context(), r.docker, name); err != nil {
		b.Fatal(err)
	}
	gone := time.Now()
	late := time.After(patience)
	for {
		select {
		case m := <-messages:
			if m.Actor.Attributes["name"] == name {
				return time.Since(gone)
			}
		case err := <-failed:
			b.Fatal(err)
		case <-late:
			b.Fatalf("%s does not run again", name)
		}
	}
}
