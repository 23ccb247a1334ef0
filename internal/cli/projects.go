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

// buildProject makes the project of a configuration and of the compose files below
// root. In the place of one that is bad its last good copy is used, where that is
// not bad, too. report has what was found while all that was read, and comes back
// with the problems of what is written, which say so.
func buildProject(
	root string, cfg cloudconfig.Config, o compose.Options, found []source.ComposeFile, report cloudconfig.Report,
) (compose.Project, cloudconfig.Report) {
	files, unread := projectFiles(found)
	o.Files = files
	project, problems := compose.Build(cfg, o)
	report = slices.Concat(report, unread, problems)
	for good := lastGood(root, found, project.BrokenFiles); len(good) > 0; {
		o.Files = instead(files, good)
		again, _ := compose.Build(cfg, o)
		useless := 0
		for _, file := range again.BrokenFiles {
			if _, used := good[file]; used {
				delete(good, file)
				useless++
			}
		}
		if useless == 0 {
			// What is not in the copies may be meant by what is written.
			again.BrokenFiles = project.BrokenFiles
			return again, tellGood(report, good)
		}
	}
	return project, report
}

// goodFile is the last good copy of a compose file.
type goodFile struct {
	compose.ProjectFile
	kept time.Time
}

// lastGood are the good copies of those files that are broken, by path.
func lastGood(root string, found []source.ComposeFile, broken []string) map[string]goodFile {
	good := map[string]goodFile{}
	for _, f := range found {
		if !slices.Contains(broken, f.Path) {
			continue
		}
		if p, kept, ok := f.LastGood(root); ok {
			files, _ := projectFiles([]source.ComposeFile{p}) // one that is no good breaks the project
			good[f.Path] = goodFile{files[0], kept}
		}
	}
	return good
}

// instead puts good copies into the places of files.
func instead(files []compose.ProjectFile, good map[string]goodFile) []compose.ProjectFile {
	files = slices.Clone(files)
	for i, f := range files {
		if g, ok := good[f.Path]; ok {
			files[i] = g.ProjectFile
		}
	}
	return files
}

// tellGood says which copies are used, each with the first error of its file.
func tellGood(report cloudconfig.Report, good map[string]goodFile) cloudconfig.Report {
	report = report.Sorted()
	for _, file := range slices.Sorted(maps.Keys(good)) {
		note := source.CopyNote(good[file].kept)
		first := slices.IndexFunc(report, func(p cloudconfig.Problem) bool {
			return p.Severity == cloudconfig.Error && p.Pos.File == file
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
