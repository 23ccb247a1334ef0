package host

import (
	"regexp"
	"strings"
)

// faultWatch looks for the one known fault of the emulator in what a console
// shows: under thread=multi a kernel now and then trips over a breakpoint that
// another processor is just patching in.
type faultWatch struct {
	line  string // the begun one
	since int    // lines since the oops; 0: none seen
}

// faultReach is how many lines after the oops the kernel names the place.
const faultReach = 12

// saw takes the next piece of output and reports whether the signature is
// complete.
func (w *faultWatch) saw(piece string) bool {
	lines := strings.Split(w.line+piece, "\n")
	w.line = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		if w.sawLine(line) {
			return true
		}
	}
	return false
}

func (w *faultWatch) sawLine(line string) bool {
	switch {
	case strings.Contains(line, "Oops: int3"):
		w.since = 1
	case w.since > 0 && w.since <= faultReach:
		w.since++
		return regexp.MustCompile(`RIP: [0-9a-f]+:sched_clock_cpu\+`).MatchString(line)
	default:
		w.since = 0
	}
	return false
}
