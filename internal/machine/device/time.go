package device

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// TimeFile is where [Time] is handed over to service ntp.
const TimeFile = "/run/ros/network/ntp.json"

// defaultPool is asked when the configuration names nobody.
const defaultPool = "2.debian.pool.ntp.org"

// Time is what service ntp needs of the configuration.
type Time struct {
	Disabled bool     `json:"disabled,omitempty"`
	Servers  []string `json:"servers,omitempty"`
	Pools    []string `json:"pools,omitempty"`
	Peers    []string `json:"peers,omitempty"`
	Allow    []string `json:"allow,omitempty"` // networks that may ask this machine
}

// readTime reads what was handed over; without it the zero Time is a clock that
// works.
func readTime(path string) (Time, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Time{}, nil
	}
	var t Time
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		return Time{}, fmt.Errorf("cannot read the settings of the clock: %w", err)
	}
	return t, nil
}

// lines are those of chronyd's configuration. A value of several words is left
// out: it would be read as options, or as further lines.
func (t Time) lines() string {
	var b strings.Builder
	add := func(verb string, values []string, options string) {
		for _, v := range values {
			if len(strings.Fields(v)) == 1 && strings.TrimSpace(v) == v {
				fmt.Fprintf(&b, "%s %s%s\n", verb, v, options)
			}
		}
	}
	pools := t.Pools
	if len(t.Servers)+len(pools)+len(t.Peers) == 0 {
		pools = []string{defaultPool}
	}
	add("pool", pools, " iburst")
	add("server", t.Servers, " iburst")
	add("peer", t.Peers, "")
	add("allow", t.Allow, "")
	return b.String()
}
