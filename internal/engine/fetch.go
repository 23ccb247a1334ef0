package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/compose"
)

// load loads a system image, unless the daemon has it.
func (e *Engine) load(ctx context.Context, d *daemon, ref string) error {
	system, ok, err := e.images.lookUp(ref)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the machine has no such image in %s", e.images.dir)
	}
	have, err := d.resolve(ctx, ref)
	if err != nil {
		return err
	}
	if have.id != "" && e.images.current(ref, have) {
		return nil
	}
	if err := d.loadFile(ctx, ref, filepath.Join(e.images.dir, system.File)); err != nil {
		return err
	}
	loaded, err := d.look(ctx, ref)
	if err != nil {
		return err
	}
	if !system.is(loaded) {
		return fmt.Errorf("%s holds image %s, not %s", system.File, cmp.Or(loaded.id, "none"), system.ID)
	}
	return nil
}

func (d *daemon) loadFile(ctx context.Context, ref, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	_, err = d.upload(ctx, ref, file, info.Size())
	return err
}

// upload gives the daemon an archive of images, and returns what it calls them.
// The daemon itself unpacks what is compressed. The progress is told under a name.
func (d *daemon) upload(ctx context.Context, name string, archive io.Reader, size int64) ([]string, error) {
	way, end := d.under.begin(name)
	defer end()
	defer d.seen.touchImages()
	r, err := d.api().ImageLoad(ctx, &meter{Reader: archive, size: size, way: way})
	if err != nil {
		return nil, err
	}
	var loaded []string
	err = messages(r.Body, func(m message) {
		for _, says := range []string{"Loaded image: ", "Loaded image ID: "} {
			if ref, ok := strings.CutPrefix(strings.TrimSpace(m.Stream), says); ok {
				loaded = append(loaded, ref)
			}
		}
	})
	return loaded, err
}

// LoadArchive gives a daemon an archive of images of somebody's, which may be
// compressed, and returns what the images are called. An archive that brings none
// is an error. name is the archive's, for the one who watches the progress.
func (e *Engine) LoadArchive(ctx context.Context, scope compose.Scope, name string, archive io.Reader, size int64) ([]string, error) {
	d, err := e.daemon(scope)
	if err != nil {
		return nil, err
	}
	loaded, err := d.upload(ctx, name, archive, size)
	if err != nil {
		return nil, daemonError{err}
	}
	if len(loaded) == 0 {
		return nil, errors.New("there is no image in it")
	}
	return loaded, nil
}

// DaemonID is the identity of a daemon's data: with other data, it has another.
// It fails while the daemon does not answer.
func (e *Engine) DaemonID(ctx context.Context, scope compose.Scope) (string, error) {
	d, err := e.daemon(scope)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.answer, inspectTimeout))
	defer cancel()
	info, err := d.api().Info(ctx)
	if err != nil {
		return "", daemonError{err}
	}
	return info.ID, nil
}
