package setting

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
)

// RecordFile holds a [Record].
const RecordFile = "/run/ros/cloud-init.json"

// Record says what was applied, in the order of its first time.
type Record struct {
	Modules []ModuleRecord `json:"modules"`
	// Finished says that the commands of this boot have been run, and what comes
	// after them was done: nothing is left to wait for.
	Finished bool `json:"finished,omitempty"`
}

// ModuleRecord says how a module, or a command, was applied last.
type ModuleRecord struct {
	Name    string  `json:"name"`
	Begin   float64 `json:"begin"`             // seconds since the machine began
	Seconds float64 `json:"seconds"`           // that it took
	Running bool    `json:"running,omitempty"` // it has not ended yet
	Problem string  `json:"problem,omitempty"` // what could not be done
	// Warning is what else is told; it makes nothing degraded.
	Warning string `json:"warning,omitempty"`
}

// recorder writes the record. Where it cannot, the machine is none the worse.
type recorder struct {
	path string

	mu     sync.Mutex
	loaded bool
	record Record
}

func newRecorder(path string) *recorder { return &recorder{path: path} }

// load goes on with what an earlier process wrote.
func (r *recorder) load() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded {
		return
	}
	r.loaded = true
	if old, err := ReadRecord(r.path); err == nil { // a damaged one is written anew
		r.record = old
	}
}

// ReadRecord reads the record of a machine; without a file nothing was applied.
func ReadRecord(path string) (Record, error) {
	var r Record
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return Record{}, fmt.Errorf("cannot read what was applied: %w", err)
	}
	return r, nil
}

// begin notes that a module begins; the function it returns, that it ended.
func (r *recorder) begin(name string) func(cloudconfig.Report) {
	start := time.Now()
	r.set(ModuleRecord{Name: name, Begin: sinceBoot(), Running: true})
	return func(report cloudconfig.Report) {
		var problems, warnings []string
		for _, p := range report {
			if p.Severity == cloudconfig.Warning {
				warnings = append(warnings, p.String())
			} else {
				problems = append(problems, p.String())
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		m := r.entry(name)
		m.Seconds, m.Running = time.Since(start).Seconds(), false
		m.Problem, m.Warning = strings.Join(problems, "\n"), strings.Join(warnings, "\n")
	}
}

// finish notes that the commands have been run.
func (r *recorder) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Finished = true
}

func (r *recorder) finished() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.record.Finished
}

func (r *recorder) set(m ModuleRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*r.entry(m.Name) = m
}

// entry is the entry of a name, made if need be. The caller holds the mutex.
func (r *recorder) entry(name string) *ModuleRecord {
	i := slices.IndexFunc(r.record.Modules, func(m ModuleRecord) bool { return m.Name == name })
	if i < 0 {
		r.record.Modules = append(r.record.Modules, ModuleRecord{Name: name})
		i = len(r.record.Modules) - 1
	}
	return &r.record.Modules[i]
}

// save writes the record where others read it.
func (r *recorder) save() {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, err := json.MarshalIndent(r.record, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(r.path), 0o755)
	}
	if err == nil {
		err = renameio.WriteFile(r.path, append(data, '\n'), 0o600, renameio.WithStaticPermissions(0o600), renameio.WithTempDir(filepath.Dir(r.path)))
	}
	if err != nil {
		logrus.WithFields(logrus.Fields{"phase": "apply", "err": err}).Warn("what was applied is not recorded")
	}
}

func sinceBoot() float64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return float64(ts.Nano()) / 1e9
}
