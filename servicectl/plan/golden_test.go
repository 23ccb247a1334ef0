package plan_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/golden"
	"github.com/ros-os/ros/servicectl/plan"
)

// noon is when every golden plan is made.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// wantService is a service in a golden file. Its hash is its image and env.
type wantService struct {
	Image      string            `yaml:"image"`
	Env        string            `yaml:"env"`
	Scope      compose.Scope     `yaml:"scope"`
	Needs      []string          `yaml:"needs"` // "network", "network started"
	After      []string          `yaml:"after"` // the same, not required
	Restart    string            `yaml:"restart"`
	Max        int               `yaml:"max"`
	OneShot    bool              `yaml:"oneshot"`
	CreateOnly bool              `yaml:"createonly"`
	Ready      compose.ReadyKind `yaml:"ready"`
	Labels     map[string]string `yaml:"labels"`
	Networks   map[string]string `yaml:"networks"` // their driver; "external" for others'
	Volumes    map[string]string `yaml:"volumes"`  // the same
	Schedule   string            `yaml:"schedule"`
	Action     string            `yaml:"action"`
	Grace      time.Duration     `yaml:"grace"`
	Joins      string            `yaml:"joins"`  // network_mode: service:…
	Ports      []string          `yaml:"ports"`  // of the machine: "8080", "8080-8089"
	Memory     int64             `yaml:"memory"` // MiB
	Pull       string            `yaml:"pull"`
	Build      string
}

type haveFile struct {
	System *haveDaemon           `yaml:"system"`
	User   *haveDaemon           `yaml:"user"`
	Memory map[string]haveMemory `yaml:"memory"`
	Busy   map[string]string     `yaml:"busy"`
	Booted time.Duration         `yaml:"booted"` // ago
	Keep   bool                  `yaml:"keep"`
	Some   bool                  `yaml:"incomplete"`
	Broken []string              `yaml:"broken"` // compose files with errors
}

type haveDaemon struct {
	Down       string                   `yaml:"down"`
	Images     []string                 `yaml:"images"` // "ntp:2", "ntp:2 newer"
	Tagged     map[string]time.Duration `yaml:"tagged"` // ago
	Containers []haveContainer          `yaml:"containers"`
	Networks   map[string]string        `yaml:"networks"` // their driver; "foreign" for others'; none are known when there is no such key
	Volumes    map[string]string        `yaml:"volumes"`  // the same
	Untagged   map[string]string        `yaml:"untagged"`
}

type haveContainer struct {
	Name     string        `yaml:"name"`
	Service  string        `yaml:"service"` // as the name when empty
	Image    string        `yaml:"image"`
	Env      string        `yaml:"env"`
	Foreign  bool          `yaml:"foreign"`
	Networks []string      `yaml:"networks"` // "front", "front other" for another one of that name
	File     string        `yaml:"file"`
	State    plan.State    `yaml:"state"` // running when empty
	Health   plan.Health   `yaml:"health"`
	Ready    bool          `yaml:"ready"`
	Exit     int           `yaml:"exit"`
	OOM      bool          `yaml:"oom"`
	Error    string        `yaml:"error"`
	Joined   []string      `yaml:"joined"`
	Ports    []string      `yaml:"ports"`
	Created  time.Duration `yaml:"created"`  // ago
	Started  time.Duration `yaml:"started"`  // ago
	Finished time.Duration `yaml:"finished"` // ago
}

type haveMemory struct {
	Intent    plan.Intent     `yaml:"intent"`
	Failures  []time.Duration `yaml:"failures"`  // ago
	NotBefore time.Duration   `yaml:"notbefore"` // from now
	Error     string          `yaml:"error"`
	Ran       string          `yaml:"ran"`
	Restart   bool            `yaml:"restart"`
	Next      time.Duration   `yaml:"next"` // of a schedule, from now
	Start     bool            `yaml:"start"`
	Restarts  int             `yaml:"restarts"`
	Hash      string          `yaml:"hash"` // as the service's when empty
	Replace   string          `yaml:"replace"`
	Grace     time.Duration   `yaml:"grace"`
}

func TestPlansAsInTheGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { planned(t, file) })
	}
}

