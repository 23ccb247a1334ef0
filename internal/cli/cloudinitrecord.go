package cli

import (
	"encoding/json"
	"os"
	"slices"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/setting"
	"github.com/ros-os/ros/internal/source"
)

// The states of `ros cloud-init status`.
const (
	cloudInitRunning  = "running"
	cloudInitDone     = "done"
	cloudInitFailed   = "failed"
	cloudInitDegraded = "degraded"
)

// cloudInit is how it stands with what the machine was told when it was made.
type cloudInit struct {
	Status   string                 `json:"status"`
	Source   string                 `json:"source,omitempty"`
	Instance string                 `json:"instance,omitempty"`
	Cached   bool                   `json:"cached,omitempty"`
	Problems cloudconfig.Report     `json:"problems,omitempty"`
	Asked    []source.Asked         `json:"asked,omitempty"`
	Includes []source.Asked         `json:"includes,omitempty"`
	Modules  []setting.ModuleRecord `json:"modules,omitempty"`

	incomplete bool // not all of what the datasource has is used
}

// duration is how long one thing took.
type duration struct {
	What    string  `json:"what"`
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

func (a *app) readCloudInit() (cloudInit, error) {
	record, err := source.ReadRecord(a.root)
	if err != nil {
		return cloudInit{}, err
	}
	s := cloudInit{
		Source: record.Source, Instance: source.InstanceID(record.Instance), Cached: record.Cached, Asked: record.Asked, Includes: record.Includes,
		Problems: record.Problems(),
	}
	applied, err := setting.ReadRecord(a.path(setting.RecordFile))
	if err != nil {
		return cloudInit{}, err
	}
	s.Modules = applied.Modules
	_, report := source.Layers(a.root)
	said := layerProblems(report)
	s.incomplete = len(s.Problems) > 0 || said.Err() != nil
	s.Problems = append(s.Problems, said...)
	s.Status = s.status(record.State, applied.Finished)
	return s, nil
}

// status is the state in one word: it is done when the last of the commands is,
// which begin some time after the datasource has answered.
func (s cloudInit) status(asked string, finished bool) string {
	running := slices.ContainsFunc(s.Modules, func(m setting.ModuleRecord) bool { return m.Running })
	failed := slices.ContainsFunc(s.Modules, func(m setting.ModuleRecord) bool { return m.Problem != "" })
	switch {
	case asked == source.Failed && !s.Cached:
		return cloudInitFailed
	case asked == "" || asked == source.Asking || running || !finished:
		return cloudInitRunning
	case s.incomplete || failed:
		return cloudInitDegraded
	}
	return cloudInitDone
}

// exit is the exit status, as cloud-init's.
func (s cloudInit) exit() error {
	switch s.Status {
	case cloudInitFailed:
		return exit(1)
	case cloudInitDegraded:
		return exit(2)
	}
	return nil
}

// durations are those of asking and of applying.
func (s cloudInit) durations() []duration {
	var rows []duration
	for _, a := range s.Asked {
		if a.Seconds > 0 {
			rows = append(rows, duration{"datasource", a.Name, a.Seconds})
		}
	}
	for _, i := range s.Includes {
		rows = append(rows, duration{"include", i.Name, i.Seconds})
	}
	for _, m := range s.Modules {
		rows = append(rows, duration{"module", m.Name, m.Seconds})
	}
	return rows
}

// bootDurations are those of PID 1's phases; a machine without a boot record has
// none to tell.
func (a *app) bootDurations() []duration {
	var record struct {
		Phases []struct {
			Name     string  `json:"name"`
			Duration float64 `json:"duration"`
		} `json:"phases"`
	}
	data, err := os.ReadFile(a.path("/run/ros/boot.json"))
	if err != nil || json.Unmarshal(data, &record) != nil {
		return nil
	}
	var rows []duration
	for _, p := range record.Phases {
		rows = append(rows, duration{"boot", p.Name, p.Duration})
	}
	return rows
}
