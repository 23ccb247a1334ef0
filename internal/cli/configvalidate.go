package cli

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/source"
)

// documentKinds are what a file can be checked as.
func (a *app) documentKinds() map[string]func(file string, data []byte) cloudconfig.Report {
	return map[string]func(string, []byte) cloudconfig.Report{
		"user-data":      a.checkUserData,
		"service":        a.checkService,
		"compose":        a.checkCompose,
		"network-config": checkNetworkConfig,
	}
}

// validation is how `ros config validate` was asked for.
type validation struct {
	input, as, format string
	strict, annotate  bool
}

func (a *app) configValidate() *cobra.Command {
	var v validation
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check a cloud-config, or the whole configuration",
		Long: `Check a file, or without -i every layer of this machine, its services, and its
compose files in /var/lib/rancher/conf/compose.d. Every problem is printed, with
file:line:col; on a terminal, and with --annotate, also the line that it is about.

Exit status: 0 clean, 1 errors, 2 warnings only, with --strict.`,
		Example: `  ros config validate
  ros config validate -i user-data.yml
  ros config validate --as service -i /var/lib/rancher/conf/web.yml
  ros config validate --as compose -i shop.yml
  ros config validate -o json | jq -r '.[].message'`,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error { return a.validate(v) },
	}
	kinds := slices.Sorted(maps.Keys(a.documentKinds()))
	cmd.Flags().StringVarP(&v.input, "input", "i", "", "check `FILE` alone; - is standard input")
	cmd.Flags().StringVar(&v.as, "as", "user-data", "what the file is: `KIND` "+strings.Join(kinds, ", "))
	cmd.Flags().BoolVar(&v.strict, "strict", false, "end with 2 when there are warnings")
	cmd.Flags().BoolVar(&v.annotate, "annotate", false, "show the lines that the problems are about")
	outputFlag(cmd, &v.format)
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that does not exist
	return cmd
}

func (a *app) validate(v validation) error {
	lines := a.sourceOnDisk
	var report cloudconfig.Report
	if v.input == "" {
		report = desired(a.root).Report
	} else {
		check, known := a.documentKinds()[v.as]
		if !known {
			return fmt.Errorf("cannot check a file as %q: it is not one of %s", v.as, strings.Join(slices.Sorted(maps.Keys(a.documentKinds())), ", "))
		}
		data, err := a.read(v.input)
		if err != nil {
			return err
		}
		report = check(shown(v.input), data).Sorted()
		shownLines := cloudconfig.SourceLines
		if v.as == "service" || v.as == "compose" {
			shownLines = cloudconfig.ServiceLines
		}
		lines = sourceOf(shown(v.input), data, shownLines(data))
	}
	if err := a.printReport(report, v, lines); err != nil {
		return err
	}
	switch {
	case report.Err() != nil:
		return exit(1)
	case len(report) > 0 && v.strict:
		return exit(2)
	}
	return nil
}

func (a *app) printReport(report cloudconfig.Report, v validation, lines sourceLines) error {
	switch {
	case v.format == "json" && report == nil:
		return a.printJSON(cloudconfig.Report{})
	case v.format == "json":
		return a.printJSON(report)
	case v.annotate || terminal(a.err):
		a.annotate(report, lines)
	default:
		a.tell(report)
	}
	return nil
}

func (a *app) checkUserData(file string, data []byte) cloudconfig.Report {
	layer, report := a.userData(file, data)
	if report.Err() == nil {
		for _, p := range append(a.checkParts(file, data), cloudconfig.Validate(layer)...) {
			if !slices.Contains(report, p) { // what counts of a part is in the layer, too
				report = append(report, p)
			}
		}
	}
	if report.Err() == nil {
		report = append(report, a.checkServices(file, layer)...)
	}
	return report
}

// checkParts checks each part of user-data by itself, as a machine does: what a later
// part replaces is a mistake all the same.
func (a *app) checkParts(file string, data []byte) cloudconfig.Report {
	parts, _ := source.UserDataParts("user-data", file, data) // what it says is told
	var report cloudconfig.Report
	for _, l := range parts {
		l, unknown := cloudconfig.Substitute(l, a.exampleFacts())
		report = append(append(report, unknown...), cloudconfig.Validate(l)...)
	}
	return report
}

