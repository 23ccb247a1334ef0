package source

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Moment is a point in time on two clocks: the wall clock, which people set and
// which a reboot may lose, and that of one boot, which only goes forward.
type Moment struct {
	Wall time.Time
	Boot string        // which boot; empty when that is not known
	Up   time.Duration // since that boot began, sleep included
}

// Now is this moment.
func Now() Moment {
	m := Moment{Wall: time.Now().Round(0)}
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var ts unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return m // the wall clock alone will do
	}
	m.Boot, m.Up = strings.TrimSpace(string(id)), time.Duration(ts.Nano())
	return m
}

// sameBoot says whether a moment belongs to the boot of that name.
func (m Moment) sameBoot(boot string) bool { return m.Boot != "" && m.Boot == boot }
