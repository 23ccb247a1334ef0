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

func TestAComposeFileHasALastGoodCopy(t *testing.T) {
	const shop, text = source.ComposeDir + "/shop.yml", "services: {web: {image: \"nginx:${TAG}\"}}\n"
	root := composeRoot(t, map[string]string{
		shop: text, source.ComposeDir + "/.env": "TAG=1\n", source.ComposeDir + "/late.yml": text,
		source.SeedDir + "/user-data": "#compose\n" + text, source.SeedDir + "/name": "nocloud\n",
	})
	write(t, root, source.ComposeDir+"/late.yml", "services: {\n")
	if err := source.Read(root).Keep(); err != nil { // who calls it knows that there is no error; late.yml is not to be kept
		t.Fatal(err)
	}
	copyOf := func(i int) (source.ComposeFile, bool) {
		t.Helper()
		files, _ := source.ComposeFiles(root)
		good, kept, ok := files[i].LastGood(root)
		if ok && kept.IsZero() {
			t.Error("nobody knows since when there is a copy")
		}
		return good, ok
	}
	for i, name := range []string{"late.yml", "shop.yml", "user-data"} {
		if _, ok := copyOf(i); ok != (name == "shop.yml") {
			t.Errorf("%s has a copy: %v", name, ok)
		}
	}
	write(t, root, shop, "services: {\n")
	write(t, root, source.ComposeDir+"/.env", "TAG='\n")
	if err := source.Read(root).Forget(); err != nil {
		t.Fatal(err)
	}
	good, ok := copyOf(1)
	if !ok || good.Doc.Lookup("services", "web", "image").Value != "nginx:${TAG}" || len(good.Env) != 1 || string(good.Env[0].Data) != "TAG=1\n" {
		t.Fatalf("%v, %+v", ok, good)
	}
	if pos := good.Doc.Pos(good.Doc.Lookup("services", "web")).String(); pos != shop+":1:17" {
		t.Errorf("position %s", pos)
	}
	kept := filepath.Join(root, source.GoodDir, "compose.d/shop.yml")
	whole, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, torn := range []string{"", "# {", text, "# {}\nservices: {\n"} {
		if err := os.WriteFile(kept, []byte(torn), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := copyOf(1); ok {
			t.Errorf("%q is taken for a copy", torn)
		}
	}
	if err := os.WriteFile(kept, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, shop)); err != nil {
		t.Fatal(err)
	}
	if err := source.Read(root).Forget(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); !os.IsNotExist(err) {
		t.Errorf("a file that was removed has a copy: %v", err)
	}
}

func TestTheCopiesStandForAFolderThatCannotBeListed(t *testing.T) {
	root := composeRoot(t, map[string]string{source.ComposeDir + "/shop.yml": "services: {web: {image: nginx}}\n"})
	keep(t, root)
	dir := filepath.Join(root, source.ComposeDir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := source.Read(root)
	if err := r.Forget(); err != nil || r.ComposeReport.Err() == nil || len(r.Compose) != 1 {
		t.Fatalf("%v, %v, %+v", err, r.ComposeReport, r.Compose)
	}
	if _, _, ok := r.Compose[0].LastGood(root); !ok || !r.Compose[0].Broken {
		t.Errorf("the copy stands for it: %v, %+v", ok, r.Compose[0])
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
