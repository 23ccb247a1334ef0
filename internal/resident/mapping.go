package resident

import (
	"fmt"
	"strings"
)

// mapping is a part of a process's memory, as /proc/PID/smaps tells it.
type mapping struct {
	begin, end uintptr
	mode       string // such as r-xp
	path       string // of the file that it shows; empty when there is none
	resident   int    // KiB in memory
	anonymous  int    // KiB of that that are not the file's any more
	swapped    int    // KiB that are not the file's either, and not in memory
}

// clean says whether all of a mapping is what the file has, and stays so: whoever
// drops pages loses nothing. A page that was written to before it was made
// read-only is nobody's but this process's.
func (m mapping) clean() bool {
	return len(m.mode) == 4 && m.mode[1] == '-' && m.mode[3] == 'p' && m.anonymous+m.swapped == 0
}

// mappings reads smaps. What it does not understand it leaves out.
func mappings(smaps string) []mapping {
	var out []mapping
	known := false
	for line := range strings.Lines(smaps) {
		key, rest, _ := strings.Cut(line, " ")
		if !strings.HasSuffix(key, ":") {
			var m mapping
			if m, known = heading(key, rest); known {
				out = append(out, m)
			}
			continue
		}
		if !known {
			continue
		}
		m := &out[len(out)-1]
		switch key {
		case "Rss:":
			known = number(rest, &m.resident)
		case "Anonymous:":
			known = number(rest, &m.anonymous)
		case "Swap:":
			known = number(rest, &m.swapped)
		}
		if !known {
			out = out[:len(out)-1]
		}
	}
	return out
}

// heading reads the first line about a mapping: "BEGIN-END MODE OFFSET DEVICE INODE   PATH".
func heading(span, rest string) (mapping, bool) {
	var m mapping
	if _, err := fmt.Sscanf(span, "%x-%x", &m.begin, &m.end); err != nil || m.end <= m.begin {
		return m, false
	}
	fields := strings.SplitN(rest, " ", 5)
	if len(fields) < 4 {
		return m, false
	}
	m.mode = fields[0]
	if len(fields) == 5 {
		m.path = strings.TrimRight(strings.TrimLeft(fields[4], " "), "\n")
	}
	return m, true
}

// number reads "      12 kB".
func number(text string, n *int) bool {
	_, err := fmt.Sscanf(text, "%d kB", n)
	return err == nil
}
