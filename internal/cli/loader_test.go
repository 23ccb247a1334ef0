package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/compose"
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

// What is relative in a layer begins beside it, also when its last good copy is
// used: else services would have other folders, and lose what is in theirs.
func TestALastGoodCopyMeansTheFilesBesideItsLayer(t *testing.T) {
	for _, file := range []string{source.CloudConfigFile, source.CloudConfigDir + "/10.yml"} {
		root, folder := t.TempDir(), filepath.Dir(file)
		if err := os.MkdirAll(filepath.Join(root, source.CloudConfigDir), 0o700); err != nil {
			t.Fatal(err)
		}
		writeSecret(t, root, folder+"/web.env", "A=b\n")
		l := &loader{root: root}
		load := func(text string) (compose.Project, func() error) {
			t.Helper()
			writeSecret(t, root, file, text)
			d, err := l.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return d.Project, d.Keep
		}
		was, keep := load("rancher: {services: {web: {image: 'web:1', volumes: ['./data:/data'], env_file: ./web.env}, own: {build: ./own}}}\n")
		if volumes := was.Services["web"].Spec.Volumes; len(volumes) != 1 || volumes[0].Source != folder+"/data" {
			t.Errorf("%s: volumes %v", file, volumes)
		}
		if err := keep(); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"hostname: [x\n", "rancher: {services: {web: x, own: x}}\n", "rancher: {servces: {}}\n"} {
			is, _ := load(bad)
			web, own := is.Services["web"], is.Services["own"]
			if web.Hash != was.Services["web"].Hash || web.Hash == "" || own.Spec.Build == nil || own.Spec.Build.Context != folder+"/own" {
				t.Errorf("%s: of %q came %+v, %+v", file, bad, web, own)
			}
		}
	}
}

// A change of files that services are made of is told by the path, also where the
// machine's own configuration says what it said before.
func TestTheLoaderTellsWhichFilesChanged(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, source.ComposeDir), 0o700); err != nil {
		t.Fatal(err)
	}
	const shop, env, web = source.ComposeDir + "/shop.yml", source.ComposeDir + "/shop.env", source.ConfDir + "/web.yml"
	writeSecret(t, root, source.CloudConfigFile, "rancher: {services_include: {web: true}, services: {docker: {image: d, labels: {io.rancher.os.scope: system}}}}\n")
	writeSecret(t, root, web, "web: {image: nginx, env_file: ./web.txt}\n")
	writeSecret(t, root, source.ConfDir+"/web.txt", "A=1\n")
	l := &loader{root: root}
	load := func() string {
		t.Helper()
		d, err := l.Load(t.Context())
		if err != nil || d.Report.Err() != nil || len(d.Changes) > 0 {
			t.Fatal(err, d.Report, d.Changes)
		}
		var out []string
		for _, f := range d.Files {
			out = append(out, f.String())
		}
		return strings.Join(out, "; ")
	}
	for _, row := range []struct{ file, text, want string }{
		{"", "", ""}, // the first reading
		{"", "", ""},
		{shop, "services: {web: {image: nginx}}\n", shop + " is new"},
		{shop, "services: {web: {image: nginx}}\n# more\n", shop + " changed"},
		{env, "A=1\n", env + " is new"},
		{env, "A=2\n", env + " changed"},
		{web, "web: {image: nginx:2, env_file: ./web.txt}\n", web + " changed"},
		{source.ConfDir + "/web.txt", "A=2\n", source.ConfDir + "/web.txt changed"},
		{env, "", env + " was removed"},
		{env, "A=2\n", env + " is new"},
		{shop, "", shop + " was removed"}, // its variables are still there
	} {
		switch {
		case row.text != "":
			writeSecret(t, root, row.file, row.text)
		case row.file != "":
			if err := os.Remove(filepath.Join(root, row.file)); err != nil {
				t.Fatal(err)
			}
		}
		if got := load(); got != row.want {
			t.Errorf("after %s: told %q, want %q", row.file, got, row.want)
		}
	}
}

// A file that a service names may be anywhere, and need not be there yet.
func TestTheLoaderHasTheFilesWatchedThatServicesName(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{source.ConfDir, "/opt"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeSecret(t, root, source.CloudConfigFile, "rancher: {services: {web: {image: nginx, env_file: /opt/v.env, labels: {io.rancher.os.scope: system}}}}\n")
	named, err := source.NewNamed(root)
	if err != nil {
		t.Fatal(err)
	}
	changed := make(chan struct{}, 9)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- named.Run(ctx, func() { changed <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	l := &loader{root: root, named: named}
	value := func() string {
		t.Helper()
		d, err := l.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v := d.Project.Services["web"].Spec.Environment["A"]; v != nil {
			return *v
		}
		return d.Report.Err().Error()
	}
	if got := value(); !strings.Contains(got, "cannot read /opt/v.env") {
		t.Errorf("without the file: %s", got)
	}
	for _, want := range []string{"1", "2"} {
		writeSecret(t, root, "/opt/v.env", "A="+want+"\n")
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Fatalf("nobody says that the file has A=%s", want)
		}
		if got := value(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
