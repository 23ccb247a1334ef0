package source_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/source"
)

// composeRoot is a machine with files.
func composeRoot(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestComposeFilesAreFoundWithTheirVariables(t *testing.T) {
	root := composeRoot(t, map[string]string{
		source.ComposeDir + "/shop.yml":         "services: {web: {image: nginx}}\n",
		source.ComposeDir + "/Night Jobs.yaml":  "services: {web: {image: nginx}}\n",
		source.ComposeDir + "/broken.yml":       "services: {\n",
		source.ComposeDir + "/.hidden.yml":      "services: {}\n",
		source.ComposeDir + "/notes.txt":        "nothing\n",
		source.ComposeDir + "/folder/other.yml": "services: {}\n",
		source.ComposeDir + "/.env":             "A=1\n",
		source.ComposeDir + "/shop.env":         "A=2\n",
		source.SeedDir + "/name":                "nocloud\n",
		source.SeedDir + "/user-data":           "#compose\nservices: {web: {image: nginx}}\n",
	})
	files, report := source.ComposeFiles(root)
	var got []string
	for _, f := range files {
		text := f.Path + " " + f.Name
		if f.Broken {
			text += " broken"
		}
		for _, env := range f.Env {
			text += " " + filepath.Base(env.Path) + ":" + strings.TrimSpace(string(env.Data))
		}
		got = append(got, text)
	}
	want := []string{
		source.ComposeDir + "/Night Jobs.yaml Night Jobs .env:A=1",
		source.ComposeDir + "/broken.yml broken broken .env:A=1",
		source.ComposeDir + "/shop.yml shop .env:A=1 shop.env:A=2",
		"user-data (nocloud) user-data",
	}
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	if len(report) != 1 || report[0].Pos.File != source.ComposeDir+"/broken.yml" || report.Err() == nil {
		t.Errorf("report %v", report)
	}
}

func TestAMachineWithoutComposeFilesHasNone(t *testing.T) {
	if files, report := source.ComposeFiles(t.TempDir()); len(files)+len(report) > 0 {
		t.Errorf("%v, %v", files, report)
	}
}

func TestUserDataThatIsAMapOfServicesIsNoProject(t *testing.T) {
	const text = "#compose\nweb: {image: nginx}\n"
	root := composeRoot(t, map[string]string{source.SeedDir + "/user-data": text})
	if files, report := source.ComposeFiles(root); len(files)+len(report) > 0 {
		t.Errorf("%v, %v", files, report)
	}
	layer, report := source.ParseUserData("user-data", "user-data", []byte(text))
	if len(report) > 0 || layer.Doc.Lookup("rancher", "services", "web") == nil {
		t.Errorf("the layer has no service: %v", report)
	}
	layer, report = source.ParseUserData("user-data", "user-data", []byte("#compose\nservices: {web: {image: nginx}}\n"))
	if len(report) > 0 || layer.Doc.Root != nil {
		t.Errorf("a whole compose file is a layer: %v", report)
	}
}

func TestAFileThatCannotBeReadIsABrokenProject(t *testing.T) {
	root := composeRoot(t, map[string]string{source.ComposeDir + "/shop.yml": "services: {web: {image: nginx}}\n"})
	if err := os.Symlink("/nowhere", filepath.Join(root, source.ComposeDir, "lost.yml")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, source.ComposeDir, "shop.env"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, report := source.ComposeFiles(root)
	if len(files) != 2 || !files[0].Broken || !files[1].Broken || len(report) != 2 {
		t.Errorf("%+v, %v", files, report)
	}
}
