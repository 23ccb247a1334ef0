package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/source"
)

// projectFiles are the compose files below root that are projects of their own,
// with their variables.
func projectFiles(root string) ([]compose.ProjectFile, cloudconfig.Report) {
	found, report := source.ComposeFiles(root)
	files := make([]compose.ProjectFile, 0, len(found))
	for _, f := range found {
		p := compose.ProjectFile{
			Path: f.Path, Name: compose.ProjectName(f.Name), Doc: f.Doc, Broken: f.Broken, Environment: map[string]string{},
		}
		for _, env := range f.Env {
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
