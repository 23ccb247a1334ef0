package datasource

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// address is user-data at one place: all that there is.
type address struct {
	shown string
	fetch func(ctx context.Context) ([]byte, error)
}

// Fetch gets the user-data.
func (a *address) Fetch(ctx context.Context) (source.Seed, error) {
	data, err := a.fetch(ctx)
	if errors.Is(err, errAbsent) {
		// Somebody named it: it may come yet.
		return source.Seed{}, fmt.Errorf("%s: %w", a.shown, err)
	}
	return source.Seed{UserData: data}, err
}

func (w *web) address(text string) *address {
	return &address{
		shown: source.ShownURL(text),
		fetch: func(ctx context.Context) ([]byte, error) { return w.get(ctx, text, nil) },
	}
}

func openURL(o opening) (Datasource, error) {
	if o.arg == "" {
		return nil, errors.New("it needs an address: url:https://…")
	}
	return o.web.address(o.arg), nil
}

// openCmdline is the address that the kernel command line names; the last counts.
func openCmdline(o opening) (Datasource, error) {
	found := ""
	for _, w := range strings.Fields(o.cmdline) {
		w = strings.Trim(w, `"'`)
		for _, key := range []string{"cloud-config-url=", "cloud_config_url="} {
			if value, ok := strings.CutPrefix(w, key); ok {
				found = strings.Trim(value, `"'`)
			}
		}
	}
	if found == "" {
		return nil, errors.New("there is no cloud-config-url= on the kernel command line")
	}
	return o.web.address(found), nil
}

func openFile(o opening) (Datasource, error) {
	path := strings.TrimPrefix(o.arg, "file://")
	if !filepath.IsAbs(path) {
		return nil, errors.New("it needs a path: file:/media/user-data")
	}
	return &address{shown: path, fetch: func(context.Context) ([]byte, error) {
		return readFile(filepath.Join(o.root, path))
	}}, nil
}

// configDrive is a config drive that somebody has mounted; those on disks are
// read by PID 1.
type configDrive struct{ dir string }

func openConfigDrive(o opening) (Datasource, error) {
	return &configDrive{dir: filepath.Join(o.root, firstOf(o.arg, "/media/config-2"))}, nil
}

// Fetch reads the folder.
func (c *configDrive) Fetch(context.Context) (source.Seed, error) {
	s, err := source.ReadSeed(c.dir)
	if errors.Is(err, source.ErrNoSeed) {
		return s, ErrNothing
	}
	return s, err
}
