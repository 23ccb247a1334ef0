package cli

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/source"
)

func (a *app) serviceValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check service files",
		Long: `Check service files: maps of services as in rancher.services, or compose files. It
needs no machine: a service that neither the files nor this machine's configuration
have is a warning, since it may be in another file.

Exit status: 0 the files can be used, 1 they have errors.`,
		Example: "  ros service validate web.yml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			report, err := a.checkServiceFiles(args)
			if err != nil {
				return err
			}
			a.tell(report)
			if report.Err() != nil {
				return exit(1)
			}
			return nil
		},
	}
}

// serviceFile is one that is checked.
type serviceFile struct {
	name string // as somebody called it
	path string // where it is, without which what is beside it cannot be found
	doc  cloudconfig.Document
}

func (f serviceFile) key() string { return strings.TrimSuffix(f.path, filepath.Ext(f.path)) }

// checkServiceFiles checks each file as it would be among the others, and the
// machine's services.
func (a *app) checkServiceFiles(names []string) (cloudconfig.Report, error) {
	var report cloudconfig.Report
	var files []serviceFile
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f := serviceFile{name: name, path: name}
		if abs, err := filepath.Abs(name); err == nil {
			f.path = abs
		}
		layer, found := cloudconfig.ParseLayer("service file", f.path, data)
		report = append(report, f.named(found)...)
		if f.doc = layer.Doc; found.Err() == nil && f.doc.Root != nil {
			files = append(files, f)
		}
	}
	cfg, err := a.surroundings()
	if err != nil {
		return nil, err
	}
	machine := catalogue.Load(cfg, catalogue.Options{Root: a.root}).Documents // what is wrong elsewhere is told elsewhere
	for _, f := range files {
		around := maps.Clone(machine)
		for _, other := range files {
			around[other.key()] = other.doc
		}
		_, found := compose.Build(cfg, compose.Options{
			Definitions: f.among(around), Environment: facts(), ReadFile: readerIfThere("/"),
		})
		report = append(report, softened(f.named(found))...)
	}
	return report, nil
}

// surroundings is this machine's configuration, or on a workstation the default one.
func (a *app) surroundings() (cloudconfig.Config, error) {
	if _, err := os.Stat(filepath.Join(a.root, source.OSConfigFile)); err == nil {
		cfg, _ := source.Load(a.root) // what is wrong elsewhere is told elsewhere
		return cfg, nil
	}
	defaults, err := a.defaultLayer()
	cfg, _ := cloudconfig.Merge(defaults).Config() // nobody can have spoiled it
	return cfg, err
}

// among is a file's definition among those of others, in the place of those that
// have services of the same names.
func (f serviceFile) among(others map[string]cloudconfig.Document) map[string]cloudconfig.Document {
	own := serviceNames(f.doc)
	maps.DeleteFunc(others, func(_ string, other cloudconfig.Document) bool {
		return slices.ContainsFunc(serviceNames(other), func(name string) bool { return slices.Contains(own, name) })
	})
	others[f.key()] = f.doc
	return others
}

// named is what a report says about the file, with the name that somebody gave it.
func (f serviceFile) named(report cloudconfig.Report) cloudconfig.Report {
	var out cloudconfig.Report
	for _, p := range report {
		if p.Pos.File == f.path {
			p.Pos.File = f.name
			out = append(out, p)
		}
	}
	return out
}

// softened makes a warning of what only says that a service is not among those that
// are looked at.
func softened(report cloudconfig.Report) cloudconfig.Report {
	for i, p := range report {
		if strings.Contains(p.Msg, noSuchService) && p.Severity == cloudconfig.Error {
			report[i].Severity = cloudconfig.Warning
			if p.Hint == "" {
				report[i].Hint = "if it is in another file, name that one too"
			}
		}
	}
	return report
}