// userData reads a file as user-data. What it says of the machine's addresses is
// this machine's where they are known, and else an example: what will be known
// where the file is used nobody can tell.
func (a *app) userData(file string, data []byte) (cloudconfig.Layer, cloudconfig.Report) {
	layer, report := source.ParseUserData("user-data", file, data)
	if report.Err() != nil {
		return layer, report
	}
	layer, unknown := cloudconfig.Substitute(layer, a.exampleFacts())
	return layer, append(report, unknown...)
}

func (a *app) exampleFacts() cloudconfig.Facts {
	facts := source.Facts(a.root)
	facts.PublicIPv4 = cmp.Or(facts.PublicIPv4, "203.0.113.1")
	facts.PrivateIPv4 = cmp.Or(facts.PrivateIPv4, "192.0.2.1")
	facts.PublicIPv6 = cmp.Or(facts.PublicIPv6, "2001:db8::1")
	facts.PrivateIPv6 = cmp.Or(facts.PrivateIPv6, "fd00::1")
	return facts
}

func checkNetworkConfig(file string, data []byte) cloudconfig.Report {
	_, report := cloudconfig.ParseNetworkConfig(file, data)
	return report
}

// checkService checks a service file as it would be among the machine's other
// services, in the place of those of the same names.
func (a *app) checkService(file string, data []byte) cloudconfig.Report {
	layer, report := cloudconfig.ParseLayer("service", file, data)
	if report.Err() != nil || layer.Doc.Root == nil {
		return report
	}
	cfg, _ := source.Load(a.root)                                            // what is wrong elsewhere is told
	others := catalogue.Load(cfg, catalogue.Options{Root: a.root}).Documents // by checking the whole
	maps.DeleteFunc(others, func(_ string, other cloudconfig.Document) bool {
		return slices.ContainsFunc(serviceNames(other), func(name string) bool {
			return slices.Contains(serviceNames(layer.Doc), name)
		})
	})
	others[strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))] = layer.Doc
	_, found := compose.Build(cfg, compose.Options{
		Definitions: others, Environment: facts(), ReadFile: readerIfThere(a.root),
	})
	for _, p := range found {
		if p.Pos.File == file {
			report = append(report, p)
		}
	}
	return report
}

// checkCompose checks a compose file as it would be as a project of its own, among
// the machine's other services and in the place of the file of that name in
// compose.d. Its variables, and the files that it names, are those beside it.
func (a *app) checkCompose(file string, data []byte) cloudconfig.Report {
	root, place := a.root, source.ComposeDir+"/"+filepath.Base(file)
	if file != shown("-") {
		if abs, err := filepath.Abs(file); err == nil {
			root, place = "/", abs
		}
	}
	f, report := source.ReadComposeFile(root, place, data)
	cfg, _ := source.Load(a.root)           // what is wrong elsewhere is told
	files, _ := source.ComposeFiles(a.root) // by checking the whole
	definitions := catalogue.Load(cfg, catalogue.Options{Root: a.root}).Documents
	files = slices.DeleteFunc(files, func(o source.ComposeFile) bool { return o.Name == f.Name })
	projects, found := projectFiles(append(files, f))
	_, built := compose.Build(cfg, compose.Options{
		Definitions: definitions, Environment: facts(), Files: projects, ReadFile: readerBelow(root),
	})
	for _, p := range append(found, built...) {
		if p.Pos.File == place {
			report = append(report, p)
		}
	}
	for i := range report {
		report[i].Pos.File = file
	}
	return report
}

// serviceNames are the services that a service file defines.
func serviceNames(doc cloudconfig.Document) []string {
	services := doc.Root
	if inner := doc.Lookup("services"); inner != nil && len(inner.Content) > 0 {
		services = inner
	}
	var names []string
	for i := 0; i+1 < len(services.Content); i += 2 {
		names = append(names, services.Content[i].Value)
	}
	return names
}
