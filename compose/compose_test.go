package compose

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

// config reads a cloud-config that has no problems of its own.
func config(t testing.TB, text string) cloudconfig.Config {
	t.Helper()
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

// document reads a service file.
func document(t testing.TB, file, text string) cloudconfig.Document {
	t.Helper()
	layer, report := cloudconfig.ParseLayer(file, file, []byte(text))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return layer.Doc
}

// build builds services written as below rancher.services.
func build(t testing.TB, services string) (Project, cloudconfig.Report) {
	t.Helper()
	return Build(config(t, "rancher:\n  services:\n"+indent(services, "    ")), Options{})
}

func indent(text, by string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			out.WriteString(by)
		}
		out.WriteString(line)
	}
	return out.String()
}

func problems(r cloudconfig.Report) string {
	var out strings.Builder
	for _, p := range r {
		fmt.Fprintln(&out, p)
	}
	return out.String()
}

// TestGolden builds the files of each archive of testdata: cloud-config.yml, and
// services/NAME.yml as the documents of services_include, compose.d/NAME.yml as
// projects of their own. The sections project
// and problems say what comes out.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			built(t, name, archive)
		})
	}
}

func built(t *testing.T, name string, archive *txtar.Archive) {
	t.Helper()
	var cfg cloudconfig.Config
	opts := Options{Definitions: map[string]cloudconfig.Document{}, Environment: map[string]string{"KERNEL_VERSION": "6.12.1"}}
	want := map[string]string{}
	files := map[string]string{}
	for _, f := range archive.Files {
		service, isService := strings.CutPrefix(f.Name, "services/")
		project, isProject := strings.CutPrefix(f.Name, "compose.d/")
		switch {
		case f.Name == "project" || f.Name == "problems":
			want[f.Name] = string(f.Data)
		case f.Name == "cloud-config.yml":
			cfg = config(t, string(f.Data))
		case isProject:
			path := "/conf/compose.d/" + project
			opts.Files = append(opts.Files, ProjectFile{
				Path: path, Name: ProjectName(strings.TrimSuffix(project, ".yml")),
				Doc: document(t, path, string(f.Data)), Environment: map[string]string{"TAG": "1.2", "TOKEN": "s3cret"},
			})
		case isService:
			opts.Definitions[strings.TrimSuffix(service, ".yml")] = document(t, f.Name, string(f.Data))
		default:
			files["/"+f.Name] = string(f.Data)
		}
	}
	opts.ReadFile = func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
		}
		return []byte(text), nil
	}
	project, report := Build(cfg, opts)
	got := map[string]string{"project": render(t, project), "problems": problems(report)}
	if golden.Update() {
		rewrite(t, name, archive, got)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run with -update if this is right (-want +got):\n%s", diff)
	}
}

func rewrite(t *testing.T, name string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	var kept []txtar.File
	for _, f := range archive.Files {
		if _, section := got[f.Name]; !section {
			kept = append(kept, f)
		}
	}
	for _, section := range slices.Sorted(maps.Keys(got)) {
		kept = append(kept, txtar.File{Name: section, Data: []byte(got[section])})
	}
	archive.Files = kept
	if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
		t.Fatal(err)
	}
}

// render writes a project for a person to review, in the order of dependency.
func render(t *testing.T, p Project) string {
	t.Helper()
	var out strings.Builder
	for _, name := range p.Order() {
		s := p.Services[name]
		fmt.Fprintf(&out, "%s (%s) at %s: restart %s", name, s.Scope, s.Origin, s.Restart.Mode)
		if s.Restart.Max > 0 {
			fmt.Fprintf(&out, ":%d", s.Restart.Max)
		}
		if s.Ready.Kind != ReadyRunning {
			fmt.Fprintf(&out, ", ready %s", strings.TrimSuffix(fmt.Sprintf("%s:%s", s.Ready.Kind, s.Ready.Target), ":"))
		}
		if s.OneShot {
			out.WriteString(", one-shot")
		}
		if s.CreateOnly {
			out.WriteString(", create only")
		}
		fmt.Fprintf(&out, ", stop %s\n", s.StopGrace)
		for _, dep := range s.Needs {
			strength := "after"
			if dep.Required {
				strength = "needs"
			}
			fmt.Fprintf(&out, "  %s %s %s: %s at %s\n", strength, dep.Service, dep.Condition, dep.Cause, dep.Origin)
		}
		if s.Project != "" || s.Number > 1 || s.Of != s.Name {
			fmt.Fprintf(&out, "  number %d of %s\n", s.Number, s.Key())
		}
		if s.Schedule != nil {
			fmt.Fprintf(&out, "  %s at %s, grace %s\n", s.Schedule.Action, s.Schedule.When, s.Schedule.Grace)
		}
		for _, f := range s.Files {
			fmt.Fprintf(&out, "  file %s %o %d:%d %q\n", f.Target, f.Mode, f.UID, f.GID, f.Content)
		}
		for _, v := range s.Spec.Volumes {
			fmt.Fprintf(&out, "  mount %s\n", newSchema().canonical(reflect.ValueOf(v)))
		}
		s.Spec.Volumes = nil
		spec, err := yaml.Marshal(map[string]any{"spec": s.Spec, "networks": s.Networks, "volumes": s.Volumes})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("networks: {}\n", "", "volumes: {}\n", "").Replace(string(spec))
		out.WriteString(indent(text, "  "))
	}
	if len(p.Broken) > 0 {
		fmt.Fprintf(&out, "broken: %s\n", strings.Join(p.Broken, ", "))
	}
	if len(p.BrokenFiles) > 0 {
		fmt.Fprintf(&out, "broken files: %s\n", strings.Join(p.BrokenFiles, ", "))
	}
	if len(p.BrokenDefinitions) > 0 {
		fmt.Fprintf(&out, "broken definitions: %s\n", strings.Join(p.BrokenDefinitions, ", "))
	}
	return out.String()
}