func planned(t *testing.T, file string) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]wantService
	var have haveFile
	outputs := map[string]int{}
	for i, f := range a.Files {
		switch f.Name {
		case "want.yml":
			decode(t, f.Data, &want)
		case "observed.yml":
			decode(t, f.Data, &have)
		default:
			outputs[f.Name] = i
		}
	}
	project := projectOf(want)
	project.BrokenFiles = have.Broken
	p := plan.Make(project, observed(project, have), noon)
	got := map[string]string{"plan": p.String(), "standing": standings(p)}
	if golden.Update() {
		for _, name := range []string{"plan", "standing"} {
			if i, known := outputs[name]; known {
				a.Files[i].Data = []byte(got[name])
			} else {
				a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(got[name])})
			}
		}
		if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	for name, text := range got {
		i, known := outputs[name]
		if !known {
			t.Errorf("%s has no file %q", file, name)
			continue
		}
		if diff := cmp.Diff(string(a.Files[i].Data), text); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func standings(p plan.Plan) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		s := p.Services[name]
		fmt.Fprintf(&b, "%s: %s", name, s.State)
		if s.Ready {
			b.WriteString(", ready")
		}
		if s.Stuck {
			b.WriteString(", stuck")
		}
		if s.Accepted {
			b.WriteString(", accepted")
		}
		if len(s.Waiting) > 0 {
			fmt.Fprintf(&b, ", waits for %s", strings.Join(s.Waiting, " and "))
		}
		if s.Problem != "" {
			fmt.Fprintf(&b, ": %s", s.Problem)
		}
		if s.Note != "" {
			fmt.Fprintf(&b, "; %s", s.Note)
		}
		b.WriteByte('\n')
	}
	if !p.Wake.IsZero() {
		fmt.Fprintf(&b, "wake in %s\n", p.Wake.Sub(noon))
	}
	return b.String()
}

func projectOf(want map[string]wantService) compose.Project {
	out := compose.Project{Name: "os", Services: map[string]compose.Service{}}
	for name, w := range want {
		svc := compose.Service{
			Name: name, Scope: w.Scope, OneShot: w.OneShot, CreateOnly: w.CreateOnly,
			Restart: compose.Restart{Mode: compose.RestartMode(w.Restart), Max: w.Max},
			Ready:   compose.Ready{Kind: w.Ready}, StopGrace: w.Grace,
			Spec: types.ServiceConfig{Name: name, Image: w.Image, Labels: w.Labels, PullPolicy: w.Pull},
			Hash: hashOf(w.Image, w.Env), Fields: fieldsOf(w.Image, w.Env),
		}
		if w.Build != "" {
			svc.Spec.Build = &types.BuildConfig{Context: w.Build}
		}
		svc.Spec.MemLimit = types.UnitBytes(w.Memory << 20)
		for _, port := range w.Ports {
			svc.Spec.Ports = append(svc.Spec.Ports, types.ServicePortConfig{Published: port, Target: 80})
		}
		if w.Joins != "" {
			svc.Spec.NetworkMode = "service:" + w.Joins
			svc.Needs = append(svc.Needs, dependency(w.Joins+" started", true))
		}
		if svc.Scope == "" {
			svc.Scope = compose.System
		}
		if w.Restart == "" {
			svc.Restart.Mode = compose.RestartAlways
		}
		for _, n := range w.Needs {
			svc.Needs = append(svc.Needs, dependency(n, true))
		}
		for _, n := range w.After {
			svc.Needs = append(svc.Needs, dependency(n, false))
		}
		svc.Networks, svc.Volumes = resourcesOf(w.Networks, w.Volumes)
		if w.Schedule != "" {
			svc.Schedule = &compose.Schedule{When: w.Schedule, Action: compose.ScheduleAction(w.Action)}
		}
		out.Services[name] = svc
	}
	return out
}

func dependency(text string, required bool) compose.Dependency {
	name, condition, found := strings.Cut(text, " ")
	d := compose.Dependency{Service: name, Condition: compose.IsReady, Required: required}
	if found {
		d.Condition = compose.Condition(condition)
	}
	return d
}

func hashOf(image, env string) string { return "v1:" + image + " " + env }

func fieldsOf(image, env string) map[string]string {
	f := map[string]string{"image": image}
	if env != "" {
		f["environment"] = env
	}
	return f
}

func observed(want compose.Project, h haveFile) plan.Observed {
	out := plan.Observed{
		Daemons: map[compose.Scope]plan.Daemon{
			compose.System: daemonOf(h.System),
			compose.User:   daemonOf(h.User),
		},
		Memory: map[string]plan.Memory{},
		Busy:   h.Busy, KeepUnwanted: h.Keep, Incomplete: h.Some,
	}
	if h.Booted == 0 {
		h.Booted = 30 * 24 * time.Hour
	}
	out.Boot = noon.Add(-h.Booted)
	for name, m := range h.Memory {
		out.Memory[name] = memoryOf(m, want.Services[name].Hash)
	}
	return out
}

