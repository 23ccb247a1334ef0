package catalogue

import (
	"errors"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/pin"
)

// IsURL says whether a key of rancher.services_include is an address.
func IsURL(key string) bool { return strings.Contains(key, "://") }

// Repository is a folder of definitions in the network.
type Repository struct {
	Name string
	base *url.URL
	pins map[string]string
}

// Repositories are those of a configuration in order of their names, and what is
// wrong with the others.
func Repositories(cfg cloudconfig.Config) ([]Repository, cloudconfig.Report) {
	var out []Repository
	var report cloudconfig.Report
	all := cfg.Rancher.Repositories
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].URL == "" {
			continue // the configuration's own check tells
		}
		at := []string{"rancher", "repositories", name, "url"}
		ref, err := pin.Parse(all[name].URL)
		if err == nil && ref.SHA256 != "" {
			err = errors.New("is of a folder, which has no sum")
		}
		if err != nil {
			report = append(report, cloudconfig.Problem{
				Pos: cfg.Pos(at...), Path: cloudconfig.JoinPath(at...), Msg: err.Error(), Hint: "such as https://services.example.com",
			})
			continue
		}
		base, err := url.Parse(ref.URL)
		if err == nil { // ParseRef has parsed it
			out = append(out, Repository{Name: name, base: base, pins: all[name].SHA256})
		}
	}
	return out, report
}

// String is the repository's address as it may be shown.
func (r Repository) String() string { return r.base.Redacted() }

// Index is the list of what the repository has.
func (r Repository) Index() pin.Ref { return pin.Ref{URL: r.base.JoinPath("index.yml").String()} }

// Definition is where the definition of a service is. ok is false when no
// repository can have one of that name.
func (r Repository) Definition(name string) (ref pin.Ref, ok bool) {
	if !isName(name) {
		return pin.Ref{}, false
	}
	u := r.base.JoinPath(name[:1], name+suffix)
	return pin.Ref{URL: u.String(), SHA256: strings.ToLower(r.pins[name])}, true
}

// serviceName is what a repository may call a service: it becomes a part of an
// address, and the name of nothing else.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}$`)

func isName(name string) bool { return serviceName.MatchString(name) && path.Base(name) == name }
