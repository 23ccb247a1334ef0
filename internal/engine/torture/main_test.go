//go:build dockerd

package torture_test

import (
	"flag"
	"os"
	"strconv"
	"testing"
	"time"
)

// long asks for every fault that there is, instead of a choice of them.
var long = flag.Bool("long", false, "inject every fault: hours")

// sizes are the projects that are tried in full length.
var sizes = flag.String("sizes", "5,20,50", "numbers of services of the projects that are tried")

// TestMain is also the main of a controller that tests kill.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// slowness is how late a slow daemon does things.
func slowness() time.Duration {
	flag.Parse()
	if *long {
		return 10 * time.Second
	}
	return time.Second
}

// seed is where the random choices begin; ROS_TORTURE_SEED chooses another.
func seed(tb testing.TB) uint64 {
	tb.Helper()
	text := os.Getenv("ROS_TORTURE_SEED")
	if text == "" {
		return 20261124
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
