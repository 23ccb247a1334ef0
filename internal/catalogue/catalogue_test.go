package catalogue

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// machine makes a root with files.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// include is a configuration that enables services, one line each.
func include(t *testing.T, lines ...string) cloudconfig.Config {
	t.Helper()
	text := "rancher:\n  services_include:\n    " + strings.Join(lines, "\n    ") + "\n"
	layer, report := cloudconfig.ParseLayer("cloud-config", "cloud-config.yml", []byte(text))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	cfg, report := cloudconfig.Merge(layer).Config()
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

var files = map[string]string{
	"/usr/share/ros/services/nfs.yml":               "nfs: {image: nfs}\n",
	"/usr/share/ros/services/both.yml":              "both: {image: of-the-image}\n",
	"/usr/share/ros/services/README.md":             "Not a service.\n",
	"/usr/share/ros/services/empty.yml":             "# nothing\n",
	"/var/lib/rancher/conf/both.yml":                "both: {image: of-the-user}\n",
	"/var/lib/rancher/conf/web.yml":                 "web:\n  image: nginx\n",
	"/var/lib/rancher/conf/broken.yml":              "web:\n\timage: nginx\n",
	"/var/lib/rancher/conf/cloud-config.yml":        "hostname: x\n",
	"/var/lib/rancher/conf/.web.yml.tmp":            "half\n",
	"/var/lib/rancher/conf/more/app.yaml":           "app: {image: app}\n",
	"/var/lib/rancher/conf/cloud-config.d/user.yml": "hostname: y\n",
	"/etc/secret.yml":                               "secret: {image: x}\n",
}

func TestLoadFindsEnabledServices(t *testing.T) {
	root := machine(t, files)
	loaded := Load(include(t, "nfs: true", "web: true", "both: true", "missing: false",
		"/var/lib/rancher/conf/more/app.yaml: true", "/var/lib/rancher/conf/web.yml: true"), Options{Root: root})
	documents, report := loaded.Documents, loaded.Report
	if len(report) > 0 {
		t.Fatal(report)
	}
	want := []string{"/var/lib/rancher/conf/more/app.yaml", "/var/lib/rancher/conf/web.yml", "both", "nfs", "web"}
	if got := slices.Sorted(maps.Keys(documents)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	wantFiles := []source.ServiceFile{
		{Path: "/var/lib/rancher/conf/more/app.yaml", Key: "/var/lib/rancher/conf/more/app.yaml", Data: []byte("app: {image: app}\n")},
		{Path: "/var/lib/rancher/conf/web.yml", Key: "/var/lib/rancher/conf/web.yml", Data: []byte("web:\n  image: nginx\n")},
		{Path: "/var/lib/rancher/conf/web.yml", Key: "web", Data: []byte("web:\n  image: nginx\n")},
	}
	if diff := cmp.Diff(wantFiles, loaded.Files); diff != "" {
		t.Errorf("the user's files, -want +got:\n%s", diff)
	}
	if image := documents["both"].Lookup("both", "image"); image == nil || image.Value != "of-the-image" {
		t.Errorf("the file of the image must count, got %v", image)
	}
	web := documents["web"]
	if got := web.Pos(web.Lookup("web", "image")).String(); got != "/var/lib/rancher/conf/web.yml:2:10" {
		t.Errorf("position %s", got)
	}
}

func TestLoadTellsEveryProblem(t *testing.T) {
	root := machine(t, files)
	if err := os.Mkdir(filepath.Join(root, "/var/lib/rancher/conf/folder.yml"), 0o700); err != nil {
		t.Fatal(err)
	}
	loaded := Load(include(t, "nsf: true", "zzzzzzz: true", "nfs: true", "broken: true", "empty: true", "folder: true",
		"cloud-config: true", "more/app.yaml: true", "..: true", "/etc/secret.yml: true", "/var/lib/rancher/conf/../../../../etc/secret.yml: true",
		"/var/lib/rancher/conf/wbe.yml: true", "/var/lib/rancher/conf/none/x.yml: true", "https://example.com/x.yml: true"), Options{Root: root})
	documents, report := loaded.Documents, loaded.Report
	if got := slices.Sorted(maps.Keys(documents)); !slices.Equal(got, []string{"nfs"}) {
		t.Errorf("documents %q", got)
	}
	var got []string
	for _, p := range report.Sorted() {
		got = append(got, p.String())
	}
	wantFiles := []source.ServiceFile{
		{Path: "/var/lib/rancher/conf/broken.yml", Key: "broken", Data: []byte("web:\n\timage: nginx\n"), Broken: true},
		{Path: "/var/lib/rancher/conf/folder.yml", Key: "folder", Broken: true},
	}
	if diff := cmp.Diff(wantFiles, loaded.Files); diff != "" {
		t.Errorf("the user's files, -want +got:\n%s", diff)
	}
	const at = "cloud-config.yml:"
	want := []string{
		`/var/lib/rancher/conf/broken.yml:2:1: is not valid YAML: a tab is used for indentation (use spaces)`,
		at + `3:10: rancher.services_include.nsf: there is no service file nsf.yml in /usr/share/ros/services or /var/lib/rancher/conf (did you mean "nfs"?)`,
		at + `4:14: rancher.services_include.zzzzzzz: there is no service file zzzzzzz.yml in /usr/share/ros/services or /var/lib/rancher/conf (ros service list shows which there are)`,
		at + `7:12: rancher.services_include.empty: /usr/share/ros/services/empty.yml is empty`,
		at + `8:13: rancher.services_include.folder: cannot read /var/lib/rancher/conf/folder.yml: it is not a file`,
		at + `9:19: rancher.services_include.cloud-config: is the machine's configuration, not a service`,
		at + `10:20: rancher.services_include."more/app.yaml": is neither the name of a service nor an absolute path (write the whole path, or set a name that ros service list shows)`,
		at + `11:9: rancher.services_include."..": is neither the name of a service nor an absolute path (write the whole path, or set a name that ros service list shows)`,
		at + `12:22: rancher.services_include."/etc/secret.yml": the file is not under /var/lib/rancher/conf (save it there)`,
		at + `13:55: rancher.services_include."/var/lib/rancher/conf/../../../../etc/secret.yml": the file is not under /var/lib/rancher/conf (save it there)`,
		at + `14:36: rancher.services_include."/var/lib/rancher/conf/wbe.yml": there is no such file (did you mean "/var/lib/rancher/conf/web.yml"?)`,
		at + `15:39: rancher.services_include."/var/lib/rancher/conf/none/x.yml": there is no such file`,
		at + `16:32: warning: rancher.services_include."https://example.com/x.yml": https://example.com/x.yml has not been fetched yet: what it says is not checked (ros service enable fetches it)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListShowsWhatCanBeEnabled(t *testing.T) {
	entries, err := List(machine(t, files), cloudconfig.Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Name: "both", File: "/usr/share/ros/services/both.yml"},
		{Name: "broken", File: "/var/lib/rancher/conf/broken.yml"},
		{Name: "empty", File: "/usr/share/ros/services/empty.yml"},
		{Name: "nfs", File: "/usr/share/ros/services/nfs.yml"},
		{Name: "web", File: "/var/lib/rancher/conf/web.yml"},
	}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListOfAMachineWithoutFolders(t *testing.T) {
	entries, err := List(t.TempDir(), cloudconfig.Config{})
	if err != nil || len(entries) > 0 {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestListTellsWhyAFolderCannotBeRead(t *testing.T) {
	root := machine(t, map[string]string{"/usr/share/ros/services": "a file, not a folder\n"})
	if _, err := List(root, cloudconfig.Config{}); err == nil || !strings.HasPrefix(err.Error(), "cannot list the services in /usr/share/ros/services: ") {
		t.Errorf("got %v", err)
	}
}
