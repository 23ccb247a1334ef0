package compose

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/ros-os/ros/cloudconfig"
)

// projectName is the project of everything that the controller runs.
const projectName = "ros"

// defaultStopGrace is how long a service may take to stop when it does not say.
const defaultStopGrace = 10 * time.Second

// Build turns a configuration and the documents of services_include into the
// project. The report has every problem at once. A service with an error is left
// out of the project, and named in [Project.Broken]; services that depend on it
// stay, and wait.
func Build(cfg cloudconfig.Config, opts Options) (Project, cloudconfig.Report) {
	b := &builder{
		cfg:     cfg,
		opts:    opts,
		vars:    newVariables(cfg, opts.Environment),
		schema:  newSchema(),
		drafts:  make(map[string]*draft, len(cfg.Rancher.Services)),
		configs: map[string]string{},
	}
	b.collect()
	b.order = slices.Sorted(maps.Keys(b.drafts))
	b.each(b.decode)
	b.nameContainers()
	b.each(b.refer)
	b.connect()
	b.each(func(d *draft) { d.svc.Needs = merged(d.svc.Needs) })
	b.cutCycles()
	return b.project()
}

// builder is one run of [Build].
type builder struct {
	cfg     cloudconfig.Config
	opts    Options
	vars    variables
	schema  *schema
	drafts  map[string]*draft
	order   []string // names of drafts, sorted
	configs map[string]string
	report  cloudconfig.Report // what belongs to no service
}

// each calls f for every service that could be read, also for those with errors:
// all problems are told at once.
func (b *builder) each(f func(*draft)) {
	for _, name := range b.order {
		if d := b.drafts[name]; d.tree != nil {
			f(d)
		}
	}
}

// decode turns what is written into the service, as far as it can be told
// without looking at other services.
func (b *builder) decode(d *draft) {
	spec := &d.svc.Spec
	decoder{schema: b.schema, findings: &d.findings}.service(d.tree, d.at, spec)
	spec.Name = d.name
	if image := d.tree.get("image"); !d.builds && (image.isNull() || image.isScalar() && image.text == "") {
		d.fail(d.svc.Origin, d.at, "the image is missing", `write "image: NAME"`)
	}
	spec.Environment = b.vars.resolve(d.name, b.withFiles(d))
	spec.EnvFiles = nil
	b.readLabels(d)
	d.readRestart()
	d.simplify()
	d.svc.StopGrace = defaultStopGrace
	if spec.StopGracePeriod != nil {
		d.svc.StopGrace = time.Duration(*spec.StopGracePeriod)
	}
	spec.Volumes = unique(spec.Volumes)
	d.nameVolumes()
	d.attach()
}

var containerName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`) // Docker's own rule

// nameContainers names the containers, after their services where nothing else
// is written, and finds names that Docker would refuse.
func (b *builder) nameContainers() {
	taken := map[Scope]map[string]string{System: {}, User: {}}
	b.each(func(d *draft) { // names of services come first: who takes one is told
		if d.svc.Spec.ContainerName == "" {
			d.svc.Spec.ContainerName = d.name
			b.checkContainerName(d, taken[d.svc.Scope], d.svc.Origin, d.at)
		}
	})
	b.each(func(d *draft) {
		if e := d.tree.index("container_name"); e >= 0 && taken[d.svc.Scope][d.svc.Spec.ContainerName] != d.name {
			b.checkContainerName(d, taken[d.svc.Scope], d.tree.entries[e].pos, d.at.below("container_name"))
		}
	})
}

func (b *builder) checkContainerName(d *draft, taken map[string]string, pos cloudconfig.Pos, at *path) {
	name := d.svc.Spec.ContainerName
	if !containerName.MatchString(name) {
		d.fail(pos, at, fmt.Sprintf("%q cannot be the name of a container", name),
			"use two or more letters, digits, dots, dashes and underscores")
	}
	if other, twice := taken[name]; twice {
		d.fail(pos, at, fmt.Sprintf("the container name %q is already that of service %q", name, other), "")
		return
	}
	taken[name] = d.name
}

// project gathers the services that are usable, and all problems.
func (b *builder) project() (Project, cloudconfig.Report) {
	p := Project{Name: projectName, Services: make(map[string]Service, len(b.drafts))}
	report := b.report
	for _, name := range b.order {
		d := b.drafts[name]
		report = append(report, d.report...)
		switch {
		case !d.usable():
			p.Broken = append(p.Broken, name)
		case !d.inactive:
			d.svc.Hash, d.svc.Fields = d.fingerprint(b.schema)
			p.Services[name] = d.svc
		}
	}
	return p, report.Sorted()
}
