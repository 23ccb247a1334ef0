//go:build dockerd

package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

func TestSignalsAndProcessesOfARealContainer(t *testing.T) {
	r := newLive(t)
	svc := r.wants("sleeper", types.ServiceConfig{})
	r.up(svc)
	list, err := r.engine.Top(t.Context(), compose.System, "sleeper")
	if err != nil || !slices.Contains(list.Titles, "PID") || len(list.Rows) == 0 {
		t.Errorf("top %+v, %v", list, err)
	}
	if err := r.engine.Signal(t.Context(), compose.System, "sleeper", "NOSUCH"); err == nil {
		t.Error("a signal that there is not is no error")
	}
	if err := r.engine.Signal(t.Context(), compose.System, "nobody", "HUP"); err == nil {
		t.Error("nobody gets a signal")
	}
	if err := r.engine.Signal(t.Context(), compose.System, "sleeper", "SIGKILL"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		d := r.engine.Observe(t.Context(), compose.System, r.want, true)
		if len(d.Containers) == 1 && d.Containers[0].State == plan.Exited && d.Containers[0].ExitCode == 137 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it runs on: %+v", d.Containers)
		}
		<-time.After(50 * time.Millisecond)
	}
	if _, err := r.engine.Top(t.Context(), compose.System, "sleeper"); err == nil {
		t.Error("a container that does not run has processes")
	}
	var out countingWriter
	future := servicectl.LogOptions{Tail: -1, Since: time.Now().Add(time.Hour)}
	if err := r.engine.Logs(t.Context(), compose.System, "sleeper", future, &out); err != nil || out > 0 {
		t.Errorf("%d bytes were logged since a time that is to come: %v", out, err)
	}
}

// countingWriter counts what is written.
type countingWriter int

func (w *countingWriter) Write(p []byte) (int, error) {
	*w += countingWriter(len(p))
	return len(p), nil
}