func memoryOf(m haveMemory, hash string) plan.Memory {
	out := plan.Memory{
		Intent: m.Intent, LastError: m.Error, Ran: m.Ran, Restart: m.Restart, Start: m.Start,
		Restarts: m.Restarts, Hash: hash, Replace: m.Replace, Grace: m.Grace,
	}
	if m.Hash != "" {
		out.Hash = m.Hash
	}
	if m.Next != 0 {
		out.NextRun = noon.Add(m.Next)
	}
	if m.NotBefore > 0 {
		out.NotBefore = noon.Add(m.NotBefore)
	}
	for _, f := range m.Failures {
		out.Failures = append(out.Failures, noon.Add(-f))
	}
	return out
}

func daemonOf(d *haveDaemon) plan.Daemon {
	if d == nil {
		return plan.Daemon{Available: true}
	}
	if d.Down != "" {
		return plan.Daemon{Err: d.Down}
	}
	out := plan.Daemon{Available: true, Images: map[string]string{}, Tagged: map[string]time.Time{}}
	for ref, ago := range d.Tagged {
		out.Tagged[ref] = noon.Add(-ago)
	}
	for _, i := range d.Images {
		ref, version, _ := strings.Cut(i, " ")
		out.Images[ref] = "sha256:" + ref + version
	}
	out.Untagged = d.Untagged
	out.Networks, out.Volumes = observedResources(d)
	for i, c := range d.Containers {
		con := containerOf(i, c)
		con.File = c.File
		if c.Networks != nil {
			con.Networks = map[string]string{}
		}
		for _, n := range c.Networks {
			name, other, _ := strings.Cut(n, " ")
			con.Networks[name] = "id-" + name + other
			if network, there := out.Networks[name]; there && network.ID == con.Networks[name] {
				network.Users = append(network.Users, con.ID)
				out.Networks[name] = network
			}
		}
		out.Containers = append(out.Containers, con)
	}
	return out
}

func containerOf(i int, c haveContainer) plan.Container {
	out := plan.Container{
		ID: fmt.Sprintf("id%d", i+1), Name: c.Name, Managed: !c.Foreign, Service: c.Service,
		Hash: hashOf(c.Image, c.Env), Fields: fieldsOf(c.Image, c.Env),
		Image: c.Image, ImageID: "sha256:" + c.Image,
		State: c.State, Health: c.Health, Ready: c.Ready, ExitCode: c.Exit, OOM: c.OOM, Error: c.Error,
		Created: noon.Add(-c.Created), Started: noon.Add(-c.Started), Joined: c.Joined, Ports: c.Ports,
	}
	if c.Foreign {
		out.Hash, out.Fields, out.Service = "", nil, ""
	} else if c.Service == "" {
		out.Service = c.Name
	}
	if c.State == "" {
		out.State = plan.Running
	}
	if c.State == plan.Exited {
		out.Finished = noon.Add(-c.Finished)
	}
	return out
}

// resourcesOf are networks and volumes by their drivers.
func resourcesOf(networks, volumes map[string]string) (map[string]types.NetworkConfig, map[string]types.VolumeConfig) {
	n, v := map[string]types.NetworkConfig{}, map[string]types.VolumeConfig{}
	for name, driver := range networks {
		n[name] = types.NetworkConfig{Name: name, Driver: driver, External: driver == "external", CustomLabels: driverLabels(driver)}
	}
	for name, driver := range volumes {
		v[name] = types.VolumeConfig{Name: name, Driver: driver, External: driver == "external", CustomLabels: driverLabels(driver)}
	}
	return n, v
}

func driverLabels(driver string) types.Labels {
	if driver == "external" {
		return nil
	}
	return resourceLabels(driver)
}

func observedResources(d *haveDaemon) (map[string]plan.Network, map[string]plan.Volume) {
	if d.Networks == nil && d.Volumes == nil {
		return nil, nil
	}
	networks, volumes := map[string]plan.Network{}, map[string]plan.Volume{}
	for name, driver := range d.Networks {
		file, driver, filed := strings.Cut(driver, " ")
		if !filed {
			file, driver = "", file
		}
		networks[name] = plan.Network{
			ID: "id-" + name, Name: name, Managed: driver != "foreign", Hash: "v1:" + driver,
			Fields: map[string]string{"driver": driver}, File: file,
		}
	}
	for name, driver := range d.Volumes {
		volumes[name] = plan.Volume{Name: name, Hash: "v1:" + driver, Fields: map[string]string{"driver": driver}}
		if driver == "foreign" {
			volumes[name] = plan.Volume{Name: name}
		}
	}
	return networks, volumes
}
