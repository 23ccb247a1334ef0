package cli

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
)

func TestComposeFilesBecomeProjects(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		writeSecret(t, root, name, text)
	}
	write(source.CloudConfigFile, "rancher: {services: {docker: {image: d, labels: {io.rancher.os.scope: system}}}}\n")
	write(source.ComposeDir+"/shop.yml", "services: {web: {image: \"nginx:${TAG}\", env_file: web.txt, scale: 2}}\n")
	write(source.ComposeDir+"/.env", "TAG=1\nBASE=x\n")
	write(source.ComposeDir+"/shop.env", "TAG=${BASE}-2\n")
	write(source.ComposeDir+"/web.txt", "LEVEL=3\n")
	write(source.ComposeDir+"/other.yml", "services: {web: {imgae: nginx}}\n")
	write(source.ComposeDir+"/torn.yml", "services: {web: {image: nginx}}\n")
	write(source.ComposeDir+"/torn.env", "A='x\n")

	d := desired(root)
	web := d.Project.Services["shop-web-2"]
	if web.Spec.Image != "nginx:x-2" || web.Spec.Environment["LEVEL"] == nil || *web.Spec.Environment["LEVEL"] != "3" {
		t.Errorf("image %q, environment %v", web.Spec.Image, web.Spec.Environment)
	}
	broken := []string{source.ComposeDir + "/other.yml", source.ComposeDir + "/torn.yml"}
	if !slices.Equal(d.Project.BrokenFiles, broken) {
		t.Errorf("broken %q, want %q: %v", d.Project.BrokenFiles, broken, d.Report)
	}
	if _, built := d.Project.Services["torn-web-1"]; built {
		t.Error("a project was built without its variables")
	}
	if got := d.Project.Wanted("shop"); !slices.Equal(got, []string{"shop-web-1", "shop-web-2"}) {
		t.Errorf("shop is %q", got)
	}
	if got := d.Project.Wanted("shop/web"); len(got) != 2 || len(d.Project.Wanted("shop-web-1")) != 1 || len(d.Project.Wanted("web")) != 0 {
		t.Errorf("shop/web is %q", got)
	}
}

