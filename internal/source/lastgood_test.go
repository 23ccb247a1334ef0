package source_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/source"
)

// keep converges with what is there.
func keep(t *testing.T, root string) {
	t.Helper()
	r := source.Read(root)
	if err := r.Report.Err(); err != nil {
		t.Fatalf("a machine with errors does not converge: %v", err)
	}
	if err := r.Keep(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, root, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const garbage = "#cloud-config\nhostname: [x\n"

// layersOf are the layers of a machine with one key each.
func layersOf() map[string]string {
	return map[string]string{
		source.OSConfigFile:               "rancher: {environment: {OS: good}}",
		source.OEMConfigFile:              "rancher: {environment: {OEM: good}}",
		source.SeedDir + "/name":          "nocloud\n",
		source.SeedDir + "/vendor-data":   "#cloud-config\nrancher: {environment: {VENDOR: good}}",
		source.SeedDir + "/meta-data":     "local-hostname: meta",
		source.SeedDir + "/user-data":     "#cloud-config\nrancher: {environment: {USER: good}}",
		source.CloudConfigDir + "/10.yml": "rancher: {environment: {D10: good}}",
		source.CloudConfigFile:            "#cloud-config\nrancher: {environment: {OWN: good}}",
	}
}

func TestTheLastGoodCopyOfABadLayerIsUsed(t *testing.T) {
	used := regexp.MustCompile(`the last good copy of \d{4}-\d\d-\d\d \d\d:\d\d UTC is used`)
	for file := range layersOf() {
		if strings.HasSuffix(file, "/name") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			root := machine(t, layersOf())
			keep(t, root)
			before, _ := source.Load(root)
			write(t, root, file, garbage)
			cfg, report := source.Load(root)
			if fmt.Sprint(cfg.Rancher.Environment) != fmt.Sprint(before.Rancher.Environment) || cfg.Hostname != before.Hostname {
				t.Errorf("%q, %v; before %q, %v", cfg.Hostname, cfg.Rancher.Environment, before.Hostname, before.Rancher.Environment)
			}
			if len(report) != 1 || !used.MatchString(report[0].Hint) || report[0].Pos.Line != 2 || report[0].Pos.Col == 0 {
				t.Errorf("report %v", report)
			}
			if err := source.Read(root).Forget(); err != nil {
				t.Fatal(err)
			}
			if again, _ := source.Load(root); again.Hostname != before.Hostname {
				t.Error("the copy of a bad layer was forgotten")
			}
			write(t, root, file, layersOf()[file])
			if _, report := source.Load(root); len(report) > 0 {
				t.Errorf("mended: %v", report)
			}
		})
	}
}

func TestALayerIsBadInManyWays(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"an unknown key": func(t *testing.T, path string) {
			t.Helper()
			write(t, "", path, "#cloud-config\nhostnam: x\n")
		},
		"a wrong type": func(t *testing.T, path string) {
			t.Helper()
			write(t, "", path, "#cloud-config\nrancher: {environment: {OWN: [1]}}\n")
		},
		"not UTF-8": func(t *testing.T, path string) {
			t.Helper()
			write(t, "", path, "\xff\xfe\xfd\x00\x01")
		},
		"too long": func(t *testing.T, path string) {
			t.Helper()
			write(t, "", path, strings.Repeat("# long\n", 1<<18))
		},
		"a folder": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := machine(t, layersOf())
			keep(t, root)
			spoil(t, filepath.Join(root, source.CloudConfigFile))
			cfg, report := source.Load(root)
			if cfg.Rancher.Environment["OWN"] != "good" {
				t.Errorf("environment %v", cfg.Rancher.Environment)
			}
			if report.Err() == nil || report[0].Pos.File != source.CloudConfigFile || !strings.Contains(report[0].Hint, "last good copy") {
				t.Errorf("report %v", report)
			}
		})
	}
}

