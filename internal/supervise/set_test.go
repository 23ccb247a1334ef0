package supervise

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func sleeper(name, inputs string) Program {
	return Program{Name: name, Argv: []string{"sleep", "60"}, Inputs: inputs}
}

func pidOf(t *testing.T, s *Set, name string) int {
	t.Helper()
	m, ok := s.members[name]
	if !ok {
		t.Fatalf("no member %s", name)
	}
	pid := m.process.Status().PID
	if pid == 0 {
		t.Fatalf("%s does not run", name)
	}
	return pid
}

func TestSetLeavesUnchangedProgramsAlone(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	set := NewSet(Direct{})
	if err := set.Keep(ctx, []Program{sleeper("same", ""), sleeper("changed", "1"), sleeper("gone", "")}); err != nil {
		t.Fatal(err)
	}
	same, changed := pidOf(t, set, "same"), pidOf(t, set, "changed")
	if err := set.Keep(ctx, []Program{sleeper("same", ""), sleeper("changed", "2"), sleeper("new", "")}); err != nil {
		t.Fatal(err)
	}
	if got := pidOf(t, set, "same"); got != same {
		t.Errorf("the unchanged program was restarted: pid %d, was %d", got, same)
	}
	if got := pidOf(t, set, "changed"); got == changed {
		t.Error("the changed program was not restarted")
	}
	if !set.Running("new") || set.Running("gone") {
		t.Errorf("new runs: %v, gone runs: %v", set.Running("new"), set.Running("gone"))
	}
	if err := set.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if len(set.members) != 0 {
		t.Errorf("%d members left after Stop", len(set.members))
	}
}

// script is a program that does in a shell what it says, and then waits.
func script(name, text string) Program {
	return Program{Name: name, Argv: []string{"sh", "-c", text + "; echo >\"$1\"; while :; do sleep 0.05; done", "sh"}}
}

func TestSetEndsProgramsThatDoNotHear(t *testing.T) {
	for _, tt := range []struct {
		name, trap string
		killed     bool
	}{
		{"one that loses the first signal ends at the next", `trap 'trap "exit 0" TERM' TERM`, false},
		{"one that hears none is killed", `trap '' TERM`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, p := NewSet(Direct{}), script("deaf", tt.trap)
			deaf := filepath.Join(t.TempDir(), "deaf")
			p.Argv = append(p.Argv, deaf)
			if err := set.Keep(t.Context(), []Program{p}); err != nil {
				t.Fatal(err)
			}
			for _, err := os.Stat(deaf); err != nil; _, err = os.Stat(deaf) {
				timer := time.NewTimer(10 * time.Millisecond)
				<-timer.C
			}
			err := set.Keep(t.Context(), nil)
			if (err != nil) != tt.killed || set.Running("deaf") {
				t.Errorf("%v, want that it is killed: %v", err, tt.killed)
			}
		})
	}
}
