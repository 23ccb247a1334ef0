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
)

// Folders with definitions, one service file each.
const (
	ImageFolder = "/usr/share/ros/services"
	UserFolder  = "/var/lib/rancher/conf"
)

const suffix = ".yml"

// Load reads the document of every service that rancher.services_include
// enables, by the key there: the name of a file in [ImageFolder] or
// [UserFolder], or the absolute path of a file below UserFolder. All folders are
// below root. A document that cannot be used is left out, and the report says
// why.
func Load(root string, cfg cloudconfig.Config) (map[string]cloudconfig.Document, cloudconfig.Report) {
	l := loader{root: root, cfg: cfg, documents: map[string]cloudconfig.Document{}}
	include := cfg.Rancher.ServicesInclude
	for _, key := range slices.Sorted(maps.Keys(include)) {
		if include[key] {
			l.load(key)
		}
	}
	return l.documents, l.report
}

// loader is one run of [Load].
type loader struct {
	root      string
	cfg       cloudconfig.Config
	documents map[string]cloudconfig.Document
	report    cloudconfig.Report
}

func (l *loader) load(key string) {
	candidates, ok := l.candidates(key)
	if !ok {
		return
	}
	for _, file := range candidates {
		data, err := readFile(filepath.Join(l.root, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			l.fail(key, fmt.Sprintf("cannot read %s: %v", file, withoutPath(err)), "")
			return
		}
		layer, report := cloudconfig.ParseLayer(key, file, data)
		l.report = append(l.report, report...)
		switch {
		case report.Err() != nil:
		case layer.Doc.Root == nil:
			l.fail(key, file+" is empty", "")
		default:
			l.documents[key] = layer.Doc
		}
		return
	}
	l.notFound(key)
}

// readFile reads a regular file; opening anything else could wait for ever.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("cannot look at it: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	return os.ReadFile(name)
}

// candidates are the files that a key may mean, the first that exists counts.
func (l *loader) candidates(key string) ([]string, bool) {
	switch {
	case strings.Contains(key, "://"):
		l.fail(key, "services from URLs need the catalogue of a later version", "save the file under "+UserFolder)
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
	l.fail(key, fmt.Sprintf("there is no service file %s%s in %s or %s", key, suffix, ImageFolder, UserFolder), hint)
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
	entries, err := List(l.root)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}

func (l *loader) fail(key, msg, hint string) {
	at := []string{"rancher", "services_include", key}
	l.report = append(l.report, cloudconfig.Problem{
		Pos: l.cfg.Pos(at...), Path: cloudconfig.JoinPath(at...), Msg: msg, Hint: hint,
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
