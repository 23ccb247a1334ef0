package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/source"
)

// written are the files of projects and services that somebody wrote on the machine.
type written struct {
	compose  []source.ComposeFile
	services []source.ServiceFile
}

// buildProject makes the project of a configuration, of the definitions that it
// enables, and of the compose files below root. In the place of a file that is bad
// its last good copy is used, where that is not bad, too. report has what was found
// while all that was read, and comes back with the problems of what is written,
// which say so.
func buildProject(
	root string, cfg cloudconfig.Config, o compose.Options, w written, report cloudconfig.Report,
) (compose.Project, cloudconfig.Report) {
	files, unread := projectFiles(w.compose)
	definitions := o.Definitions
	o.Files = files
	project, problems := compose.Build(cfg, o)
	report = slices.Concat(report, unread, problems)
	for good := w.lastGood(root, project); len(good) > 0; {
		o.Files, o.Definitions = instead(files, good), w.definitions(definitions, good)
		again, _ := compose.Build(cfg, o)
		useless := 0
		for _, file := range w.broken(again) {
			if _, used := good[file]; used {
				delete(good, file)
				useless++
			}
		}
		if useless == 0 {
			// What is not in the copies may be meant by what is written.
			again.BrokenFiles, again.BrokenDefinitions = project.BrokenFiles, project.BrokenDefinitions
			return again, tellGood(report, good)
		}
	}
	return project, report
}

// goodFile is the last good copy of a compose file, or of a service file.
type goodFile struct {
	project compose.ProjectFile
	doc     cloudconfig.Document
	setting string // that enables it
	kept    time.Time
}

// broken are the paths of files with which something is wrong in a project, sorted.
func (w written) broken(p compose.Project) []string {
	broken := slices.Clone(p.BrokenFiles)
	for _, f := range w.services {
		if slices.Contains(p.BrokenDefinitions, f.Key) {
			broken = append(broken, f.Path)
		}
	}
	slices.Sort(broken)
	return slices.Compact(broken)
}

// lastGood are the good copies, by path, of those files of a project that are broken.
func (w written) lastGood(root string, p compose.Project) map[string]goodFile {
	good, broken := map[string]goodFile{}, w.broken(p)
	for _, f := range w.services {
		if !f.Broken && !slices.Contains(broken, f.Path) {
			continue
		}
		if text, kept, ok := f.LastGood(root); ok {
			// This release may be stricter than the one that kept it.
			if layer, found := cloudconfig.ParseLayer(f.Key, f.Path, text); found.Err() == nil && layer.Doc.Root != nil {
				good[f.Path] = goodFile{doc: layer.Doc, setting: cloudconfig.JoinPath("rancher", "services_include", f.Key), kept: kept}
			}
		}
	}
	for _, f := range w.compose {
		if !slices.Contains(broken, f.Path) {
			continue
		}
		if p, kept, ok := f.LastGood(root); ok {
			files, _ := projectFiles([]source.ComposeFile{p}) // one that is no good breaks the project
			good[f.Path] = goodFile{project: files[0], kept: kept}
		}
	}
	return good
}

// instead puts good copies into the places of compose files.
func instead(files []compose.ProjectFile, good map[string]goodFile) []compose.ProjectFile {
	files = slices.Clone(files)
	for i, f := range files {
		if g := good[f.Path].project; g.Path != "" {
			files[i] = g
		}
	}
	return files
}

// definitions puts good copies into the places of service files.
func (w written) definitions(documents map[string]cloudconfig.Document, good map[string]goodFile) map[string]cloudconfig.Document {
	documents = maps.Clone(documents)
	for _, f := range w.services {
		if g := good[f.Path].doc; g.Root != nil {
			documents[f.Key] = g
		}
	}
	return documents
}

// tellGood says which copies are used, each with the first error of its file.
func tellGood(report cloudconfig.Report, good map[string]goodFile) cloudconfig.Report {
	report = report.Sorted()
	for _, file := range slices.Sorted(maps.Keys(good)) {
		note, setting := source.CopyNote(good[file].kept), good[file].setting
		first := slices.IndexFunc(report, func(p cloudconfig.Problem) bool {
			return p.Severity == cloudconfig.Error && (p.Pos.File == file || setting != "" && p.Path == setting)
		})
		switch {
		case first < 0:
			report = append(report, cloudconfig.Problem{Pos: cloudconfig.Pos{File: file}, Msg: note, Severity: cloudconfig.Warning})
		case report[first].Hint != "":
			report[first].Hint += "; " + note
		default:
			report[first].Hint = note
		}
	}
	return report
}

// projectFiles are compose files that are projects of their own, with their
// variables.
func projectFiles(found []source.ComposeFile) ([]compose.ProjectFile, cloudconfig.Report) {
	var report cloudconfig.Report
	files := make([]compose.ProjectFile, 0, len(found))
	for _, f := range found {
		p := compose.ProjectFile{
			Path: f.Path, Name: compose.ProjectName(f.Name), Doc: f.Doc, Broken: f.Broken, Environment: map[string]string{},
			Variables: map[string]uint64{},
		}
		for _, env := range f.Env {
			p.Variables[env.Path] = compose.TextSum(env.Data)
			if err := compose.ReadEnvironment(env.Data, p.Environment); err != nil {
				p.Broken = true
				report = append(report, cloudconfig.Problem{
					Pos: cloudconfig.Pos{File: f.Path}, Msg: fmt.Sprintf("cannot read %s: %v", env.Path, err),
				})
			}
		}
		files = append(files, p)
	}
	return files, report
}

// mostRead bounds a file that a definition names, such as an env_file.
const mostRead = 1 << 20

// readerBelow reads files of the machine below root, by their absolute paths.
func readerBelow(root string) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		name = filepath.Join(root, name)
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > mostRead {
			return nil, fmt.Errorf("it is not a file of at most %d bytes", mostRead)
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // read only
		return io.ReadAll(io.LimitReader(f, mostRead))
	}
}

// readerIfThere is [readerBelow] for the check of what may be for another machine,
// or come before the files that it names: one that is not here says nothing.
func readerIfThere(root string) func(name string) ([]byte, error) {
	read := readerBelow(root)
	return func(name string) ([]byte, error) {
		data, err := read(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, nil
		}
		return data, err
	}
}
