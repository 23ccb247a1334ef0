package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/machine/setting"
)

func TestThePlanShowsWhatChangesOnTheMachine(t *testing.T) {
	a := &app{root: t.TempDir()}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(a.path(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(a.path(path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("/var/lib/rancher/conf/cloud-config.yml", "#cloud-config\nwrite_files: [{path: /etc/motd, content: hello}]\n")
	if got := a.machineChanges(t.Context()); len(got) != 0 {
		t.Errorf("where nothing was ever applied it shows %v", got)
	}
	write(setting.RecordFile, "{}")
	if got := changesText(a.machineChanges(t.Context())); !strings.Contains(got, "machine  write_files  write /etc/motd\n") {
		t.Errorf("it shows\n%s", got)
	}
	if _, err := os.Stat(a.path("/etc/motd")); !os.IsNotExist(err) {
		t.Errorf("the file was written: %v", err)
	}
	var out strings.Builder
	a.out, a.in = &out, strings.NewReader("#cloud-config\nhostname: later\nwrite_files: [{path: /etc/later, content: x}]\n")
	if err := a.foretellMerge(t.Context(), "-"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"this changes the host name: hostname (unset) → later\n", "machine  write_files  write /etc/later\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("before a change it tells\n%s\nwant %q in it", out.String(), want)
		}
	}
	if text, err := os.ReadFile(a.path("/var/lib/rancher/conf/cloud-config.yml")); err != nil || strings.Contains(string(text), "later") {
		t.Errorf("the change was made: %s, %v", text, err)
	}
}
