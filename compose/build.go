package compose

import (
	"maps"
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
		vars:    newVariables(cfg, opts.Environment, nil),
		schema:  newSchema(),
		drafts:  make(map[string]*draft, len(cfg.Rancher.Services)),
		configs: map[string]string{},
	}
	b.collect()
	b.order = slices.Sorted(maps.Keys(b.drafts))
	b.extend()
	b.each(b.decode)
	b.each(b.mountFiles)
	b.nameContainers()
	b.each(b.refer)
	b.connect()
	b.each(func(d *draft) { d.svc.Needs = merged(d.svc.Needs) })
	b.cutCycles()
	b.agree()
	b.sharePorts()
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
	broken  []string           // compose files with errors
	suspect []string           // definitions with errors
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
	if image := d.tree.get("image"); !d.builds && spec.Build == nil && (image.isNull() || image.isScalar() && image.text == "") {
		d.fail(d.svc.Origin, d.at, "the image is missing", `write "image: NAME"`)
	}
	spec.Environment = d.vars.resolve(d.part, b.withFiles(d))
	spec.EnvFiles = nil
	b.readLabels(d)
	d.readSchedule()
	d.readRestart()
	d.simplify()
	b.activate(d)
	d.readScale()
	d.svc.StopGrace = defaultStopGrace
	if spec.StopGracePeriod != nil {
		d.svc.StopGrace = time.Duration(*spec.StopGracePeriod)
	}
	b.readFiles(d)
	b.readBuild(d)
	spec.Volumes = unique(spec.Volumes)
	d.nameVolumes()
	d.attach()
}

// project gathers the services that are usable, and all problems.
func (b *builder) project() (Project, cloudconfig.Report) {
	p := Project{Name: projectName, Services: make(map[string]Service, len(b.drafts)), BrokenFiles: b.broken, BrokenDefinitions: b.suspect}
	report := b.report
	for _, name := range b.order {
		d := b.drafts[name]
		report = append(report, d.report...)
		switch {
		case !d.usable():
			p.Broken = append(p.Broken, d.containers()...)
			if file := d.file(); file != "" {
				p.BrokenFiles = append(p.BrokenFiles, file)
			} else if d.doc != "" {
				p.BrokenDefinitions = append(p.BrokenDefinitions, d.doc)
			}
		case !d.inactive:
			for i := range d.containers() {
				svc := b.replica(d, i)
				p.Services[svc.Name] = svc
			}
		}
	}
	slices.Sort(p.Broken)
	p.BrokenFiles, p.BrokenDefinitions = sortedSet(p.BrokenFiles), sortedSet(p.BrokenDefinitions)
	return p, report.Sorted()
}

// sortedSet is a list sorted, and each once.
func sortedSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
