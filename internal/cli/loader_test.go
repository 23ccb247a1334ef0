package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/source"
)

func TestTheLoaderTellsNewsOnTheConsoleOnceAndKeepsWhatIsGood(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, source.ConfDir), 0o700); err != nil {
		t.Fatal(err)
	}
	var console recorder
	l := &loader{root: root, console: func() (io.WriteCloser, error) { return &console, nil }}
	load := func(text string) func() error {
		t.Helper()
		writeSecret(t, root, source.CloudConfigFile, text)
		d, err := l.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return d.Keep
	}
	kept := func() string {
		data, err := os.ReadFile(filepath.Join(root, source.GoodDir, "cloud-config.yml"))
		if err != nil {
			return ""
		}
		return string(data)
	}
	first := load("hostname: one\n")
	second := load("hostname: two\n")
	if err := first(); err != nil || kept() != "" {
		t.Errorf("an outdated reading was kept: %q, %v", kept(), err)
	}
	if err := second(); err != nil || kept() != "hostname: two\n" {
		t.Errorf("kept %q, %v", kept(), err)
	}
	if text := console.String(); text != "" {
		t.Errorf("the console says %q of a good configuration", text)
	}
	load("hostnam: three\n")
	load("hostnam: three\n")
	load("hostname: four\n")
	lines := strings.Split(strings.TrimSuffix(console.String(), "\r\n"), "\r\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "ros: "+source.CloudConfigFile+":1:1: hostnam: unknown key") ||
		!strings.Contains(lines[0], "the last good copy of ") || lines[1] != "ros: the configuration has no problems any more" {
		t.Errorf("the console says %q", lines)
	}
	if err := os.Remove(filepath.Join(root, source.CloudConfigFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(t.Context()); err != nil || kept() != "" {
		t.Errorf("the copy of a removed layer is still there: %q, %v", kept(), err)
	}
}
