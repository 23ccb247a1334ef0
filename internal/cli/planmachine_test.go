package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
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

func TestFilesThatNobodyWritesAnyMoreAreForgotten(t *testing.T) {
	t.Parallel()
	layers := func(text string) []cloudconfig.Layer {
		l, report := cloudconfig.ParseLayer("cloud-config", "cloud-config.yml", []byte(text))
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		return []cloudconfig.Layer{l}
	}
	const a, b = "{path: /etc/a, content: x}", "{path: /opt/b, container: ntp}"
	for _, tt := range []struct{ name, was, is, want string }{
		{"all are taken out", a + "," + b, "", "this forgets files, which stay as they are: /etc/a, /opt/b\n"},
		{"one is taken out", a + "," + b, b, "this forgets files, which stay as they are: /etc/a\n"},
		{"one is another", a, "{path: /etc/a, content: y}", "this writes files: write_files "},
		{"one comes", "", a, "this writes files: write_files "},
		{"one comes and one goes", a, b, "\nthis forgets files, which stay as they are: /etc/a\n"},
		{"they are written in another order", a + "," + b, b + "," + a, "this writes files: write_files "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := effectsOf(layers("write_files: ["+tt.was+"]"), layers("write_files: ["+tt.is+"]"), compose.Project{}, compose.Project{}).String()
			goes, comes := strings.Contains(tt.want, "forgets"), !strings.HasPrefix(tt.want, "this forgets")
			if !strings.Contains(got, tt.want) || strings.Contains(got, "forgets") != goes || strings.Contains(got, "writes files") != comes {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
