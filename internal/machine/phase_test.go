package machine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func testBoot(t *testing.T, namespaced bool) *Boot {
	t.Helper()
	b := NewBoot(namespaced)
	b.record.path = filepath.Join(t.TempDir(), "run", "boot.json")
	return b
}

func readRecord(t *testing.T, b *Boot) Record {
	t.Helper()
	data, err := os.ReadFile(b.record.path)
	if err != nil {
		t.Fatal(err)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// trace makes phases that say that they ran.
func trace(ran *[]string, fail map[string]error, phases ...Phase) []Phase {
	for i := range phases {
		name := phases[i].Name
		phases[i].Do = func(context.Context, *Boot) error {
			*ran = append(*ran, name)
			return fail[name]
		}
	}
	return phases
}

func TestPhasesRunInOrderUntilOneThatMust(t *testing.T) {
	b := testBoot(t, false)
	var ran []string
	cause := errors.New("no disk")
	phases := trace(&ran, map[string]error{"b": errors.New("meh"), "c": cause},
		Phase{Name: "a", Must: true}, Phase{Name: "b"}, Phase{Name: "c", Must: true}, Phase{Name: "d"})
	err := b.run(t.Context(), phases, 0)
	var failed *PhaseError
	if !errors.As(err, &failed) || failed.Index != 2 || !errors.Is(err, cause) || err.Error() != "cannot c: no disk" {
		t.Fatalf("error %v", err)
	}
	if got := strings.Join(ran, ""); got != "abc" {
		t.Errorf("ran %q", got)
	}
	rec := readRecord(t, b)
	if len(rec.Phases) != 3 || rec.Phases[1].Error != "meh" || rec.Phases[2].Error != "no disk" {
		t.Errorf("record %+v", rec.Phases)
	}
	if len(rec.Problems) != 1 || rec.Problems[0].Msg != "cannot b: meh" {
		t.Errorf("problems %+v", rec.Problems)
	}
}

func TestABootGoesOnFromThePhaseThatFailed(t *testing.T) {
	b := testBoot(t, false)
	var ran []string
	phases := trace(&ran, nil, Phase{Name: "a", Must: true}, Phase{Name: "b", Must: true}, Phase{Name: "c"})
	if err := b.run(t.Context(), phases, 1); err != nil || strings.Join(ran, "") != "bc" {
		t.Errorf("ran %q, error %v", ran, err)
	}
}

func TestNamespacesLeaveHardwareAlone(t *testing.T) {
	b := testBoot(t, true)
	var ran []string
	phases := trace(&ran, nil, Phase{Name: "a"}, Phase{Name: "b", Hardware: true, Must: true}, Phase{Name: "c"})
	if err := b.run(t.Context(), phases, 0); err != nil || strings.Join(ran, "") != "ac" {
		t.Errorf("ran %q, error %v", ran, err)
	}
}

func TestAPanicIsAFailedPhase(t *testing.T) {
	b := testBoot(t, false)
	phases := []Phase{{Name: "a", Must: true, Do: func(context.Context, *Boot) error {
		panic("this phase is broken")
	}}}
	err := b.run(t.Context(), phases, 0)
	if err == nil || !strings.Contains(err.Error(), "this is a bug") || !strings.Contains(err.Error(), "phase_test.go") {
		t.Errorf("error %v", err)
	}
}

func TestNoPhaseBeginsOnceTheMachineIsLeft(t *testing.T) {
	b := testBoot(t, false)
	var ran []string
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := b.run(ctx, trace(&ran, nil, Phase{Name: "a"}), 0)
	if !errors.Is(err, context.Canceled) || len(ran) != 0 {
		t.Errorf("ran %q, error %v", ran, err)
	}
}

func TestAProblemIsRecordedOnce(t *testing.T) {
	b := testBoot(t, false)
	b.problem("disk %s is full", "/dev/vda")
	b.problem("disk %s is full", "/dev/vda")
	if rec := readRecord(t, b); len(rec.Problems) != 1 || rec.Problems[0].String() != "init: disk /dev/vda is full" {
		t.Errorf("%+v", rec.Problems)
	}
}

// TestPhasesAreWhole checks the table that is the boot.
func TestPhasesAreWhole(t *testing.T) {
	names := map[string]bool{}
	for i, p := range Phases() {
		if p.Name == "" || p.Do == nil || names[p.Name] {
			t.Errorf("phase %d: %q has no name of its own, or does nothing", i, p.Name)
		}
		names[p.Name] = true
	}
}

func TestConsoleFormat(t *testing.T) {
	f := ConsoleFormat{Clock: func() time.Duration { return 1234 * time.Millisecond }}
	for _, row := range []struct {
		name  string
		level logrus.Level
		data  logrus.Fields
		want  string
	}{
		{"a phase is not said twice", logrus.InfoLevel, logrus.Fields{"phase": "x"}, "[    1.234] ros: text\r\n"},
		{"a warning says so", logrus.WarnLevel, logrus.Fields{"err": errors.New("why")}, "[    1.234] ros: warning: text: why\r\n"},
		{"other fields follow", logrus.InfoLevel, logrus.Fields{"service": "docker"}, "[    1.234] ros: text (service docker)\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := f.Format(&logrus.Entry{Level: row.level, Message: "text", Data: row.data})
			if err != nil || string(got) != row.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
