package compose

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ros-os/ros/cloudconfig"
)

func TestEnvironment(t *testing.T) {
	cfg := config(t, `
rancher:
  network: {https_proxy: "http://p:1", no_proxy: localhost}
  environment: {A: common, "web/A": own, P_1: one, P_2: two, "web/Q_1": mine, Q_2: theirs, no_proxy: mine}
  services:
    docker: {image: d, labels: {io.rancher.os.scope: system}}
    web:
      image: nginx:${A}
      environment: [A, P_*, "Q_*", P_2=given, NOPE, EMPTY=, HTTPS_PROXY, no_proxy]
    other:
      image: busybox
      environment: {A: , B: "$A$$"}
`)
	project, report := Build(cfg, Options{})
	if len(report) > 0 {
		t.Fatal(problems(report))
	}
	for name, want := range map[string]map[string]string{
		"web": {
			"A": "own", "P_1": "one", "P_2": "given", "Q_1": "mine", "EMPTY": "",
			"HTTPS_PROXY": "http://p:1", "no_proxy": "mine",
		},
		"other": {"A": "common", "B": "common$"},
	} {
		got := map[string]string(project.Services[name].Spec.Environment.ToMapping())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if image := project.Services["web"].Spec.Image; image != "nginx:own" {
		t.Errorf("image %q", image)
	}
}

func TestRestartPolicy(t *testing.T) {
	for _, test := range []struct {
		name, service string
		want          Restart
	}{
		{"a service that keeps running is restarted", "", Restart{Mode: RestartAlways}},
		{"a one-shot is not", `labels: {io.rancher.os.detach: "false"}`, Restart{Mode: RestartNo}},
		{"one that is never started is not", `labels: {io.rancher.os.createonly: "true"}`, Restart{Mode: RestartNo}},
		{"what is written counts", `restart: "no"`, Restart{Mode: RestartNo}},
		{"an unquoted no is no", "restart: no", Restart{Mode: RestartNo}},
		{"false is no", "restart: false", Restart{Mode: RestartNo}},
		{"a count", "restart: on-failure:3", Restart{Mode: RestartOnFailure, Max: 3}},
		{"no count", "restart: on-failure", Restart{Mode: RestartOnFailure}},
		{"Swarm's form", "deploy: {restart_policy: {condition: none}}", Restart{Mode: RestartNo}},
		{"Swarm's form with a count", "deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}", Restart{Mode: RestartOnFailure, Max: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			project, report := build(t, "docker: {image: d, labels: {io.rancher.os.scope: system}}\nxx:\n  image: busybox\n  "+test.service+"\n")
			if len(report) > 0 {
				t.Fatal(problems(report))
			}
			got := project.Services["xx"]
			if got.Restart != test.want || got.Spec.Restart != "no" {
				t.Errorf("got %v and %q in the container, want %v", got.Restart, got.Spec.Restart, test.want)
			}
		})
	}
}

func TestReadiness(t *testing.T) {
	for value, want := range map[string]Ready{
		`labels: {io.rancher.os.ready: "tcp:22"}`:             {Kind: ReadyTCP, Target: "22"},
		`labels: {io.rancher.os.ready: "unix:/run/x.sock"}`:   {Kind: ReadyUnix, Target: "/run/x.sock"},
		`labels: {io.rancher.os.ready: "file:/run/x"}`:        {Kind: ReadyFile, Target: "/run/x"},
		`labels: {io.rancher.os.ready: "exec:test -e /a:b"}`:  {Kind: ReadyExec, Target: "test -e /a:b"},
		"healthcheck: {test: \"true\"}":                       {Kind: ReadyHealth},
		"healthcheck: {test: [NONE]}":                         {},
		"healthcheck: {test: \"true\", disable: true}":        {},
		"labels: {io.rancher.os.on_unhealthy: restart}":       {},
		"{labels: [io.rancher.os.ready=tcp:1], image: other}": {Kind: ReadyTCP, Target: "1"},
	} {
		service := "xx:\n  image: busybox\n  " + value + "\n"
		if strings.HasPrefix(value, "{") {
			service = "xx: " + value + "\n"
		}
		project, report := build(t, "docker: {image: d}\n"+service)
		if err := report.Err(); err != nil {
			t.Errorf("%s: %v", value, err)
		}
		if got := project.Services["xx"].Ready; got != want {
			t.Errorf("%s: got %v, want %v", value, got, want)
		}
	}
	for _, value := range []string{"tcp:", "tcp:65536", "tcp:ssh", "unix:run", "file:", "exec: ", "http:80", "ready", ""} {
		project, report := build(t, "docker: {image: d}\nxx: {image: busybox, labels: {io.rancher.os.ready: \""+value+"\"}}\n")
		if report.Err() == nil || !slices.Equal(project.Broken, []string{"xx"}) {
			t.Errorf("ready %q is accepted", value)
		}
	}
}

func TestOnUnhealthy(t *testing.T) {
	for value, want := range map[string]OnUnhealthy{
		"": RestartUnhealthy, "restart": RestartUnhealthy, "notify": NotifyUnhealthy, " none ": AcceptUnhealthy, "never": "", "true": "", "None": "",
	} {
		project, report := build(t, "docker: {image: d}\nxx: {image: busybox, labels: {io.rancher.os.on_unhealthy: \""+value+"\"}}\n")
		if want == "" {
			if !strings.Contains(problems(report), "io.rancher.os.on_unhealthy: unknown value \""+value+"\" (write restart, notify or none)") {
				t.Errorf("%q: %s", value, problems(report))
			}
			continue
		}
		if svc := project.Services["xx"]; report.Err() != nil || svc.OnUnhealthy() != want {
			t.Errorf("%q: %s, %v", value, svc.OnUnhealthy(), report)
		}
	}
}

func TestDefinedServiceWinsOverVolumeSet(t *testing.T) {
	project, report := build(t, `
docker: {image: d, labels: {io.rancher.os.scope: system}}
user-volumes:
  image: busybox
  volumes: ["/home:/home"]
  labels: {io.rancher.os.scope: system, io.rancher.os.createonly: "true"}
app:
  image: busybox
  volumes: ["/elsewhere:/mnt"]
  volumes_from: ["user-volumes:ro", media-volumes]
  labels: {io.rancher.os.scope: system}
`)
	if len(report) > 0 {
		t.Fatal(problems(report))
	}
	spec := project.Services["app"].Spec
	if !slices.Equal(spec.VolumesFrom, []string{"user-volumes:ro"}) {
		t.Errorf("volumes_from %q", spec.VolumesFrom)
	}
	var mounts []string
	for _, v := range spec.Volumes {
		mounts = append(mounts, v.Source+":"+v.Target)
	}
	if !slices.Equal(mounts, []string{"/elsewhere:/mnt", "/media:/media"}) {
		t.Errorf("mounts %q: what the service mounts itself must count", mounts)
	}
}

// What the configuration mounts is seen by the services that ask for it, wherever
// it is mounted; folders that they see anyway are not mounted into them again.
func TestMountVolumes(t *testing.T) {
	cfg := config(t, `
mounts:
- [/dev/vdb, /mnt/a]
- [/dev/vdc, /data]
- [/dev/vdd, /data/deep]
- [/dev/vde, /tmp/cache]
- [/dev/vdf, none, swap]
- [/dev/vdg, /etc]
- [binfmt_misc, /proc/sys/fs/binfmt_misc, binfmt_misc]
- [debugfs, /sys/kernel/debug, debugfs]
- [/dev/vdh, "/with:colon"]
rancher:
  services:
    console:
      image: c
      labels: {io.rancher.os.scope: system}
      volumes: ["/mnt:/mnt:rshared", "/tmp:/tmp", "/etc:/etc"]
      volumes_from: [mount-volumes]
    other:
      image: o
      labels: {io.rancher.os.scope: system}
`)
	mounts := func(cfg cloudconfig.Config, name string) string {
		t.Helper()
		project, report := Build(cfg, Options{})
		if len(report) > 0 {
			t.Fatal(problems(report))
		}
		var out []string
		for _, v := range project.Services[name].Spec.Volumes {
			text := v.Source + ":" + v.Target
			if v.Bind != nil && v.Bind.Propagation != "" {
				text += ":" + v.Bind.Propagation
			}
			out = append(out, text)
		}
		return strings.Join(out, " ")
	}
	const own = "/mnt:/mnt:rshared /tmp:/tmp /etc:/etc"
	if got := mounts(cfg, "console"); got != own+" /data:/data:rshared /tmp/cache:/tmp/cache:rshared" {
		t.Errorf("console has %s", got)
	}
	if got := mounts(cfg, "other"); got != "" {
		t.Errorf("a service that does not ask has %s", got)
	}
	cfg.Mounts = nil
	if got := mounts(cfg, "console"); got != own {
		t.Errorf("without mounts console has %s", got)
	}
	cfg.WriteFiles = []cloudconfig.WriteFile{{Path: "/srv/www/index.html"}, {Path: "/mnt/a/b"}, {Path: "/etc/motd"}}
	if got := mounts(cfg, "console"); got != own+" /srv:/srv:rshared" {
		t.Errorf("with files console has %s", got)
	}
}

func TestBrokenServiceKeepsItsDependents(t *testing.T) {
	project, report := build(t, `
docker: {image: d, labels: {io.rancher.os.scope: system}}
bad: {imgae: busybox}
web: {image: nginx, depends_on: [bad]}
`)
	if report.Err() == nil || !slices.Equal(project.Broken, []string{"bad"}) {
		t.Fatalf("broken %q, problems:\n%s", project.Broken, problems(report))
	}
	if !slices.Equal(project.Dependents("bad"), []string{"web"}) {
		t.Errorf("dependents of bad: %q", project.Dependents("bad"))
	}
	if got := project.Order(); !slices.Equal(got, []string{"docker", "web"}) {
		t.Errorf("order %q", got)
	}
}

func TestWhatIsNotKnownMayBeInWhatIsStillToCome(t *testing.T) {
	project, report := Build(config(t, `rancher:
  services:
    docker: {image: d, labels: {io.rancher.os.scope: system}}
    web: {image: nginx, depends_on: [nfs], links: [cache]}
`), Options{Incomplete: true})
	if len(report) > 0 || len(project.Broken) > 0 {
		t.Fatalf("broken %q, problems:\n%s", project.Broken, problems(report))
	}
	for _, name := range []string{"nfs", "cache"} {
		if !slices.Equal(project.Dependents(name), []string{"web"}) {
			t.Errorf("dependents of %s: %q", name, project.Dependents(name))
		}
	}
}

func TestMissingUserDockerIsToldOnce(t *testing.T) {
	_, report := build(t, "web: {image: nginx}\napp: {image: busybox}\n")
	want := "cloud-config.yml:4:5: warning: rancher.services.app: needs User Docker: no such service \"docker\" " +
		"(define it, or set the label io.rancher.os.scope to system)\n"
	if got := problems(report); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestStrongestDependencyCounts(t *testing.T) {
	project, _ := build(t, `
docker: {image: d, labels: {io.rancher.os.scope: system}}
db: {image: postgres, labels: {io.rancher.os.before: web}}
web:
  image: nginx
  links: [db]
  depends_on: {db: {condition: service_completed_successfully, required: false}}
  labels: {io.rancher.os.after: "db, docker"}
`)
	var got []string
	for _, dep := range project.Services["web"].Needs {
		got = append(got, strings.Join([]string{dep.Service, string(dep.Condition), dep.Cause}, " "))
		if !dep.Required {
			t.Errorf("%s is not required", dep.Service)
		}
	}
	if want := []string{"db completed links", "docker ready scope user"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOrderRespectsDependencies draws graphs without cycles.
func TestOrderRespectsDependencies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{2,4}`), 1, 12, rapid.ID).Draw(t, "names")
		p := Project{Services: map[string]Service{}}
		for i, name := range names {
			svc := Service{Name: name}
			for _, dep := range names[:i] {
				if rapid.Bool().Draw(t, dep+" before "+name) {
					svc.Needs = append(svc.Needs, Dependency{Service: dep})
				}
			}
			p.Services[name] = svc
		}
		order := p.Order()
		if len(order) != len(names) || !slices.Equal(order, p.Order()) {
			t.Fatalf("order %q of %q", order, names)
		}
		for name, svc := range p.Services {
			for _, dep := range svc.Needs {
				if slices.Index(order, dep.Service) > slices.Index(order, name) {
					t.Fatalf("%s comes before %s in %q", name, dep.Service, order)
				}
			}
		}
	})
}

// TestNoCycleIsLeft draws any graph: what is left has no cycle, and only
// services that reach themselves are taken out.
func TestNoCycleIsLeft(t *testing.T) {
	names := []string{"aa", "bb", "cc", "dd", "ee", "ff"}
	rapid.Check(t, func(rt *rapid.T) {
		after := map[string][]string{}
		var text strings.Builder
		for _, name := range names {
			after[name] = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID).Draw(rt, name)
			text.WriteString(name + ": {image: i, labels: {io.rancher.os.scope: system, io.rancher.os.after: \"" + strings.Join(after[name], ",") + "\"}}\n")
		}
		project, report := build(t, text.String())
		if (report.Err() != nil) != (len(project.Broken) > 0) {
			rt.Fatalf("broken %q, problems:\n%s", project.Broken, problems(report))
		}
		for _, name := range names {
			_, kept := project.Services[name]
			switch onCycle := reaches(after, name, name, map[string]bool{}); {
			case !kept && !onCycle:
				rt.Fatalf("%s is on no cycle and left out", name)
			case kept && reachesIn(project, name, name, map[string]bool{}):
				rt.Fatalf("%s is still on a cycle", name)
			}
		}
	})
}

func reaches(after map[string][]string, from, to string, seen map[string]bool) bool {
	for _, next := range after[from] {
		if next == to {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if reaches(after, next, to, seen) {
				return true
			}
		}
	}
	return false
}

func reachesIn(p Project, from, to string, seen map[string]bool) bool {
	after := map[string][]string{}
	for name, svc := range p.Services {
		for _, dep := range svc.Needs {
			if _, there := p.Services[dep.Service]; there {
				after[name] = append(after[name], dep.Service)
			}
		}
	}
	return reaches(after, from, to, seen)
}

// FuzzBuild takes a service file through everything.
func FuzzBuild(f *testing.F) {
	for _, text := range slices.Sorted(maps.Values(specServices)) {
		f.Add([]byte("x1:\n" + indent(text, "  ")))
		f.Add([]byte("services:\n  x1:\n" + indent(text, "    ") + "networks: {back: , front: }\n"))
	}
	for _, text := range []string{
		"a: &a [*a]", "x1: {<<: {image: b}, net: 'container:docker', volumes_from: [all-volumes, docker]}", "docker: {image: ${A:-b}}",
		"x1: {image: b, log_opt: {a: 1}, labels: [io.rancher.os.after=docker, io.rancher.os.ready=tcp:1], environment: {A: , '*': , B*: }}",
		"services: {x1: {image: b, links: ['docker:d'], depends_on: {docker: {condition: service_healthy}}}}", "x1: null", "services: 1", "{}", "",
	} {
		f.Add([]byte(text))
	}
	cfg := config(f, "rancher:\n  services:\n    docker: {image: d, labels: {io.rancher.os.scope: system}}\n")
	f.Fuzz(func(t *testing.T, data []byte) {
		layer, report := cloudconfig.ParseLayer("x", "x.yml", data)
		if report.Err() != nil {
			return
		}
		opts := Options{Definitions: map[string]cloudconfig.Document{"x": layer.Doc}}
		project, report := Build(cfg, opts)
		if report.Err() == nil && len(project.Broken) > 0 {
			t.Errorf("%q are broken and nobody says why", project.Broken)
		}
		again, _ := Build(cfg, opts)
		for name, svc := range project.Services {
			if svc.Spec.Image == "" || svc.Spec.ContainerName == "" || svc.Hash != again.Services[name].Hash {
				t.Errorf("%s: image %q, container %q, hash %s and %s", name, svc.Spec.Image, svc.Spec.ContainerName, svc.Hash, again.Services[name].Hash)
			}
		}
		if len(project.Order()) != len(project.Services) {
			t.Errorf("order %q", project.Order())
		}
	})
}

func TestWhatIsBuiltIsNotPulled(t *testing.T) {
	for service, want := range map[string]bool{
		"{image: x}":                                       false,
		"{image: x, pull_policy: never}":                   false,
		"{build: /x}":                                      true,
		"{build: /x, image: y}":                            true,
		"{build: /x, pull_policy: build}":                  true,
		"{build: /x, pull_policy: never}":                  true,
		"{build: /x, pull_policy: always}":                 false,
		"{build: /x, pull_policy: every_1h}":               false,
		"{build: {dockerfile_inline: FROM a, context: /}}": true,
	} {
		project, report := build(t, "docker: {image: d}\nxx: "+service+"\n")
		svc := project.Services["xx"]
		if report.Err() != nil || svc.Builds() != want {
			t.Errorf("%s: %v, %v", service, svc.Builds(), report)
		}
		if _, hashed := svc.Fields["build"]; hashed {
			t.Errorf("%s: how an image is built is not what a container is", service)
		}
	}
}

func TestWhatIsWrongWithVariablesIsToldWithoutThem(t *testing.T) {
	for text, want := range map[string]string{
		"A=1\nB='s3cret\n":          "line 3: unterminated quoted value",
		"s3cret%=x\n":               "line 1: unexpected character",
		"A B=s3cret\n":              "line 1: key cannot contain a space",
		"A=s3cret${\n":              "a value has a $ that begins no variable (write $$, or put the value in single quotes)",
		"A=s3cret${B:?is s3cret}\n": `variable "B" is not set`,
	} {
		if err := ReadEnvironment([]byte(text), map[string]string{}); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestArgumentsOfABuildTakeTheValuesOfVariables(t *testing.T) {
	project, report := Build(config(t, `rancher:
  environment: {VERSION: "7"}
  services:
    docker: {image: d, labels: {io.rancher.os.scope: system}}
    web: {build: {context: /x, args: [VERSION, "LEVEL=3", UNKNOWN]}}
`), Options{})
	args := project.Services["web"].Spec.Build.Args
	if report.Err() != nil || len(args) != 2 || *args["VERSION"] != "7" || *args["LEVEL"] != "3" {
		t.Errorf("%v, %v", args, report)
	}
}

func TestTheSecretsOfABuildAreFiles(t *testing.T) {
	const file = "/conf/compose.d/shop.yml"
	text := func(secrets string) ProjectFile {
		return ProjectFile{Path: file, Name: "shop", Environment: map[string]string{"B": "b"}, Doc: document(t, file,
			"services: {web: {build: {context: ., secrets: [a]}}}\nsecrets: {a: "+secrets+"}\n")}
	}
	cfg := config(t, "rancher: {services: {docker: {image: d}}}\n")
	for secrets, want := range map[string]string{
		"{file: a.txt}":    "/conf/compose.d/a.txt",
		"{file: /etc/a}":   "/etc/a",
		"{environment: B}": "",
	} {
		project, report := Build(cfg, Options{Files: []ProjectFile{text(secrets)}})
		if got := project.Services["shop-web-1"].BuildSecrets["a"].File; got != want || (report.Err() == nil) != (want != "") {
			t.Errorf("%s: %q, %v", secrets, got, report)
		}
	}
}
