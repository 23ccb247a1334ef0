package cli

import (
	"testing"
	"time"

	"github.com/ros-os/ros/servicectl"
)

func TestALineTellsWhatIsMostWorthIt(t *testing.T) {
	now := time.Date(2030, 1, 31, 12, 0, 0, 0, time.Local)
	at := func(d time.Duration) string { return now.Add(d).UTC().Format(time.RFC3339) }
	scheduled := servicectl.ServiceStatus{Cause: "new", Schedule: "@hourly", NextRun: at(time.Hour)}
	ran := scheduled
	ran.LastRun, ran.LastResult = at(-time.Hour), "succeeded"
	tomorrow := ran
	tomorrow.NextRun = at(24 * time.Hour)
	for want, s := range map[string]servicectl.ServiceStatus{
		"next run 13:00:00": scheduled,
		"last run 11:00:00 succeeded, next run 13:00:00":            ran,
		"last run 11:00:00 succeeded, next run 2030-02-01 12:00:00": tomorrow,
	} {
		if got := runs(s, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	ran.Problem = "its last run failed: exited with status 3"
	for want, s := range map[string]servicectl.ServiceStatus{
		"new":                   {Cause: "new"},
		ran.Problem:             ran,
		"waits for db to start": {Cause: "new", Note: "is ready …", WaitingFor: []string{"db to start"}},
		"is ready …":            {Cause: "new", Note: "is ready …", Schedule: "@hourly"},
	} {
		if got := why(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
