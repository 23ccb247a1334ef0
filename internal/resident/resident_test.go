package resident

import (
	"os"
	"testing"
)

const smaps = `00400000-024ae000 r-xp 00000000 08:01 1234                               /usr/bin/ros
Size:              33464 kB
Rss:               26000 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
024ae000-04925000 r--p 020ae000 08:01 1234                               /usr/bin/ros
Rss:               28000 kB
Anonymous:             4 kB
04925000-04a29000 rw-p 04525000 08:01 1234                               /usr/bin/ros
Rss:                 900 kB
Anonymous:           300 kB
c000000000-c000800000 rw-p 00000000 00:00 0
Rss:                8000 kB
Anonymous:          8000 kB
06000000-06001000 r--p 05000000 08:01 1234                               /usr/bin/ros
Rss:                   0 kB
Anonymous:             0 kB
Swap:                  4 kB
7fff0000-7fff1000 r--s 00000000 08:01 99                                 /tmp/a name with spaces
Rss:                   4 kB
Anonymous:             0 kB
nonsense
Rss:                   1 kB
7fff2000-7fff3000 r--p 00000000 08:01 99                                 /tmp/broken
Rss:                 odd kB
`

func TestMappings(t *testing.T) {
	want := []struct {
		mapping
		clean bool
	}{
		{mapping{0x400000, 0x24ae000, "r-xp", "/usr/bin/ros", 26000, 0, 0}, true},
		{mapping{0x24ae000, 0x4925000, "r--p", "/usr/bin/ros", 28000, 4, 0}, false}, // was written to
		{mapping{0x4925000, 0x4a29000, "rw-p", "/usr/bin/ros", 900, 300, 0}, false},
		{mapping{0xc000000000, 0xc000800000, "rw-p", "", 8000, 8000, 0}, false},
		{mapping{0x6000000, 0x6001000, "r--p", "/usr/bin/ros", 0, 0, 4}, false},              // was written to
		{mapping{0x7fff0000, 0x7fff1000, "r--s", "/tmp/a name with spaces", 4, 0, 0}, false}, // shared
	}
	got := mappings(smaps)
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i, w := range want {
		if got[i] != w.mapping || got[i].clean() != w.clean {
			t.Errorf("got %+v, clean %v, want %+v", got[i], got[i].clean(), w)
		}
	}
}

// The program goes on after its own code and constants were taken from under it.
func TestReleaseTakesTheProgramOutOfMemory(t *testing.T) {
	before := programResident(t)
	for range 3 {
		if err := Release(); err != nil {
			t.Fatal(err)
		}
	}
	after := programResident(t)
	if before == 0 || after >= before {
		t.Errorf("of the program %d KiB were in memory, and then %d", before, after)
	}
}

func programResident(t *testing.T) int {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, m := range mappings(string(text)) {
		if m.path == program && m.clean() {
			sum += m.resident
		}
	}
	return sum
}
