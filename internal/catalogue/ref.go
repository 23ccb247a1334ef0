package catalogue

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// Ref is a document in the network: where it is, and what it has to be.
type Ref struct {
	URL    string
	SHA256 string // in lower case; "" when it is not pinned
}

// pinMark stands between an address and what is there.
const pinMark = "#sha256="

// IsURL says whether a key of rancher.services_include is an address.
func IsURL(key string) bool { return strings.Contains(key, "://") }

var sum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseRef reads an address, as https://example.com/web.yml#sha256=… is one.
func ParseRef(text string) (Ref, error) {
	address, pin, pinned := strings.Cut(text, pinMark)
	ref := Ref{URL: address, SHA256: strings.ToLower(pin)}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return Ref{}, errors.New("is not an address of the web") // the error of url would show a password
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return Ref{}, errors.New("is not an address of the web: it has to begin with https:// or http:// and a host")
	case pinned && !sum.MatchString(ref.SHA256):
		return Ref{}, fmt.Errorf("what follows %s is not a SHA-256 sum of 64 hexadecimal digits", pinMark)
	case u.Fragment != "" || strings.Contains(address, "#"):
		return Ref{}, fmt.Errorf("nothing but %s may follow a #", strings.TrimPrefix(pinMark, "#"))
	}
	return ref, nil
}

// String is the address as it may be shown: without a password.
func (r Ref) String() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return "(not an address)"
	}
	return u.Redacted()
}

// Accepts says whether a document with a sum is the one that is meant.
func (r Ref) Accepts(sha256 string) bool { return r.SHA256 == "" || r.SHA256 == sha256 }

// Exposed says whether anybody on the way can change what comes.
func (r Ref) Exposed() bool {
	return r.SHA256 == "" && strings.HasPrefix(strings.ToLower(r.URL), "http://")
}

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
		ref, err := ParseRef(all[name].URL)
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
func (r Repository) Index() Ref { return Ref{URL: r.base.JoinPath("index.yml").String()} }

// Definition is where the definition of a service is. ok is false when no
// repository can have one of that name.
func (r Repository) Definition(name string) (ref Ref, ok bool) {
	if !isName(name) {
		return Ref{}, false
	}
	u := r.base.JoinPath(name[:1], name+suffix)
	return Ref{URL: u.String(), SHA256: strings.ToLower(r.pins[name])}, true
}

// serviceName is what a repository may call a service: it becomes a part of an
// address, and the name of nothing else.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}$`)

func isName(name string) bool { return serviceName.MatchString(name) && path.Base(name) == name }
