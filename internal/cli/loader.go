package cli

import (
	"context"
	"io"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/catalogue/repository"
	"github.com/ros-os/ros/internal/daemon"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/source/datasource"
	"github.com/ros-os/ros/servicectl"
)

// loader reads what should be: the layers, the catalogue, the project. It keeps
// the last good copies of what is written on the machine, tells what is wrong with them on the
// machine's console, and remembers what the engine asks for of the last reading.
type loader struct {
	root    string
	console func() (io.WriteCloser, error) // nil: there is none
	updates *repository.Updater            // of what is in the network; nil: nobody fetches
	sources *datasource.Runner             // nil: nobody asks datasources
	named   *source.Named                  // watches what services name; nil: nobody does

	mu     sync.Mutex         // guards what follows
	config cloudconfig.Config // of the last reading, as are the others
	merged cloudconfig.Merged
	files  texts
	number int
	told   cloudconfig.Report
}

// Load is one whole reading. Problems are in the result; what is good of the
// configuration is always usable.
func (l *loader) Load(context.Context) (servicectl.Desired, error) {
	reading := source.Read(l.root)
	cfg, report := reading.Load()
	loaded := catalogue.Load(cfg, l.catalogue(cfg))
	reading = reading.WithServices(loaded.Files, report.Err() == nil)
	if err := reading.Forget(); err != nil {
		report = append(report, cloudconfig.Problem{
			Pos: cloudconfig.Pos{File: source.GoodDir}, Msg: err.Error(), Severity: cloudconfig.Warning,
		})
	}
	report = append(append(report, reading.ComposeReport...), l.datasources(reading)...)
	d := l.desired(cfg, loaded, reading.Compose, report)
	d.Report = append(d.Report, source.Notices(l.root, source.Now())...)
	d.Report = append(d.Report, l.loginProblems()...)

	merged, files := cloudconfig.Merge(reading.Layers...), textsOf(written{reading.Compose, loaded.Files}, d)
	if was, wrote, any := l.last(merged, files); any {
		d.Changes, d.Files = changes(l.root, was, merged), changedFiles(wrote, files)
	}

	number, news := l.adopt(d)
	d.Keep = func() error { return l.keep(number, reading) }
	l.tell(news)
	return d, nil
}

// desired is what the configuration asks for. The files that services name are watched
// from now on; what was read of one before it was watched is read again.
func (l *loader) desired(
	cfg cloudconfig.Config, loaded catalogue.Loaded, files []source.ComposeFile, report cloudconfig.Report,
) servicectl.Desired {
	var named []string
	below := readerBelow(l.root)
	read := func(name string) ([]byte, error) {
		named = append(named, name)
		return below(name)
	}
	d := desiredWith(l.root, read, cfg, loaded, files, report)
	if l.named != nil && l.named.Want(named) {
		d = desiredWith(l.root, read, cfg, loaded, files, report)
	}
	return d
}

// datasources puts the scripts of user-data where they are run from, and tells
// those who ask datasources what is wanted. It reports how that went.
func (l *loader) datasources(reading source.Reading) cloudconfig.Report {
	report := source.RecordProblems(l.root)
	if err := reading.SaveScripts(); err != nil {
		report = append(report, cloudconfig.Problem{Pos: cloudconfig.Pos{File: source.ScriptDir}, Msg: err.Error()})
	}
	if l.sources != nil {
		l.sources.Want(reading.Layers)
	}
	return report
}

// catalogue says how definitions are loaded. What is in the network is told to
// those who fetch it; nobody waits for them.
func (l *loader) catalogue(cfg cloudconfig.Config) catalogue.Options {
	if l.updates == nil {
		return catalogue.Options{Root: l.root}
	}
	l.updates.Want(cfg)
	return catalogue.Options{Root: l.root, Why: l.updates.Why}
}

// last is what the layers of the last reading said together, and the files of
// services, and remembers what they say now; any is false when there was none.
func (l *loader) last(now cloudconfig.Merged, files texts) (was cloudconfig.Merged, wrote texts, any bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, l.merged = l.merged, now
	wrote, l.files = l.files, files
	return was, wrote, l.number > 0
}

// adopt makes a reading the last one. It returns its number, and what is to be
// told about it.
func (l *loader) adopt(d servicectl.Desired) (number int, news []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range d.Report {
		if !slices.Contains(l.told, p) {
			news = append(news, p.String())
		}
	}
	if len(l.told) > 0 && len(d.Report) == 0 {
		news = append(news, "the configuration has no problems any more")
	}
	l.config, l.told = d.Config, d.Report
	l.number++
	return l.number, news
}

// keep makes a reading the one to go back to, unless there is a newer one, which
// knows better what is there.
func (l *loader) keep(number int, reading source.Reading) error {
	l.mu.Lock()
	outdated := number != l.number
	l.mu.Unlock()
	if outdated {
		return nil
	}
	return reading.Keep()
}

// tell prints lines on the console. One that cannot be written to is no reason
// not to go on: the log and the status tell the same.
func (l *loader) tell(lines []string) {
	if l.console == nil || len(lines) == 0 {
		return
	}
	w, err := l.console()
	if err != nil {
		return
	}
	for _, line := range lines {
		_, _ = io.WriteString(w, "ros: "+line+"\r\n") // see above
	}
	_ = w.Close() // see above
}

// desired is what the configuration below root asks for.
func desired(root string) servicectl.Desired {
	cfg, report := source.Load(root)
	return desiredOf(root, cfg, report)
}

// desiredOf is what a configuration of the machine below root asks for; report
// has what was found while it was read.
func desiredOf(root string, cfg cloudconfig.Config, report cloudconfig.Report) servicectl.Desired {
	files, found := source.ComposeFiles(root)
	loaded := catalogue.Load(cfg, catalogue.Options{Root: root})
	return desiredWith(root, readerBelow(root), cfg, loaded, files, append(report, found...))
}

func desiredWith(
	root string, read func(name string) ([]byte, error),
	cfg cloudconfig.Config, loaded catalogue.Loaded, files []source.ComposeFile, report cloudconfig.Report,
) servicectl.Desired {
	report = slices.Concat(report, loaded.Report)
	project, report := buildProject(root, cfg, compose.Options{
		Definitions: loaded.Documents, Incomplete: len(loaded.Waiting) > 0, Environment: facts(), ReadFile: read,
	}, written{files, loaded.Files}, report)
	report = append(report, daemon.User(cfg, daemon.Env{}).Warnings...)
	d := servicectl.Desired{Config: cfg, Project: project, Report: report.Sorted()}
	for _, w := range loaded.Waiting {
		d.Waiting = append(d.Waiting, servicectl.Waiting{Name: w.Key, For: "the network", Why: w.Why})
	}
	return d
}

// facts are the variables that the machine itself gives to service definitions.
func facts() map[string]string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil // a definition that refers to it is told
	}
	return map[string]string{"KERNEL_VERSION": unix.ByteSliceToString(name.Release[:])}
}