// TestABadComposeFileIsReplacedByItsLastGoodCopy reads a machine as the controller
// does, makes a file bad in each way that there is, and reads it again.
func TestABadComposeFileIsReplacedByItsLastGoodCopy(t *testing.T) {
	const shop, other = source.ComposeDir + "/shop.yml", source.ComposeDir + "/other.yml"
	const text = "services:\n  web:\n    image: \"nginx:${TAG:?is missing}\"\n    env_file: web.txt\n    volumes: [./data:/data]\n"
	used := regexp.MustCompile(`(; |\()the last good copy of \d{4}-\d\d-\d\d \d\d:\d\d UTC is used\)$`)
	for _, row := range []struct {
		name    string
		spoil   map[string]string // files, "" is removed
		problem string            // begins the one that tells
		goesOn  bool
	}{
		{"it does not parse", map[string]string{shop: "services: {\n"}, shop + ":1:11: is not valid YAML: ", true},
		{"it is no service", map[string]string{shop: "services:\n  web:\n    imgae: x\n"}, shop + ":2:3: services.web: the image is missing (write \"image: NAME\"; ", true},
		{"one of two services is not", map[string]string{shop: text + "  more: {scale: many}\n"}, shop + ":6:3: services.more: the image is missing ", true},
		{"its variables do not parse", map[string]string{source.ComposeDir + "/shop.env": "A='x\n"}, shop + ": cannot read ", true},
		{"a variable is gone", map[string]string{source.ComposeDir + "/.env": ""}, shop + ":3:12: ", true},
		{"what it names is gone, and the copy is as bad", map[string]string{source.ComposeDir + "/web.txt": ""}, shop + ":4:5: services.web.env_file: cannot read ", false},
		{"somebody else has its name", map[string]string{source.ComposeDir + "/again.yml": "name: shop\nservices: {x: {image: x}}\n"}, shop + ":1:1: the project name \"shop\" is already that of ", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := t.TempDir()
			put := func(name, text string) {
				t.Helper()
				path := filepath.Join(root, name)
				if err := errors.Join(os.RemoveAll(path), os.MkdirAll(filepath.Dir(path), 0o700)); err != nil {
					t.Fatal(err)
				}
				if text != "" {
					writeSecret(t, root, name, text)
				}
			}
			put(source.CloudConfigFile, "rancher: {services: {docker: {image: d, labels: {io.rancher.os.scope: system}}}}\n")
			put(shop, text)
			put(other, "services: {db: {image: db}}\n")
			put(source.ComposeDir+"/.env", "TAG=1\n")
			put(source.ComposeDir+"/web.txt", "LEVEL=3\n")
			l := &loader{root: root}
			load := func() servicectl.Desired {
				t.Helper()
				d, err := l.Load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			good := load()
			if err := errors.Join(good.Report.Err(), good.Keep()); err != nil {
				t.Fatal(err)
			}
			for name, text := range row.spoil {
				put(name, text)
			}
			d := load()
			if !slices.Equal(d.Project.BrokenFiles, []string{shop}) {
				t.Errorf("broken %q", d.Project.BrokenFiles)
			}
			is, was := d.Project.Services["shop-web-1"], good.Project.Services["shop-web-1"]
			if goesOn := was.Hash != "" && is.Hash == was.Hash; goesOn != row.goesOn {
				t.Errorf("it goes on: %v; %+v, and was %+v", goesOn, is, was)
			}
			if _, found := d.Project.Services["other-db-1"]; !found {
				t.Errorf("the other project is gone: %v", d.Report)
			}
			told := slices.IndexFunc(d.Report, func(p cloudconfig.Problem) bool {
				return p.Severity == cloudconfig.Error && strings.HasPrefix(p.String(), row.problem) && used.MatchString(p.String()) == row.goesOn
			})
			if told < 0 {
				t.Errorf("report %v", d.Report)
			}
			put(shop, "")
			if d = load(); len(d.Project.Wanted("shop/web")) > 0 {
				t.Errorf("it was removed: %v", d.Project.Services)
			}
		})
	}
}

