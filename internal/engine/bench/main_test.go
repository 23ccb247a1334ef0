//go:build dockerd

package bench_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	// sizes are the projects that converge from nothing. No other project is
	// larger than the largest of them.
	sizes = flag.String("sizes", "1,10,50,200", "numbers of services of the projects that converge from nothing")
	// rounds is how often everything is compared at least: a machine's speed
	// drifts, so what counts is the median of the ratios within rounds.
	rounds = flag.Int("rounds", 5, "how often everything is compared")
	idle   = flag.Duration("idle", 20*time.Second, "how long an idle controller is looked at")
	wakes  = flag.Int("wakes", 10_000, "how often a controller is woken while its memory is looked at")
)

// TestMain is also the main of a controller in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := runChild(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// chosen are the sizes that were asked for.
func chosen(b *testing.B) []int {
	b.Helper()
	var out []int
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			b.Fatalf("%q is no number of services", text)
		}
		out = append(out, n)
	}
	return out
}

// upTo is the size of a project that usually has so many services.
func upTo(b *testing.B, usual int) int {
	b.Helper()
	largest := 0
	for _, n := range chosen(b) {
		largest = max(largest, n)
	}
	return min(usual, largest)
}
