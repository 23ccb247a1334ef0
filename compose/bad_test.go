package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

// TestBadServices reads testdata/bad: each archive is a cloud-config with services
// that somebody could write (input.yml), and the messages that he is told.
func TestBadServices(t *testing.T) {
	archives, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(archives) < 10 {
		t.Fatalf("%d archives: %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			input := archive.Files[0]
			layer, parsed := cloudconfig.ParseLayer("cloud-config", input.Name, input.Data)
			cfg, decoded := cloudconfig.Merge(userDocker(t), layer).Config()
			if err := append(parsed, decoded...).Err(); err != nil {
				t.Fatal("not a problem of services:", err)
			}
			_, report := Build(cfg, Options{})
			if report.Err() == nil {
				t.Error("nothing is wrong with it")
			}
			archive.Files = []txtar.File{input, {Name: "want", Data: []byte(problems(report.Sorted()))}}
			golden.Equal(t, name, string(txtar.Format(archive)))
		})
	}
}

// userDocker is the service without which no service of a user runs.
func userDocker(t *testing.T) cloudconfig.Layer {
	t.Helper()
	layer, report := cloudconfig.ParseLayer("os-config", "os-config.yml",
		[]byte("rancher: {services: {docker: {image: ros/base, labels: {io.rancher.os.scope: system}}}}"))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return layer
}

// TestServicesOfRealCloudConfigsAreBuilt builds the services of the cloud-configs
// that package cloudconfig keeps, beside those of the image.
func TestServicesOfRealCloudConfigsAreBuilt(t *testing.T) {
	defaults, err := os.ReadFile("../os-config.yml")
	if err != nil {
		t.Fatal(err)
	}
	base, _ := cloudconfig.ParseLayer("os-config", "os-config.yml", defaults)
	archives, err := filepath.Glob("../cloudconfig/testdata/real/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			layers := []cloudconfig.Layer{base}
			for _, f := range archive.Files {
				if f.Name == "user-data" || strings.HasPrefix(f.Name, "cloud-config") {
					layer, _ := cloudconfig.ParseLayer(f.Name, f.Name, f.Data)
					layers = append(layers, layer)
				}
			}
			cfg, _ := cloudconfig.Merge(layers...).Config()
			if _, report := Build(cfg, Options{}); report.Err() != nil {
				t.Error(report.Err())
			}
		})
	}
}