// TestABadServiceFileIsReplacedByItsLastGoodCopy does the same with files that
// rancher.services_include enables, by name and by path.
func TestABadServiceFileIsReplacedByItsLastGoodCopy(t *testing.T) {
	const web, more = source.ConfDir + "/web.yml", source.ConfDir + "/more/app.yaml"
	const enabled = "rancher:\n  services: {docker: {image: d, labels: {io.rancher.os.scope: system}}}\n  services_include:\n"
	const text = "web:\n  image: nginx\n  env_file: ./web.txt\n  volumes: [./data:/data]\n"
	used := regexp.MustCompile(`(; |\()the last good copy of \d{4}-\d\d-\d\d \d\d:\d\d UTC is used\)$`)
	for _, row := range []struct {
		name    string
		spoil   map[string]string // files; "-" is removed
		problem string            // begins the one that tells
		goesOn  bool
	}{
		{"it does not parse", map[string]string{web: "web: {\n"}, web + ":1:6: is not valid YAML: ", true},
		{"it is empty", map[string]string{web: ""}, source.CloudConfigFile + ":4:10: rancher.services_include.web: " + web + " is empty (", true},
		{"it is a folder", map[string]string{web: "/"}, source.CloudConfigFile + ":4:10: rancher.services_include.web: cannot read " + web, true},
		{"it is no service", map[string]string{web: "web:\n  imgae: x\n"}, web + ":1:1: web: the image is missing (write \"image: NAME\"; ", true},
		{"one of two services is not", map[string]string{web: text + "more: {scale: many}\n"}, web + ":5:1: more: the image is missing ", true},
		{"it is a compose file with an error", map[string]string{web: "services: {web: {image: x}}\nvolumes: {a: {drive: b}}\n"}, web + ":2:15: volumes.a.drive: unknown key ", true},
		{"it has the service of another", map[string]string{more: text}, web + ":1:1: web: service \"web\" is defined twice, first at " + more + ":1:1 (", true},
		{"what it names is gone, and the copy is as bad", map[string]string{source.ConfDir + "/web.txt": "-"}, web + ":3:3: web.env_file: cannot read ", false},
		{"it is removed", map[string]string{web: "-"}, source.CloudConfigFile + ":4:10: rancher.services_include.web: there is no service file web.yml ", false},
		{"it is disabled", map[string]string{web: "web: {\n", source.CloudConfigFile: enabled + "    web: false\n    " + more + ": true\n"}, "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := t.TempDir()
			put := func(name, text string) {
				t.Helper()
				path := filepath.Join(root, name)
				if err := errors.Join(os.RemoveAll(path), os.MkdirAll(filepath.Dir(path), 0o700)); err != nil {
					t.Fatal(err)
				}
				switch text {
				case "-":
				case "/":
					if err := os.Mkdir(path, 0o700); err != nil {
						t.Fatal(err)
					}
				default:
					writeSecret(t, root, name, text)
				}
			}
			put(source.CloudConfigFile, enabled+"    web: true\n    "+more+": true\n")
			put(web, text)
			put(more, "app: {image: app}\n")
			put(source.ConfDir+"/web.txt", "LEVEL=3\n")
			l := &loader{root: root}
			load := func() servicectl.Desired {
				t.Helper()
				d, err := l.Load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			good := load()
			if err := errors.Join(good.Report.Err(), good.Keep()); err != nil {
				t.Fatal(err)
			}
			for name, text := range row.spoil {
				put(name, text)
			}
			d := load()
			for _, name := range []string{"web", "app"} {
				is, was := d.Project.Services[name], good.Project.Services[name]
				if goesOn := was.Hash != "" && is.Hash == was.Hash; goesOn != (row.goesOn || name == "app") {
					t.Errorf("%s goes on: %v; %+v, and was %+v", name, goesOn, is, was)
				}
			}
			told := slices.IndexFunc(d.Report, func(p cloudconfig.Problem) bool {
				return p.Severity == cloudconfig.Error && strings.HasPrefix(p.String(), row.problem) && used.MatchString(p.String()) == row.goesOn
			})
			if told < 0 && row.problem != "" || row.problem == "" && len(d.Report) > 0 {
				t.Errorf("report %v", d.Report)
			}
			put(source.CloudConfigFile, enabled+"    web: false\n    "+more+": true\n")
			load()
			if _, err := os.Stat(filepath.Join(root, source.GoodDir, "services/web.yml")); !os.IsNotExist(err) {
				t.Errorf("a file that was disabled has a copy: %v", err)
			}
			if _, err := os.Stat(filepath.Join(root, source.GoodDir, "services/more/app.yaml")); err != nil {
				t.Errorf("the other file has no copy: %v", err)
			}
		})
	}
}

// An error elsewhere may hide that a file is enabled: it keeps its copy.
func TestServiceFilesKeepTheirCopiesWhileTheConfigurationHasErrors(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, source.CloudConfigDir), 0o700); err != nil {
		t.Fatal(err)
	}
	layer := source.CloudConfigDir + "/10.yml"
	writeSecret(t, root, source.CloudConfigFile, "rancher: {services: {docker: {image: d, labels: {io.rancher.os.scope: system}}}}\n")
	writeSecret(t, root, layer, "rancher: {services_include: {web: true}}\n")
	writeSecret(t, root, source.ConfDir+"/web.yml", "web: {image: nginx}\n")
	l := &loader{root: root}
	kept := func() bool {
		t.Helper()
		d, err := l.Load(t.Context())
		if err == nil && d.Report.Err() == nil {
			err = d.Keep()
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = os.Stat(filepath.Join(root, source.GoodDir, "services/web.yml"))
		return err == nil
	}
	if !kept() {
		t.Error("there is no copy")
	}
	if err := os.Remove(filepath.Join(root, source.GoodDir, "cloud-config.d/10.yml")); err != nil {
		t.Fatal(err)
	}
	writeSecret(t, root, layer, "rancher: {\n")
	if !kept() {
		t.Error("the copy was forgotten when a layer went bad")
	}
	writeSecret(t, root, layer, "rancher: {}\n")
	if kept() {
		t.Error("nobody enables it, and it has a copy")
	}
}
