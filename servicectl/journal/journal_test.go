package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/ros-os/ros/servicectl/journal"
)

func numbers(j *journal.Journal, after uint64) []uint64 {
	var out []uint64
	events, _ := j.After(after)
	for _, e := range events {
		out = append(out, e.Number)
	}
	return out
}

func TestWhatWasFlushedOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "events.jsonl")
	j := journal.Open(journal.Options{Path: path})
	j.Add(journal.Event{Kind: journal.Begin, Service: "ntp", Step: "start", Cause: "new"})
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	j.Add(journal.Event{Kind: journal.Done, Service: "ntp", Step: "start"}) // the process is killed

	next := journal.Open(journal.Options{Path: path})
	open := next.Unfinished()
	if len(open) != 1 || open[0].Cause != "new" || open[0].Service != "ntp" {
		t.Fatalf("unfinished: %+v", open)
	}
	if e := next.Add(journal.Event{Kind: journal.Interrupted, Service: "ntp", Step: "start"}); e.Number != 2 {
		t.Errorf("it goes on with number %d", e.Number)
	}
	if len(next.Unfinished()) != 0 {
		t.Error("an interrupted step is still unfinished")
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(numbers(journal.Open(journal.Options{Path: path}), 0)); got != "[1 2]" {
		t.Errorf("kept %s", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v)", info.Mode(), err)
	}
}

func TestMemoryAndFilesAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	j := journal.Open(journal.Options{Path: path, Events: 10, Bytes: 4096})
	for range 1000 {
		j.Add(journal.Event{Kind: journal.State, Service: "ntp", Problem: strings.Repeat("long ", 500)})
		if err := j.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if events, _ := j.After(0); len(events) != 10 || len(events[0].Problem) > 600 {
		t.Errorf("%d events in memory, the problem of one has %d bytes", len(events), len(events[0].Problem))
	}
	for _, file := range []string{path, path + ".old"} {
		if info, err := os.Stat(file); err != nil || info.Size() > 4096 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	next := journal.Open(journal.Options{Path: path, Events: 10, Bytes: 4096})
	if events, _ := next.After(0); len(events) < 5 || events[len(events)-1].Number != 1000 {
		t.Errorf("read back %d events", len(events))
	}
}

func TestATornLineIsCutOffAndTheRestGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	text := `{"number":1,"time":"2026-01-02T12:00:00Z","kind":"done","service":"a"}` + "\n" + `{"number":2,"ti`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	j := journal.Open(journal.Options{Path: path})
	j.Add(journal.Event{Kind: journal.Done, Service: "b"})
	if err := j.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(numbers(journal.Open(journal.Options{Path: path}), 0)); got != "[1 2]" {
		data, _ := os.ReadFile(path)
		t.Errorf("kept %s:\n%s", got, data)
	}
}

// TestAFullDiskLosesNothingThatMemoryHolds writes to a device that is full.
func TestAFullDiskLosesNothingThatMemoryHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	j := journal.Open(journal.Options{Path: path, Events: 3})
	for range 5 {
		j.Add(journal.Event{Kind: journal.Done, Service: "a"})
		if err := j.Sync(); !errors.Is(err, syscall.ENOSPC) || !errors.Is(j.Err(), syscall.ENOSPC) {
			t.Fatalf("got %v and %v", err, j.Err())
		}
	}
	if err := j.Close(); err == nil {
		t.Error("closing tells nothing")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := j.Sync(); err != nil || j.Err() != nil {
		t.Fatalf("now that there is room: %v, %v", err, j.Err())
	}
	if got := fmt.Sprint(numbers(journal.Open(journal.Options{Path: path}), 0)); got != "[3 4 5]" {
		t.Errorf("kept %s", got)
	}
}

func TestManyWritersShareTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	j := journal.Open(journal.Options{Path: path})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for k := range 10 {
				e := j.Add(journal.Event{Kind: journal.Begin, Service: fmt.Sprint(i), Step: fmt.Sprint(k)})
				if err := j.Sync(); err != nil {
					t.Error(err)
				}
				read := journal.Open(journal.Options{Path: path})
				if k == 9 && !contains(read, e.Number) {
					t.Errorf("event %d is not in the file", e.Number)
				}
			}
		})
	}
	all.Wait()
	if got := numbers(journal.Open(journal.Options{Path: path}), 0); len(got) != 200 {
		t.Errorf("kept %d events", len(got))
	}
}

func contains(j *journal.Journal, number uint64) bool {
	events, _ := j.After(number - 1)
	return len(events) > 0 && events[0].Number == number
}