func TestABadLayerWithoutACopyIsLeftOut(t *testing.T) {
	root := machine(t, layersOf())
	write(t, root, source.CloudConfigFile, garbage)
	cfg, report := source.Load(root)
	if cfg.Rancher.Environment["OWN"] != "" || cfg.Rancher.Environment["D10"] != "good" || report.Err() == nil {
		t.Errorf("environment %v, report %v", cfg.Rancher.Environment, report)
	}
}

func TestAFolderThatCannotBeReadKeepsItsLayers(t *testing.T) {
	root := machine(t, layersOf())
	keep(t, root)
	dir := filepath.Join(root, source.CloudConfigDir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	write(t, root, source.CloudConfigDir, "a file where a folder should be")
	if err := source.Read(root).Forget(); err != nil {
		t.Fatal(err)
	}
	cfg, report := source.Load(root)
	if cfg.Rancher.Environment["D10"] != "good" || report.Err() == nil {
		t.Errorf("environment %v, report %v", cfg.Rancher.Environment, report)
	}
}

func TestTheCopyOfALayerThatWasRemovedGoes(t *testing.T) {
	for _, row := range []struct {
		name, file string
		also       string // removed with it
		comesBack  bool
	}{
		{"the user's own file", source.CloudConfigFile, "", false},
		{"a file of the folder", source.CloudConfigDir + "/10.yml", "", false},
		{"user-data of a datasource that has spoken", source.SeedDir + "/user-data", "", false},
		{"user-data before a datasource has spoken", source.SeedDir + "/user-data", source.SeedDir + "/name", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := machine(t, layersOf())
			keep(t, root)
			for _, file := range []string{row.file, row.also} {
				if err := os.Remove(filepath.Join(root, file)); file != "" && err != nil {
					t.Fatal(err)
				}
			}
			if err := source.Read(root).Forget(); err != nil {
				t.Fatal(err)
			}
			write(t, root, row.file, garbage)
			_, report := source.Load(root)
			if got := strings.Contains(report[0].Hint, "last good copy"); got != row.comesBack {
				t.Errorf("the copy came back: %v; %v", got, report)
			}
		})
	}
}

func TestTheCopyMakesUpForWhatIsBadAlone(t *testing.T) {
	root := machine(t, map[string]string{source.CloudConfigFile: `
hostname: old
timezone: Europe/Berlin
users: [{name: ann, uid: 1100}, {name: bob}]
rancher: {services: {web: {image: "web:1"}, gone: {image: "gone:1"}}}
`})
	keep(t, root)
	write(t, root, source.CloudConfigFile, `
hostname: new
timezone: [x]
users: [{name: ann, uid: x}, {name: carl, uid: x}]
rancher: {services: {web: "web:2", other: {image: "other:1"}}}
`)
	r := source.Read(root)
	cfg, report := r.Load()
	if cfg.Hostname != "new" || cfg.Timezone != "Europe/Berlin" || len(cfg.Users) != 1 || cfg.Users[0].UID == nil || *cfg.Users[0].UID != 1100 {
		t.Errorf("%q, %q, %+v", cfg.Hostname, cfg.Timezone, cfg.Users)
	}
	if names := slices.Sorted(maps.Keys(cfg.Rancher.Services)); !slices.Equal(names, []string{"other", "web"}) {
		t.Errorf("services %v", names)
	}
	var told []string
	for _, p := range report {
		told = append(told, fmt.Sprintf("%d %v", p.Pos.Line, strings.Contains(p.Hint, "the last good copy of ")))
	}
	if want := []string{"3 true", "4 true", "4 false", "5 true"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v: %v", told, want, report)
	}
	if err := r.Keep(); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(filepath.Join(root, source.GoodDir, "cloud-config.yml")); err != nil || !strings.Contains(string(kept), "hostname: old") {
		t.Errorf("what is half good became the good copy: %s, %v", kept, err)
	}
}

