package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// appliedFile is where it is told what became of the configuration.
const appliedFile = "/run/ros/cloud-init.json"

// The states of `ros cloud-init status`.
const (
	cloudInitRunning  = "running"
	cloudInitDone     = "done"
	cloudInitFailed   = "failed"
	cloudInitDegraded = "degraded"
)

// cloudInit is how it stands with what the machine was told when it was made.
type cloudInit struct {
	Status   string             `json:"status"`
	Source   string             `json:"source,omitempty"`
	Instance string             `json:"instance,omitempty"`
	Cached   bool               `json:"cached,omitempty"`
	Problems cloudconfig.Report `json:"problems,omitempty"`
	Asked    []source.Asked     `json:"asked,omitempty"`
	Includes []source.Asked     `json:"includes,omitempty"`
	Modules  []module           `json:"modules,omitempty"`
}

// module is one part of the configuration that was applied.
type module struct {
	Name    string  `json:"name"`
	Begin   any     `json:"begin,omitempty"`
	Seconds float64 `json:"seconds"`
	Problem string  `json:"problem,omitempty"`
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
		Source: record.Source, Instance: record.Instance, Cached: record.Cached, Asked: record.Asked, Includes: record.Includes,
		Problems: record.Problems(),
	}
	if s.Modules, err = readModules(a.path(appliedFile)); err != nil {
		return cloudInit{}, err
	}
	_, report := source.Layers(a.root)
	s.Problems = append(s.Problems, layerProblems(report)...)
	s.Status = s.status(record.State)
	return s, nil
}

// readModules reads what was applied; nothing was when there is no such file.
func readModules(path string) ([]module, error) {
	var applied struct {
		Modules []module `json:"modules"`
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &applied)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what was applied: %w", err)
	}
	return applied.Modules, nil
}

func (s cloudInit) status(asked string) string {
	switch {
	case asked == source.Failed && !s.Cached:
		return cloudInitFailed
	case asked == "" || asked == source.Asking:
		return cloudInitRunning
	case len(s.Problems) > 0:
		return cloudInitDegraded
	}
	for _, m := range s.Modules {
		if m.Problem != "" {
			return cloudInitDegraded
		}
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
