package catalogue

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// Folders with definitions, one service file each.
const (
	ImageFolder = "/usr/share/ros/services"
	UserFolder  = "/var/lib/rancher/conf"
)

const suffix = ".yml"

// Options are what [Load] needs beside the configuration.
type Options struct {
	Root string // below which the machine's files are
	// Why says what keeps a document in the network from being there, by the key
	// of rancher.services_include, and whether it is still to come: that is no
	// problem, but waited for. Nil: nobody fetches any, and one that is not there
	// is a warning.
	Why func(key string) (why string, waits bool)
}

// Waiting is an enabled service whose document is still to come.
type Waiting struct {
	Key string // of rancher.services_include, as it may be shown
	Why string // it is not there; "" when nobody has tried yet
}

// Loaded is what [Load] found.
type Loaded struct {
	Documents map[string]cloudconfig.Document // by the key of rancher.services_include
	Files     []source.ServiceFile            // of the user, in the order of their keys
	Waiting   []Waiting
	Report    cloudconfig.Report
}

// Load reads the document of every service that rancher.services_include
// enables, by the key there: the name of a file in [ImageFolder] or
// [UserFolder], else of a definition in a repository; the absolute path of a
// file below UserFolder; or an address. Of what is in the network it reads the
// copy on the machine, however old; what has none and is still to come is waiting.
// A document that cannot be used is left out, and the report says why.
func Load(cfg cloudconfig.Config, o Options) Loaded {
	l := newLoader(cfg, o)
	include := cfg.Rancher.ServicesInclude
	for _, key := range slices.Sorted(maps.Keys(include)) {
		if include[key] {
			l.load(key)
		}
	}
	return Loaded{Documents: l.documents, Files: l.files, Waiting: l.waiting, Report: l.report}
}

// loader is one run of [Load].
type loader struct {
	root      string
	why       func(key string) (why string, waits bool)
	cfg       cloudconfig.Config
	shelves   []shelf
	cache     Cache
	documents map[string]cloudconfig.Document
	files     []source.ServiceFile
	waiting   []Waiting
	report    cloudconfig.Report
}

func newLoader(cfg cloudconfig.Config, o Options) *loader {
	cache := Cache{o.Root}
	repositories, report := Repositories(cfg)
	l := &loader{root: o.Root, why: o.Why, cfg: cfg, cache: cache, documents: map[string]cloudconfig.Document{}, report: report}
	for _, r := range repositories {
		l.shelves = append(l.shelves, newShelf(cache, r))
	}
	return l
}

func (l *loader) load(key string) {
	if IsURL(key) {
		l.loadAddress(key)
		return
	}
	candidates, ok := l.candidates(key)
	if !ok {
		return
	}
	for _, file := range candidates {
		data, err := readFile(filepath.Join(l.root, file), MaxSize)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			l.fail(key, fmt.Sprintf("cannot read %s: %v", file, withoutPath(err)), "")
		} else {
			l.parse(key, file, data)
		}
		l.note(key, file, data)
		return
	}
	if path.IsAbs(key) || !l.loadName(key) {
		l.notFound(key)
	}
}

// note has a file of the user's among those that have last good copies.
func (l *loader) note(key, file string, data []byte) {
	if _, usable := l.documents[key]; strings.HasPrefix(file, UserFolder+"/") {
		l.files = append(l.files, source.ServiceFile{Path: file, Key: key, Data: data, Broken: !usable})
	}
}

// parse makes a text the document of a key; name is what positions in it have.
func (l *loader) parse(key, name string, text []byte) {
	layer, report := cloudconfig.ParseLayer(key, name, text)
	l.report = append(l.report, report...)
	switch {
	case report.Err() != nil:
	case layer.Doc.Root == nil:
		l.fail(key, name+" is empty", "")
	default:
		l.documents[key] = layer.Doc
	}
}

// readFile reads a regular file of a size; opening anything else could wait for
// ever.
func readFile(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot look at it: %w", err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case info.Size() > most:
		return nil, fmt.Errorf("it is larger than %d bytes", most)
	}
	return os.ReadFile(name)
}

// candidates are the files that a key may mean, the first that exists counts.
func (l *loader) candidates(key string) ([]string, bool) {
	switch {
	case path.IsAbs(key):
		if file := path.Clean(key); strings.HasPrefix(file, UserFolder+"/") {
			return []string{file}, true
		}
		l.fail(key, "the file is not under "+UserFolder, "save it there")
	case strings.Contains(key, "/") || key == "" || strings.HasPrefix(key, "."):
		l.fail(key, "is neither the name of a service nor an absolute path", "write the whole path, or set a name that ros service list shows")
	case isConfig(key + suffix):
		l.fail(key, "is the machine's configuration, not a service", "")
	default:
		return []string{path.Join(ImageFolder, key+suffix), path.Join(UserFolder, key+suffix)}, true
	}
	return nil, false
}

func (l *loader) notFound(key string) {
	if path.IsAbs(key) {
		l.fail(key, "there is no such file", l.suggestFile(path.Clean(key)))
		return
	}
	hint := "ros service list shows which there are"
	if near := cloudconfig.Nearest(key, l.names()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	if strings.HasSuffix(key, suffix) {
		hint = "write the whole path of a file, or its name without " + suffix
	}
	where := fmt.Sprintf("%s or %s", ImageFolder, UserFolder)
	if len(l.shelves) > 0 {
		where += ", and no repository has such a service"
	}
	l.fail(key, fmt.Sprintf("there is no service file %s%s in %s", strings.TrimSuffix(key, suffix), suffix, where), hint)
}

// suggestFile finds a file of the same folder that was probably meant.
func (l *loader) suggestFile(file string) string {
	entries, err := os.ReadDir(filepath.Join(l.root, path.Dir(file)))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !isConfig(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if near := cloudconfig.Nearest(path.Base(file), names); near != "" {
		return fmt.Sprintf("did you mean %q?", path.Join(path.Dir(file), near))
	}
	return ""
}

func (l *loader) names() []string {
	entries, err := l.list()
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}

func (l *loader) fail(key, msg, hint string) { l.tell(key, msg, hint, cloudconfig.Error) }

func (l *loader) tell(key, msg, hint string, severity cloudconfig.Severity) {
	at := []string{"rancher", "services_include", key}
	l.report = append(l.report, cloudconfig.Problem{
		Pos: l.cfg.Pos(at...), Path: cloudconfig.JoinPath(at...), Msg: msg, Hint: hint, Severity: severity,
	})
}

// withoutPath is what went wrong with a file, without its path below root.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
