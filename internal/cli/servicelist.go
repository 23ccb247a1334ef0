package cli

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/catalogue"
)

func (a *app) serviceList() *cobra.Command {
	var format string
	var all, update bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the services that can be enabled",
		Long: `List the services that can be enabled, and whether they are: those in the image,
your files in /var/lib/rancher/conf, what the repositories have, and what is
enabled by path or address. Behind a service of a repository stands how old the
copy on the machine is; without one, the definition is fetched when it is enabled.

Nothing is fetched without --update. The controller looks once a day whether the
copies are still what is there, and whenever the network comes up.

Exit status: 0, or 1 when something could not be updated.`,
		Example: `  ros service list
  ros service list --all --update
  ros service list -o json | jq -r '.[] | select(.enabled) | .name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var failed error
			if update {
				failed = a.updateCatalogue(cmd.Context())
			}
			cfg := desired(a.root).Config
			list, err := a.listServices(cfg, all)
			if err != nil {
				return err
			}
			if format == "json" {
				err = a.printJSON(list)
			} else {
				err = a.printServices(cfg, list)
			}
			if err != nil {
				return err
			}
			return failed
		},
	}
	outputFlag(cmd, &format)
	cmd.Flags().BoolVarP(&all, "all", "a", false, "with the services of the system itself and of cloud-configs")
	cmd.Flags().BoolVarP(&update, "update", "u", false, "first ask the repositories what they have")
	return cmd
}

// listedService is a line of the list, as `ros service list -o json`.
type listedService struct {
	Name       string     `json:"name"` // as it is written to enable it
	Enabled    bool       `json:"enabled"`
	Source     string     `json:"source"`               // image, file, repository, address, configuration; unknown
	File       string     `json:"file,omitempty"`       // where it is on the machine
	Repository string     `json:"repository,omitempty"` // that has it
	URL        string     `json:"url,omitempty"`
	Pinned     bool       `json:"pinned,omitempty"`  // only a definition with one sum is used
	Checked    *time.Time `json:"checked,omitempty"` // when the copy was last known to be right
}

// listServices is what can be enabled and what is, in order of the names.
func (a *app) listServices(cfg cloudconfig.Config, all bool) ([]listedService, error) {
	entries, err := catalogue.List(a.root, cfg)
	if err != nil {
		return nil, err
	}
	lines := map[string]listedService{}
	for _, e := range entries {
		lines[e.Name] = listed(e)
	}
	if all {
		for name := range cfg.Rancher.Services {
			lines[name] = listedService{Name: name, Enabled: true, Source: "configuration"}
		}
	}
	for key, enabled := range cfg.Rancher.ServicesInclude {
		line, known := lines[key]
		if !known {
			line = a.includedService(key)
		}
		line.Enabled = enabled || line.Source == "configuration"
		lines[key] = line
	}
	for _, e := range entries {
		onlyOnce(lines, e)
	}
	return slices.SortedFunc(maps.Values(lines), func(x, y listedService) int { return strings.Compare(x.Name, y.Name) }), nil
}

// onlyOnce leaves one line of a file that is listed by its name and by its path: the
// path, which the configuration has, unless it is enabled by its name. Where both are
// enabled, both have to be seen.
func onlyOnce(lines map[string]listedService, e catalogue.Entry) {
	for key, line := range lines {
		switch {
		case key == e.Name || e.File == "" || line.File != e.File:
		case !lines[e.Name].Enabled:
			delete(lines, e.Name)
		case !line.Enabled:
			delete(lines, key)
		}
	}
}

func listed(e catalogue.Entry) listedService {
	line := listedService{Name: e.Name, File: e.File, Repository: e.Repository, URL: e.URL, Pinned: e.Pinned}
	if !e.Copied.IsZero() {
		line.Checked = &e.Copied
	}
	switch {
	case e.Repository != "":
		line.Source = "repository"
	case e.URL != "":
		line.Source = "address"
	case path.Dir(e.File) == catalogue.ImageFolder:
		line.Source = "image"
	case e.File != "":
		line.Source = "file"
	default:
		line.Source = "unknown"
	}
	return line
}

// includedService is a key of services_include that no list has.
func (a *app) includedService(key string) listedService {
	if path.IsAbs(key) {
		return listedService{Name: key, Source: "file", File: path.Clean(key)}
	}
	return listed(catalogue.Describe(a.root, key))
}

// printServices prints the list as RancherOS does, and behind each service where
// it comes from.
func (a *app) printServices(cfg cloudconfig.Config, list []listedService) error {
	widest := 0
	for _, line := range list {
		if line.origin() != "" {
			widest = max(widest, len(line.Name))
		}
	}
	for _, line := range list {
		word := "disabled"
		if line.Enabled {
			word = "enabled "
		}
		text := word + " " + line.Name
		if origin := line.origin(); origin != "" {
			text = fmt.Sprintf("%s %-*s  %s", word, widest, line.Name, origin)
		}
		if err := a.print("%s\n", text); err != nil {
			return err
		}
	}
	for _, s := range catalogue.States(a.root, cfg) {
		if s.Checked.IsZero() {
			a.complain("ros: repository %s has not been asked yet what it has ('ros service list --update' does)\n", s.Name)
		}
	}
	return nil
}

// origin is where a service comes from, for people.
func (l listedService) origin() string {
	text := l.Repository
	if l.Source != "repository" && l.Source != "address" {
		return ""
	}
	if text == "" {
		text = "address"
	}
	if l.Pinned {
		text += ", pinned"
	}
	if l.Checked == nil {
		return text + ", not fetched"
	}
	return text + ", " + age(time.Since(*l.Checked))
}

// age is how long ago something was known to be right.
func age(d time.Duration) string {
	if d < time.Second {
		return "checked just now"
	}
	return "checked " + strings.ToLower(units.HumanDuration(d)) + " ago"
}
