package source

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
)

// ComposeDir has the compose files that are projects of their own.
const ComposeDir = ConfDir + "/compose.d"

// ComposeFile is a compose file that is a project of its own.
type ComposeFile struct {
	Path   string // where its problems are told
	Name   string // of the file, without its ending
	Doc    cloudconfig.Document
	Env    []EnvFile // the .env files beside it, the later ones count more
	Broken bool      // it cannot be read, as the report says
	Data   []byte    // as it was read
}

// EnvFile is a file of variables.
type EnvFile struct {
	Path string
	Data []byte
}

// ComposeFiles reads the user's compose files below root, sorted by name, and
// user-data that is one ("#compose" and a map "services"). Variables of a project
// are in .env, for all, and in NAME.env beside it.
func ComposeFiles(root string) ([]ComposeFile, cloudconfig.Report) {
	var files []ComposeFile
	var report cloudconfig.Report
	entries, err := os.ReadDir(filepath.Join(root, ComposeDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		report = append(report, cloudconfig.Problem{
			Pos: cloudconfig.Pos{File: ComposeDir}, Msg: "cannot list the compose files: " + withoutPath(err).Error(),
		})
		files = unseenComposeFiles(root)
	}
	for _, e := range entries {
		f, ok := composeFile(e)
		if !ok {
			continue
		}
		data, err := readBounded(filepath.Join(root, f.Path))
		if err != nil {
			f.Broken = true
			report = append(report, cloudconfig.Problem{Pos: cloudconfig.Pos{File: f.Path}, Msg: "cannot read it: " + withoutPath(err).Error()})
			files = append(files, f)
			continue
		}
		f, found := ReadComposeFile(root, f.Path, data)
		files, report = append(files, f), append(report, found...)
	}
	given, found := userDataCompose(root)
	return append(files, given...), append(report, found...)
}

// composeFile is the compose file, not read yet, that an entry of its folder is.
func composeFile(e fs.DirEntry) (ComposeFile, bool) {
	name := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".yml"), ".yaml")
	if name == e.Name() || hidden(e.Name()) || e.IsDir() {
		return ComposeFile{}, false
	}
	return ComposeFile{Path: path.Join(ComposeDir, e.Name()), Name: name}, true
}

// ReadComposeFile is a compose file that may become a project of its own, with the
// variables beside it when it has a place below root.
func ReadComposeFile(root, file string, data []byte) (ComposeFile, cloudconfig.Report) {
	base := path.Base(file)
	f := ComposeFile{Path: file, Name: strings.TrimSuffix(base, path.Ext(base))}
	report := f.parse(data)
	for _, env := range []string{".env", f.Name + ".env"} {
		if path.IsAbs(file) {
			report = append(report, f.readEnv(root, path.Join(path.Dir(file), env))...)
		}
	}
	return f, report
}

func (f *ComposeFile) parse(data []byte) cloudconfig.Report {
	f.Data = data
	layer, report := cloudconfig.ParseLayer("compose file", f.Path, data)
	f.Doc = layer.Doc
	f.Broken = report.Err() != nil
	return report
}

// readEnv reads a file of variables, if there is one.
func (f *ComposeFile) readEnv(root, file string) cloudconfig.Report {
	data, err := readBounded(filepath.Join(root, file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		f.Broken = true
		return cloudconfig.Report{{Pos: cloudconfig.Pos{File: f.Path}, Msg: "cannot read " + file + ": " + withoutPath(err).Error()}}
	}
	f.Env = append(f.Env, EnvFile{Path: file, Data: data})
	return nil
}

// userDataCompose is what of user-data is a whole compose file; what else is wrong
// with user-data is told where it is read as a layer.
func userDataCompose(root string) (files []ComposeFile, report cloudconfig.Report) {
	data, err := readBounded(filepath.Join(root, SeedDir, "user-data"))
	if err != nil {
		return nil, nil
	}
	name, _ := readBounded(filepath.Join(root, SeedDir, "name")) // only told
	s := splitter{part: "user-data", datasource: strings.TrimSpace(string(name)), fetched: readIncluded(root)}
	s.values = readValues(root, s.datasource)
	s.split(data)
	for _, p := range s.parts {
		if p.form != formConfig || firstLine(p.data) != "#compose" {
			continue
		}
		f := ComposeFile{Path: p.file(s.part, s.datasource), Name: s.part}
		if p.number != "" {
			f.Name += "-" + strings.ReplaceAll(p.number, ".", "-")
		}
		found := f.parse(p.data)
		if isWholeCompose(f.Doc) {
			files, report = append(files, f), append(report, found...)
		}
	}
	return files, report
}

// isWholeCompose says whether a document is a whole compose file, and not a map
// of services.
func isWholeCompose(doc cloudconfig.Document) bool {
	services := doc.Lookup("services")
	return services != nil && services.Kind == yaml.MappingNode
}