// TestWhatIsReadIsWhatWasAdded opens the journal anew at random moments.
func TestWhatIsReadIsWhatWasAdded(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		o := journal.Options{Path: filepath.Join(dir, fmt.Sprint(n)), Events: 50}
		j := journal.Open(o)
		var want []string
		for range rapid.IntRange(0, 40).Draw(rt, "events") {
			e := journal.Event{
				Kind:    rapid.SampledFrom(journal.Kinds()).Draw(rt, "kind"),
				Service: rapid.String().Draw(rt, "service"), Problem: rapid.String().Draw(rt, "problem"),
			}
			j.Add(e)
			want = append(want, strings.ToValidUTF8(e.Service, "�"))
			if rapid.IntRange(0, 4).Draw(rt, "opened anew") == 0 {
				if err := j.Close(); err != nil {
					rt.Fatal(err)
				}
				j = journal.Open(o)
			}
		}
		events, _ := j.After(0)
		if len(events) != len(want) {
			rt.Fatalf("%d events, want %d", len(events), len(want))
		}
		for i, e := range events {
			if e.Service != want[i] || e.Number != uint64(i+1) || e.Text() == "" {
				rt.Fatalf("event %d: %+v, want service %q", i, e, want[i])
			}
		}
		if err := j.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestWaitersHearOfMore(t *testing.T) {
	j := journal.Open(journal.Options{})
	events, more := j.After(0)
	if len(events) != 0 {
		t.Fatalf("got %+v", events)
	}
	j.Add(journal.Event{Kind: journal.Daemon, State: "System Docker answers"})
	<-more
	if got := fmt.Sprint(numbers(j, 0), numbers(j, 1), numbers(j, 99)); got != "[1] [] []" {
		t.Errorf("got %s", got)
	}
	if j.Pending() || j.Close() != nil {
		t.Error("a journal without a file waits for one")
	}
}

func TestEventsInWords(t *testing.T) {
	change := journal.Change{Key: "rancher.services.ntp.environment", Origin: "cloud-config.yml:14:5", By: "config set rancher.services.ntp.environment", Who: "ann"}
	for want, e := range map[string]journal.Event{
		"start begins (new)":                        {Kind: journal.Begin, Step: "start", Cause: "new"},
		"start done in 1.5s (new)":                  {Kind: journal.Done, Step: "start", Cause: "new", Took: 1.52},
		"pull fails after 20ms (new): no such host": {Kind: journal.Failed, Step: "pull", Cause: "new", Took: 0.02, Problem: "no such host"},
		"is crash-loop, was backoff: exit 1":        {Kind: journal.CrashLoop, State: "crash-loop", Was: "backoff", Problem: "exit 1"},
		"rancher.services.ntp.environment changed at cloud-config.yml:14:5, by ros config set rancher.services.ntp.environment (ann)": {
			Kind: journal.Config, Because: []journal.Change{change},
		},
		"a user asks to stop it":                                  {Kind: journal.Intent, State: "stop"},
		"a user asks to remove its container":                     {Kind: journal.Intent, State: "remove"},
		"a user asks to replace its container":                    {Kind: journal.Intent, State: "replace"},
		"a user asks to send it SIGHUP":                           {Kind: journal.Intent, State: journal.AskedKill + "SIGHUP"},
		"a user asks to send it FOO, which fails: invalid signal": {Kind: journal.Intent, State: journal.AskedKill + "FOO", Problem: "invalid signal"},
		"web is new at web.yml:1:1; x.yml was removed": {Kind: journal.Config, Because: []journal.Change{
			{Key: "web", What: journal.IsNew, Origin: "web.yml:1:1"}, {Key: "x.yml", What: journal.WasRemoved},
		}},
		"a changed; b changed; c changed; and 1 more": {Kind: journal.Config, Because: []journal.Change{{Key: "a"}, {Key: "b"}, {Key: "c"}, {Key: "d"}}},
	} {
		if got := e.Text(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzOpen reads any file: what it finds is in order, and the journal goes on.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"number":1,"kind":"done"}` + "\n" + `{"number":1,"kind":"done"}` + "\n" + `{"number":9,"kind":"x"`))
	f.Add([]byte("\n\n{}\x00\n"))
	f.Add([]byte(`{"number":18446744073709551615,"kind":"done"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		j := journal.Open(journal.Options{Path: path})
		before := numbers(j, 0)
		for i := 1; i < len(before); i++ {
			if before[i] <= before[i-1] {
				t.Fatalf("numbers %v", before)
			}
		}
		e := j.Add(journal.Event{Kind: journal.Done})
		if n := len(before); n > 0 && e.Number <= before[n-1] {
			t.Fatalf("number %d after %v", e.Number, before)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		again := numbers(journal.Open(journal.Options{Path: path}), 0)
		if len(again) == 0 || again[len(again)-1] != e.Number {
			t.Fatalf("added %d, read %v", e.Number, again)
		}
	})
}
