package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/host"
)

func TestEveryCommandShowsHowItIsUsed(t *testing.T) {
	for _, cmd := range root().Commands() {
		if cmd.Hidden {
			continue
		}
		if !strings.Contains(cmd.Example, "rosmachine "+cmd.Name()) || cmd.Short == "" {
			t.Errorf("%s has no example or no description", cmd.Name())
		}
	}
}

func TestWhichOfTwoPathsIsInAMachine(t *testing.T) {
	for _, row := range []struct {
		word, name, path string
		remote           bool
	}{
		{"dev:/etc/hosts", "dev", "/etc/hosts", true},
		{"dev:", "dev", "", true},
		{"dev:a:b", "dev", "a:b", true},
		{"file", "", "file", false},
		{"./a:b", "", "./a:b", false},
		{"/tmp/a:b", "", "/tmp/a:b", false},
	} {
		name, path, remote := remotePath(row.word)
		if name != row.name || path != row.path || remote != row.remote {
			t.Errorf("remotePath(%q) = %q, %q, %v", row.word, name, path, remote)
		}
	}
}

func TestExitStatus(t *testing.T) {
	ended := exec.CommandContext(t.Context(), "sh", "-c", "exit 7").Run()
	for name, row := range map[string]struct {
		err  error
		want int
	}{
		"success":                              {nil, 0},
		"a failure":                            {errors.New("x"), exitFailure},
		"a machine that is not ready":          {&host.NotReadyError{}, exitFailure},
		"a degraded machine":                   {fmt.Errorf("start: %w", &host.NotReadyError{Degraded: true}), exitDegraded},
		"a command's own exit status":          {&remoteError{ended}, 7},
		"a command in a machine that is not":   {&remoteError{host.ErrNoMachine}, exitCannot},
		"a failure that only looks like a run": {ended, exitFailure},
	} {
		if got := exitStatus(row.err); got != row.want {
			t.Errorf("%s: exit status %d; want %d", name, got, row.want)
		}
	}
}

func TestMachinesAreListed(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	rows := []row{
		{Name: "a", Kind: host.VirtualMachine, State: host.Running, PID: 7, SSH: "127.0.0.1:2222", Since: now.Add(-time.Minute)},
		{Name: "b", Kind: host.Namespaces, State: host.Stopped, Reason: "power cut", Since: now.Add(-time.Hour)},
	}
	var out bytes.Buffer
	if err := printTable(&out, rows, now); err != nil {
		t.Fatal(err)
	}
	want := `NAME   KIND   STATE                 PID   SSH              SINCE
a      vm     running               7     127.0.0.1:2222   1m0s
b      ns     stopped (power cut)   -     -                1h0m0s
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestNoMachinesAreAnEmptyListInJSON(t *testing.T) {
	t.Setenv("ROSMACHINE_HOME", t.TempDir())
	cmd := root()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"list", "-o", "json"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || rows == nil || len(rows) != 0 {
		t.Errorf("printed %q, %v", out.String(), err)
	}
}

func TestMistakesOnTheCommandLineMakeNoMachine(t *testing.T) {
	for _, line := range []string{
		"start",
		"start --name a",
		"start --name a --ns --vm",
		"start --name A --vm",
		"start --name a --vm --disk many",
		"start --name a --vm --publish 80",
		"start --name a --vm --state-size 1G",
		"start --name a --ns --disk 1G",
		"start --name a --vm --disk nosuch.img",
		"start --name a --vm --image /nosuch",
		"list -o xml",
		"cp a b",
		"cp a:b c:d",
		"rm nosuch",
	} {
		t.Run(line, func(t *testing.T) {
			t.Setenv("ROSMACHINE_HOME", t.TempDir())
			cmd := root()
			cmd.SetArgs(strings.Fields(line))
			cmd.SetErr(&bytes.Buffer{})
			if err := cmd.Execute(); err == nil {
				t.Error("it was accepted")
			}
			if left, err := rows(); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}
