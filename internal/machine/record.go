package machine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
)

// RecordFile is where PID 1 tells how the boot went.
const RecordFile = "/run/ros/boot.json"

// Record is how the boot went, as JSON in [RecordFile]. Times are seconds since
// the kernel started; in namespaces, since PID 1 did.
type Record struct {
	Phases   []PhaseRecord      `json:"phases"`
	Problems cloudconfig.Report `json:"problems"` // of PID 1 itself
}

// PhaseRecord is how one phase went.
type PhaseRecord struct {
	Name     string  `json:"name"`
	Begin    float64 `json:"begin"`
	Duration float64 `json:"duration"`
	Error    string  `json:"error,omitempty"`
}

// recorder writes the record whenever it changes, once /run is there.
type recorder struct {
	path string

	mu     sync.Mutex // guards what follows, and the file
	record Record
}

func (r *recorder) addPhase(p PhaseRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Phases = append(r.record.Phases, p)
	r.write()
}

// addProblem records a problem once, however often it is found.
func (r *recorder) addProblem(p cloudconfig.Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, old := range r.record.Problems {
		if old == p {
			return
		}
	}
	r.record.Problems = append(r.record.Problems, p)
	r.write()
}

// has says whether a problem that begins like this stands.
func (r *recorder) has(beginning string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.record.Problems, func(p cloudconfig.Problem) bool { return strings.HasPrefix(p.Msg, beginning) })
}

// drop takes back the problems that begin like this.
func (r *recorder) drop(beginning string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Problems = slices.DeleteFunc(r.record.Problems, func(p cloudconfig.Problem) bool { return strings.HasPrefix(p.Msg, beginning) })
	r.write()
}

func (r *recorder) write() {
	if err := r.tryWrite(); err != nil {
		logrus.WithField("err", err).Debug("the boot record is not written")
	}
}

func (r *recorder) tryWrite() error {
	data, err := json.MarshalIndent(r.record, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode the boot record: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(r.path), 0o755); err != nil {
		return fmt.Errorf("cannot write the boot record: %w", err)
	}
	if err := os.WriteFile(r.path+".new", append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write the boot record: %w", err)
	}
	if err := os.Rename(r.path+".new", r.path); err != nil {
		return fmt.Errorf("cannot write the boot record: %w", err)
	}
	return nil
}

// problem records and tells what a person has to know about.
func (b *Boot) problem(format string, args ...any) {
	p := cloudconfig.Problem{Pos: cloudconfig.Pos{File: "init"}, Msg: fmt.Sprintf(format, args...), Severity: cloudconfig.Error}
	logrus.Warn(p.Msg)
	b.record.addProblem(p)
}

// warnings records and tells what is wrong with the configuration as PID 1
// uses it.
func (b *Boot) warnings(report cloudconfig.Report) {
	for _, p := range report {
		logrus.WithField("config", p.Pos.String()).Warn(p.String())
		b.record.addProblem(p)
	}
}
