package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/source"
)

// The examples of docs/services.md make one machine, without a problem. An
// example begins with #cloud-config, or with the path of its file.
func TestTheExamplesOfTheServicePageAreRight(t *testing.T) {
	text, err := os.ReadFile("../../docs/services.md")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	examples := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, e := range examples {
		first, _, _ := strings.Cut(e[1], "\n")
		path := strings.TrimPrefix(first, "# ")
		if first == "#cloud-config" {
			path = source.CloudConfigFile
		}
		if !filepath.IsAbs(path) {
			t.Fatalf("an example begins with %q", first)
		}
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		writeSecret(t, root, path, e[1])
	}
	writeSecret(t, root, source.ComposeDir+"/.env", "SHOP_PASSWORD=secret\n")
	d := desired(root)
	if len(d.Report) > 0 {
		t.Errorf("problems: %v", d.Report)
	}
	for _, name := range []string{"hello", "workers-2", "shop-web-2", "shop-admin-1", "nightly-backup-1"} {
		if _, built := d.Project.Services[name]; !built {
			t.Errorf("there is no service %s", name)
		}
	}
}
