package source_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// machine writes files below a new root.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLayersAreMergedInTheirOrder(t *testing.T) {
	files := map[string]string{
		source.OSConfigFile:                "hostname: os",
		source.OEMConfigFile:               "hostname: oem",
		source.SeedDir + "/vendor-data":    "#cloud-config\nhostname: vendor",
		source.SeedDir + "/meta-data":      "local-hostname: meta",
		source.SeedDir + "/user-data":      "#cloud-config\nhostname: user",
		source.CloudConfigDir + "/10.yml":  "hostname: d10",
		source.CloudConfigDir + "/20":      "hostname: d20",
		source.CloudConfigDir + "/.30.swp": "hostname: hidden",
		source.CloudConfigFile:             "hostname: own",
		"/run/ros/cmdline":                 "quiet cc.hostname=kernel",
	}
	order := []struct{ file, want string }{
		{"/run/ros/cmdline", "kernel"},
		{source.CloudConfigFile, "own"},
		{source.CloudConfigDir + "/20", "d20"},
		{source.CloudConfigDir + "/10.yml", "d10"},
		{source.SeedDir + "/user-data", "user"},
		{source.SeedDir + "/meta-data", "meta"},
		{source.SeedDir + "/vendor-data", "vendor"},
		{source.OEMConfigFile, "oem"},
		{source.OSConfigFile, "os"},
	}
	root := machine(t, files)
	for _, o := range order { // each in turn is the highest that is left
		cfg, report := source.Load(root)
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		if cfg.Hostname != o.want {
			t.Errorf("the hostname is %q, want %q, which %s set", cfg.Hostname, o.want, o.file)
		}
		if err := os.Remove(filepath.Join(root, o.file)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsGoodOfABadLayerIsUsed(t *testing.T) {
	for name, bad := range map[string]string{
		"an unknown key": "ssh_authorized_keys: [ssh-ed25519 AAAA]\nhostnam: x\ntimezone: UTC\n",
		"a wrong type":   "ssh_authorized_keys: [ssh-ed25519 AAAA]\nrancher: {debug: [1]}\ntimezone: UTC\n",
	} {
		t.Run(name, func(t *testing.T) {
			root := machine(t, map[string]string{
				source.OSConfigFile:    "hostname: good\n",
				source.CloudConfigFile: "#cloud-config\n" + bad,
			})
			cfg, report := source.Load(root)
			if cfg.Hostname != "good" || cfg.Timezone != "UTC" || !slices.Equal(cfg.SSHAuthorizedKeys, []string{"ssh-ed25519 AAAA"}) {
				t.Errorf("hostname %q, time zone %q, keys %q", cfg.Hostname, cfg.Timezone, cfg.SSHAuthorizedKeys)
			}
			if len(report) != 1 || !strings.HasPrefix(report[0].String(), source.CloudConfigFile+":3:") {
				t.Errorf("problems %v, want one, at line 3 of the file", report)
			}
		})
	}
}

func TestALayerThatIsNotYAMLIsLeftOut(t *testing.T) {
	root := machine(t, map[string]string{
		source.OSConfigFile:    "hostname: good\n",
		source.CloudConfigFile: "hostname: [unclosed\n",
	})
	cfg, report := source.Load(root)
	if cfg.Hostname != "good" {
		t.Errorf("hostname %q", cfg.Hostname)
	}
	if len(report) != 1 || !strings.HasPrefix(report[0].String(), source.CloudConfigFile+":") {
		t.Errorf("problems %v", report)
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUserDataFormats(t *testing.T) {
	compose := "#compose\nweb:\n  image: nginx\n"
	for _, tt := range []struct {
		name    string
		data    []byte
		path    []string
		want    string
		problem string
	}{
		{name: "cloud-config", data: []byte("#cloud-config\nhostname: a\n"), path: []string{"hostname"}, want: "a"},
		{name: "gzip of a cloud-config", data: zipped(t, "#cloud-config\nhostname: a\n"), path: []string{"hostname"}, want: "a"},
		{name: "compose becomes services", data: []byte(compose), path: []string{"rancher", "services", "web", "image"}, want: "nginx"},
		{name: "a missing header is told", data: []byte("hostname: a\n"), path: []string{"hostname"}, want: "a", problem: "not #cloud-config"},
		{name: "a byte-order mark hides nothing", data: []byte("\xef\xbb\xbf#cloud-config\nhostname: a\n"), path: []string{"hostname"}, want: "a"},
		{name: "a script is no layer", data: []byte("#!/bin/sh\nexit\n")},
		{name: "an HTML page", data: []byte("<!DOCTYPE html>\n"), problem: "unknown format"},
		{name: "truncated gzip", data: zipped(t, compose)[:12], problem: "cannot unpack gzip"},
		{name: "a gzip bomb", data: zipped(t, strings.Repeat("# bomb\n", 1<<20)), problem: "more than the"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			layer, report := source.ParseUserData("user-data", "ud", tt.data)
			if got := report; (tt.problem == "") != (len(got) == 0) || (tt.problem != "" && !strings.Contains(got[0].String(), tt.problem)) {
				t.Errorf("problems %v, want %q", got, tt.problem)
			}
			if tt.want == "" {
				return
			}
			node := layer.Doc.Lookup(tt.path...)
			if node == nil || node.Value != tt.want {
				t.Fatalf("%v is %v, want %q", tt.path, node, tt.want)
			}
			if tt.name == "compose becomes services" && layer.Doc.Pos(node).String() != "ud:3:10" {
				t.Errorf("position %s, want ud:3:10", layer.Doc.Pos(node))
			}
		})
	}
}

func TestSeedsOfDisksAreRecognised(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"NoCloud":      {"user-data": "u", "meta-data": "m"},
		"config drive": {"openstack/latest/user_data": "u", "openstack/latest/meta_data.json": "m"},
	} {
		t.Run(name, func(t *testing.T) {
			seed, err := source.ReadSeed(machine(t, files))
			if err != nil || string(seed.UserData) != "u" || string(seed.MetaData) != "m" {
				t.Errorf("got %+v, %v", seed, err)
			}
		})
	}
	if _, err := source.ReadSeed(t.TempDir()); err == nil {
		t.Error("an empty disk is no seed")
	}
}

func TestSaveSeedForgetsWhatIsNoLongerGiven(t *testing.T) {
	root := t.TempDir()
	if err := source.SaveSeed(root, "nocloud", source.Seed{UserData: []byte("#cloud-config\nhostname: a\n")}); err != nil {
		t.Fatal(err)
	}
	if err := source.SaveSeed(root, "nocloud", source.Seed{MetaData: []byte("local-hostname: b\n")}); err != nil {
		t.Fatal(err)
	}
	cfg, report := source.Load(root)
	if cfg.Hostname != "b" || len(report) != 0 {
		t.Errorf("hostname %q, problems %v", cfg.Hostname, report)
	}
	info, err := os.Stat(filepath.Join(root, source.SeedDir, "meta-data"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// FuzzParseUserData: whatever a datasource gives, parsing ends and says either
// what it is or what is wrong with it.
func FuzzParseUserData(f *testing.F) {
	for _, seed := range []string{"#cloud-config\na: 1\n", "#compose\nx: {}\n", "#!/bin/sh\n", "\x1f\x8b", "<html>", "a: &a [*a]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		layer, report := source.ParseUserData("user-data", "ud", data)
		if report.Err() == nil {
			cloudconfig.Merge(layer).Config()
		}
	})
}
