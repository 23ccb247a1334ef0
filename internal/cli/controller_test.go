package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
)

// TestOnlyANewNameOfDHCPIsTold writes what service network publishes: of that,
// the host needs the name and the problems that last.
func TestOnlyANewNameOfDHCPAndNewProblemsAreTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status.json")
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan struct{}, 16), make(chan error, 1)
	go func() { ended <- watchNetworkStatus(ctx, path, func() { told <- struct{}{} }) }()
	write := func(text string) {
		t.Helper()
		if err := source.WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	isTold := func() bool {
		select {
		case <-told:
			return true
		case <-time.After(400 * time.Millisecond):
			return false
		}
	}
	write(`{"hostname": "one"}`)
	for deadline := time.Now().Add(10 * time.Second); !isTold(); write(`{"hostname": "one"}`) { // the watch may not have begun
		if time.Now().After(deadline) {
			t.Fatal("the first name was not told")
		}
	}
	for _, row := range []struct {
		name, status string
		want         bool
	}{
		{"another address", `{"hostname": "one", "ntp": ["10.0.2.4"]}`, false},
		{"what cannot be read", `{`, false},
		{"a problem that may pass", `{"hostname": "one", "problems": ["a"]}`, false},
		{"a problem that lasts", `{"hostname": "one", "problems": ["a"], "lasting": ["a"]}`, true},
		{"it is gone", `{"hostname": "one"}`, true},
		{"a cable is lacking", `{"hostname": "one", "lacks": ["eth1 has no carrier"]}`, true},
		{"still", `{"hostname": "one", "lacks": ["eth1 has no carrier"], "ready": true}`, false},
		{"another name, and a cable", `{"hostname": "two"}`, true},
		{"no name any more", `{"ready": true}`, true},
	} {
		write(row.status)
		if got := isTold(); got != row.want {
			t.Errorf("%s: told %v", row.name, got)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestAnOptionThatUserDockerDoesNotUseIsAWarning follows a setting that cannot
// be honoured to where people look.
func TestAnOptionThatUserDockerDoesNotUseIsAWarning(t *testing.T) {
	root := t.TempDir()
	const file = "var/lib/rancher/conf/cloud-config.yml"
	if err := os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "rancher:\n  docker:\n    graph: /mnt/docker\n    extra_args: [--no-such-flag]\n"
	if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report := desired(root).Report
	if err := report.Err(); err != nil {
		t.Fatalf("it degrades the machine: %v", err)
	}
	st := servicectl.Status{State: servicectl.Converged, Problems: report}
	var shown, doc bytes.Buffer
	if err := (&app{out: &shown}).printStatus(st, "text"); err != nil {
		t.Fatal(err)
	}
	want := file + ":4:17: warning: rancher.docker.extra_args: "
	if !strings.HasPrefix(shown.String(), "converged\n") || !strings.Contains(shown.String(), want) || !strings.Contains(shown.String(), "no-such-flag") {
		t.Errorf("want a line with %q:\n%s", want, shown.String())
	}
	if err := (&app{out: &doc}).printStatus(st, "json"); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Problems []struct {
			Severity, Path string
		}
	}
	if err := json.Unmarshal(doc.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Problems) == 0 || got.Problems[0].Severity != "warning" || got.Problems[0].Path != "rancher.docker.extra_args" {
		t.Errorf("as JSON: %s", doc.String())
	}
}
