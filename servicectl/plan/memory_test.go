package plan

import (
	"slices"
	"testing"
	"time"
)

// Full jitter: any time up to one that doubles, evenly, and another one each time.
func TestBackoff(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if d := Backoff("web", 0, begin); d != 0 {
		t.Errorf("without a failure %s", d)
	}
	for n, most := range map[int]time.Duration{
		1: 250 * time.Millisecond, 2: 500 * time.Millisecond, 4: 2 * time.Second, 8: 32 * time.Second, 9: time.Minute, 10: time.Minute, 1000: time.Minute,
	} {
		var all []time.Duration
		for i := range 1000 {
			d := Backoff("web", n, begin.Add(time.Duration(i)*time.Millisecond))
			if d < 0 || d > most {
				t.Fatalf("after failure %d: %s", n, d)
			}
			all = append(all, d)
		}
		slices.Sort(all)
		for i, share := range []float64{0.1, 0.5, 0.9} {
			got := float64(all[[]int{100, 500, 900}[i]]) / float64(most)
			if got < share-0.06 || got > share+0.06 {
				t.Errorf("after failure %d: %.2f of the longest at %.1f of all", n, got, share)
			}
		}
	}
	web, again, db := Backoff("web", 5, begin), Backoff("web", 5, begin), Backoff("db", 5, begin)
	if web == db || web != again {
		t.Errorf("%s and %s for services that fail together, and %s for the same plan", web, db, again)
	}
}
