//go:build dockerd

package bench_test

import (
	"slices"
	"testing"
	"time"
)

// entrant is one way of doing some work, and how long that takes; what prepares
// and cleans up is not part of it.
type entrant struct {
	name string
	do   func(b *testing.B, round int) time.Duration
}

// compete has all do the work in each round, in turn forwards and backwards. It
// reports the median time of each, and the median of the ratios within rounds of
// each to the one before.
func compete(b *testing.B, entrants ...entrant) {
	b.Helper()
	var times, ratios [][]float64
	for range entrants {
		times, ratios = append(times, nil), append(ratios, nil)
	}
	for round := range max(*rounds, b.N) {
		took := make([]float64, len(entrants))
		for i := range entrants {
			k := i
			if round%2 == 1 {
				k = len(entrants) - 1 - i
			}
			took[k] = entrants[k].do(b, round).Seconds()
			times[k] = append(times[k], took[k])
		}
		for k := 1; k < len(took); k++ {
			ratios[k] = append(ratios[k], took[k]/took[k-1])
		}
	}
	for k, e := range entrants {
		b.ReportMetric(median(times[k]), e.name+"-s")
		if k > 0 {
			b.ReportMetric(median(ratios[k]), e.name+"/"+entrants[k-1].name)
		}
	}
	noTime(b)
}

// noTime keeps the time of the whole benchmark, which tells nothing, out of what
// is reported.
func noTime(b *testing.B) { b.ReportMetric(0, "ns/op") }

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