func TestSSHKeysOfABadLayerStandAboveItsCopy(t *testing.T) {
	root := machine(t, map[string]string{source.CloudConfigFile: "hostname: good\nssh_authorized_keys: [ssh-ed25519 OLD]\n"})
	keep(t, root)
	write(t, root, source.CloudConfigFile, "hostnam: bad\nssh_authorized_keys: [ssh-ed25519 NEW]\n")
	cfg, _ := source.Load(root)
	if cfg.Hostname != "good" || !slices.Equal(cfg.SSHAuthorizedKeys, []string{"ssh-ed25519 NEW"}) {
		t.Errorf("%q, %v", cfg.Hostname, cfg.SSHAuthorizedKeys)
	}
}

func TestCopiesAreForTheOwnerAloneAndKeepTheirDates(t *testing.T) {
	root := machine(t, layersOf())
	keep(t, root)
	copied := filepath.Join(root, source.GoodDir, "cloud-config.yml")
	old := time.Date(2020, 1, 2, 3, 4, 0, 0, time.UTC)
	if err := os.Chtimes(copied, old, old); err != nil {
		t.Fatal(err)
	}
	keep(t, root)
	for path, want := range map[string]os.FileMode{copied: 0o600, filepath.Dir(copied): os.ModeDir | 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, want %v, %v", path, info.Mode(), want, err)
		}
	}
	write(t, root, source.CloudConfigFile, garbage)
	_, report := source.Load(root)
	if !strings.Contains(report[0].Hint, "2020-01-02 03:04 UTC") {
		t.Errorf("a copy that did not change has another date: %v", report)
	}
	if err := os.WriteFile(copied, []byte("hostnam: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if cfg, report := source.Load(root); cfg.Rancher.Environment["OWN"] != "" || strings.Contains(report[0].Hint, "good") {
		t.Errorf("a copy that is not sound was used: %v", report)
	}
}

func TestCopiesAreBounded(t *testing.T) {
	files := map[string]string{}
	for i := range 100 {
		files[fmt.Sprintf("%s/%03d.yml", source.CloudConfigDir, i)] = "hostname: x\n"
	}
	root := machine(t, files)
	keep(t, root)
	kept, err := os.ReadDir(filepath.Join(root, source.GoodDir, "cloud-config.d"))
	if err != nil || len(kept) != 64 {
		t.Errorf("%d copies, %v", len(kept), err)
	}
}

func TestAReadingIsWhatWasReadNotWhatIsThere(t *testing.T) {
	root := machine(t, map[string]string{source.CloudConfigFile: "hostname: first\n"})
	r := source.Read(root)
	write(t, root, source.CloudConfigFile, "hostname: second\n")
	if err := r.Keep(); err != nil {
		t.Fatal(err)
	}
	write(t, root, source.CloudConfigFile, garbage)
	cfg, _ := source.Load(root)
	if cfg.Hostname != "first" {
		t.Errorf("hostname %q", cfg.Hostname)
	}
	if got, report := r.Load(); got.Hostname != "first" || report.Err() != nil {
		t.Errorf("hostname %q, %v", got.Hostname, report)
	}
}

func TestAnUnknownFactDoesNotMakeALayerBad(t *testing.T) {
	files := layersOf()
	files[source.SeedDir+"/meta-data"] = "local-ipv4: 10.0.0.7\n"
	files[source.CloudConfigFile] = "rancher: {environment: {OWN: $private_ipv4, OTHER: $public_ipv4}}\n"
	root := machine(t, files)
	cfg, report := source.Load(root)
	if cfg.Rancher.Environment["OWN"] != "10.0.0.7" || report.Err() == nil {
		t.Errorf("environment %v, report %v", cfg.Rancher.Environment, report)
	}
	if value, set := cfg.Rancher.Environment["OTHER"]; set {
		t.Errorf("what refers to an unknown address became %q", value)
	}
}
