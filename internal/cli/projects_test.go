package cli

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ros-os/ros/internal/source"
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
