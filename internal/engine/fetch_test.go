package engine

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

const index = `{"ros/ntp:1": {"file": "ntp.tar", "id": "sha256:abc", "config": "sha256:def"}}`

// machineImages is a folder with one system image.
func machineImages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"index.json": index, "ntp.tar": "archive"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestASystemImageIsLoadedOnce(t *testing.T) {
	for name, inspected := range map[string]string{
		"by its manifest":             `{"Id": "sha256:abc"}`,
		"by its configuration":        `{"Id": "sha256:def"}`,
		"by the digest in a registry": `{"Id": "sha256:123", "RepoDigests": ["ros/ntp@sha256:abc"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			e := f.engine(t, Options{ImageDir: machineImages(t)})
			f.images["ros/ntp:1"] = "sha256:older"
			f.answers["POST /images/load"] = answer{http.StatusOK, `{"stream": "Loaded"}`}
			project := wanting("ntp")
			load := plan.Step{Verb: plan.Load, Service: "ntp", Scope: "system", Image: "ros/ntp:1"}
			if d := e.Observe(t.Context(), compose.System, project, true); d.Images["ros/ntp:1"] != "" {
				t.Errorf("an older image counts as the machine's: %v", d.Images)
			}
			if err := e.Do(t.Context(), load, project.Services["ntp"]); err == nil || !strings.Contains(err.Error(), "ntp.tar holds image sha256:older, not sha256:abc") {
				t.Errorf("an archive of another image: %v", err)
			}
			f.answers["GET /images/ros/ntp:1/json"] = answer{http.StatusOK, inspected}
			if d := e.Observe(t.Context(), compose.System, project, true); d.Images["ros/ntp:1"] == "" {
				t.Error("the image does not count as loaded")
			}
			f.asked()
			if err := e.Do(t.Context(), load, project.Services["ntp"]); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(f.asked(), "POST /images/load") {
				t.Error("it was loaded again")
			}
		})
	}
}

func TestLoadFailsInTheUsersTerms(t *testing.T) {
	full := answer{http.StatusOK, `{"errorDetail": {"message": "no space left on device"}, "error": "x"}`}
	for image, want := range map[string]string{
		"ros/web:1": "cannot load image ros/web:1 for ntp: the machine has no such image",
		"ros/ntp:1": "cannot load image ros/ntp:1 for ntp: no space left on device",
	} {
		f := newFakeDaemon(t)
		f.answers["POST /images/load"] = full
		e := f.engine(t, Options{ImageDir: machineImages(t)})
		s := plan.Step{Verb: plan.Load, Service: "ntp", Scope: "system", Image: image}
		err := e.Do(t.Context(), s, service("ntp", types.ServiceConfig{}))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(index))
	f.Add([]byte(`{"a": {"file": "../../etc/shadow", "id": "x"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		images, err := parseIndex(text)
		for ref, image := range images {
			if err != nil || !filepath.IsLocal(image.File) || image.is(imageFacts{}) {
				t.Errorf("%q: %+v, %v", ref, image, err)
			}
		}
	})
}

func TestABadIndexHidesNoImage(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := &imageDir{dir: dir}
	if _, _, err := i.lookUp("ros/ntp:1"); err == nil {
		t.Error("a broken index was read")
	}
	if !i.current("ros/ntp:1", imageFacts{id: "sha256:1"}) {
		t.Error("an image that is there counts as absent")
	}
}
