package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// RecordFile is where it is told how the datasources were asked.
const RecordFile = SeedDir + "/record.json"

// The states of a record.
const (
	Asking  = "asking"  // no datasource has answered yet
	Settled = "settled" // one has answered, or none is here
	Failed  = "failed"  // one should have answered and has not; it is asked again
)

// What became of a datasource that was considered.
const (
	Used       = "used"
	NotHere    = "not here"   // this machine is not where it is
	NotNeeded  = "not needed" // another one, that ranks higher, answered
	Unanswered = "unanswered"
)

// Record is how the datasources were asked, as JSON in [RecordFile].
type Record struct {
	State    string   `json:"state"`
	Source   string   `json:"source,omitempty"`   // that is used
	Instance string   `json:"instance,omitempty"` // its folder
	Disk     bool     `json:"disk,omitempty"`     // PID 1 found it
	Cached   bool     `json:"cached,omitempty"`   // it has not answered since; what it said before is used
	Problem  string   `json:"problem,omitempty"`
	Wanted   []string `json:"wanted,omitempty"` // as they are configured
	Asked    []Asked  `json:"asked,omitempty"`
	Includes []Asked  `json:"includes,omitempty"`
}

// Asked is how one datasource, or one address of an include, answered.
type Asked struct {
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
	Begin   float64 `json:"begin,omitempty"`   // seconds since the machine began
	Seconds float64 `json:"seconds,omitempty"` // that it took
	Tries   int     `json:"tries,omitempty"`
}

// SaveRecord writes a record below root.
func SaveRecord(root string, r Record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = mkdirs(osDisk{}, filepath.Join(root, SeedDir))
	}
	if err == nil {
		err = WriteFile(filepath.Join(root, RecordFile), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot record how the datasources were asked: %w", err)
	}
	return nil
}

// ReadRecord reads the record below root; without one nobody was asked yet.
func ReadRecord(root string) (Record, error) {
	var r Record
	data, err := readBounded(filepath.Join(root, RecordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return r, fmt.Errorf("cannot read how the datasources were asked: %w", err)
	}
	return r, nil
}

// Problems are what somebody who looks at the machine should know.
func (r Record) Problems() cloudconfig.Report {
	var report cloudconfig.Report
	add := func(s cloudconfig.Severity, msg, hint string) {
		report = append(report, cloudconfig.Problem{Pos: cloudconfig.Pos{File: "datasource"}, Msg: msg, Hint: hint, Severity: s})
	}
	const more = "'ros cloud-init status --long' tells more"
	switch {
	case r.State == Failed && r.Cached:
		add(cloudconfig.Warning, r.Source+" does not answer; what it said before is used: "+r.why(), more)
	case r.State == Failed:
		add(cloudconfig.Error, "no datasource answers: "+r.why(), more)
	case r.Problem != "":
		add(cloudconfig.Warning, r.Source+" answered in part: "+r.Problem, more)
	}
	for _, i := range r.Includes {
		if i.Reason != "" {
			add(cloudconfig.Warning, "cannot include "+i.Name+": "+i.Reason, "")
		}
	}
	return report
}

// why is what those who should have answered did instead.
func (r Record) why() string {
	var all []string
	for _, a := range r.Asked {
		if a.Outcome == Unanswered {
			all = append(all, a.Name+": "+a.Reason)
		}
	}
	return strings.Join(all, "; ")
}

// RecordProblems are those of the record below root.
func RecordProblems(root string) cloudconfig.Report {
	r, err := ReadRecord(root)
	if err != nil {
		return cloudconfig.Report{{Pos: cloudconfig.Pos{File: RecordFile}, Msg: err.Error(), Severity: cloudconfig.Warning}}
	}
	return r.Problems()
}
