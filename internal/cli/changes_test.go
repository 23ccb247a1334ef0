package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
)

// TestWhoChangedWhat reads the configuration again and again, as the controller
// does, while people change it in different ways.
func TestWhoChangedWhat(t *testing.T) {
	root := t.TempDir()
	other := "/var/lib/rancher/conf/cloud-config.d/10-web.yml"
	write := func(file, text string) {
		t.Helper()
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	byCommand := func(command, text string) {
		t.Helper()
		err := source.Update(root, source.Change{
			Author: source.Author{Who: "ann", Command: command},
			Edit:   func([]byte) ([]byte, error) { return []byte(text), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	l := &loader{root: root}
	user := source.CloudConfigFile
	for _, step := range []struct {
		what string
		do   func()
		want []journal.Change
	}{
		{"the first reading tells nothing", func() { write(user, "hostname: a\n") }, nil},
		{"nothing has changed", func() {}, nil},
		{"a command", func() { byCommand("set hostname", "hostname: b\n") }, []journal.Change{
			{Key: "hostname", Origin: user + ":1:11", By: "config set", Who: "ann"},
		}},
		{"an editor, without a command", func() { write(user, "hostname: c\n") }, []journal.Change{
			{Key: "hostname", Origin: user + ":1:11"},
		}},
		{"another file", func() { write(other, "rancher: {debug: true}\n") }, []journal.Change{
			{Key: "rancher.debug", Origin: other + ":1:18"},
		}},
		{"a command that takes a key away", func() { byCommand("unset hostname", "rancher:\n  log: true\n") }, []journal.Change{
			{Key: "hostname", By: "config unset", Who: "ann"},
			{Key: "rancher.log", Origin: user + ":2:8", By: "config unset", Who: "ann"},
		}},
		{"a rollback", func() { byCommand("rollback 1", "rancher:\n  log: false\n") }, []journal.Change{
			{Key: "rancher.log", Origin: user + ":2:8", By: "config rollback 1", Who: "ann"},
		}},
	} {
		step.do()
		d, err := l.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !sameChanges(d, step.want) {
			t.Errorf("%s: %+v, want %+v", step.what, d.Changes, step.want)
		}
	}
}

func sameChanges(d servicectl.Desired, want []journal.Change) bool {
	if len(d.Changes) != len(want) {
		return false
	}
	for i, c := range d.Changes {
		if c != want[i] {
			return false
		}
	}
	return true
}
