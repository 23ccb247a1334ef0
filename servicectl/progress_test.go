package servicectl_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
)

// telling is an engine whose images come at a percent a second.
type telling struct {
	*enginetest.Fake
	begun time.Time
}

func (e telling) Progress(scope compose.Scope) map[string]string {
	if scope != compose.System {
		return nil
	}
	return map[string]string{"app:1": fmt.Sprintf("%d%%", int(time.Since(e.begun).Seconds()))}
}

// watched is a controller over an engine that takes its time.
func watched(t *testing.T, latency time.Duration, services ...compose.Service) *servicectl.Controller {
	t.Helper()
	fake := enginetest.New()
	fake.Latency = latency
	load := &loader{}
	load.set(services...)
	c := servicectl.New(servicectl.Options{Engine: telling{fake, time.Now()}, Loader: load})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
	return c
}

func TestAPullShowsHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := watched(t, time.Minute, svc("app", "app:1"), svc("other", "other:1"), svc("second", "app:1"))
		for _, want := range []string{"10%", "11%", "20%"} {
			seconds := 0
			if _, err := fmt.Sscanf(want, "%d%%", &seconds); err != nil {
				t.Fatal(err)
			}
			after(time.Duration(seconds)*time.Second + time.Second/2 - time.Since(bubbleStart))
			for _, s := range c.Status().Services {
				text := map[string]string{
					"app": "pull to finish (" + want + ")", "second": "pull to finish (" + want + ")", "other": "pull to finish",
				}[s.Name]
				if !slices.Equal(s.WaitingFor, []string{text}) {
					t.Errorf("%s waits for %q, not %q", s.Name, s.WaitingFor, text)
				}
			}
		}
		after(3 * time.Minute)
		if st := c.Status(); st.State != servicectl.Converged {
			t.Errorf("in the end the machine is %s: %+v", st.State, st)
		}
	})
}

// bubbleStart is when every bubble begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestWhatOthersFindIsPartOfTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := watched(t, 0)
		found := cloudconfig.Report{{Pos: cloudconfig.Pos{File: "x.tar"}, Msg: "broken", Severity: cloudconfig.Warning}}
		c.Note("preload", found)
		if st := c.Status(); !slices.Equal(st.Problems, found) || st.State != servicectl.Converged {
			t.Errorf("the status is %+v", st)
		}
		c.Note("preload", nil)
		if st := c.Status(); len(st.Problems) != 0 {
			t.Errorf("the status is %+v", st)
		}
	})
}
