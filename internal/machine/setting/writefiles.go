package setting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/account"
)

// writeFiles makes the files of the configuration, but for those that wait for
// the mounts.
func (p *pass) writeFiles(context.Context) { p.writeAll(false) }

// writeDeferred makes the files with defer, once mounts are there.
func (p *pass) writeDeferred(context.Context) { p.writeAll(true) }

// writeAll writes files. Entries for one path are put together first, so that
// each file is written once and applying them again changes nothing.
func (p *pass) writeAll(deferred bool) {
	texts, err := p.readAccounts()
	if err != nil {
		p.fail(err, "write_files")
		return
	}
	w := fileWriter{pass: p, db: account.Parse(texts), files: map[string]*wantedFile{}}
	for i, f := range p.cfg.WriteFiles {
		if f.Defer != deferred {
			continue
		}
		if err := w.add(i, f); err != nil {
			p.fail(err, "write_files", strconv.Itoa(i))
		}
	}
	for _, name := range w.order {
		w.write(w.files[name])
	}
}

// wantedFile is one file, put together of its entries.
type wantedFile struct {
	file
	index   int  // of its last entry
	appends bool // the data is added to what the file holds
	// What the entry does not say stays as it is in a file that is appended to.
	anyMode, anyOwner bool
}

type fileWriter struct {
	*pass
	db    *account.Database
	files map[string]*wantedFile
	order []string // of their first entries
}

// add puts an entry to those before it.
func (w *fileWriter) add(i int, entry cloudconfig.WriteFile) error {
	if !path.IsAbs(entry.Path) || path.Clean(entry.Path) == "/" {
		return fmt.Errorf("cannot write %q: its path must be absolute", entry.Path)
	}
	data, err := w.dataOf(entry)
	if err != nil || data == nil {
		return err
	}
	mode, err := permissions(entry.Permissions)
	if err != nil {
		return err
	}
	uid, gid, err := os.Getuid(), os.Getgid(), error(nil)
	if entry.Owner != "" {
		if uid, gid, err = w.db.Owner(entry.Owner); err != nil {
			return fmt.Errorf("cannot write %s: %w", entry.Path, err)
		}
	}
	name := entry.HostPath()
	f := &wantedFile{
		file:  file{path: name, data: data, mode: mode, uid: uid, gid: gid},
		index: i, appends: entry.Append,
		anyMode: entry.Permissions == "", anyOwner: entry.Owner == "",
	}
	if entry.Container != "host" && path.Dir(name) == "/" {
		w.warn(fmt.Sprintf("console and User Docker do not see %s", name), "put it in a folder, such as /srv, or say container: host", "write_files", strconv.Itoa(i), "path")
	}
	before, ok := w.files[name]
	if !ok {
		w.order = append(w.order, name)
	} else if f.appends {
		f.data = append(bytes.Clone(before.data), f.data...)
		f.appends = before.appends
		f.inherit(before)
	}
	w.files[name] = f
	return nil
}

// dataOf is what a file is to hold: what its source gave, else its content. It is
// nil while there is neither; then the file waits.
func (w *fileWriter) dataOf(entry cloudconfig.WriteFile) ([]byte, error) {
	if entry.Source.URI != "" {
		if data, ok := w.m.fetched(fetchFile(entry)); ok {
			return append([]byte{}, data...), nil // an empty one is one, too
		}
		if entry.Content == "" {
			return nil, nil
		}
	}
	data, err := content(entry)
	return append([]byte{}, data...), err
}

// inherit takes from the entry before what this one does not say.
func (f *wantedFile) inherit(before *wantedFile) {
	if f.anyMode {
		f.mode, f.anyMode = before.mode, before.anyMode
	}
	if f.anyOwner {
		f.uid, f.gid, f.anyOwner = before.uid, before.gid, before.anyOwner
	}
}

// write writes one file. Data that is appended already is not appended again.
func (w *fileWriter) write(f *wantedFile) {
	at := []string{"write_files", strconv.Itoa(f.index)}
	if f.appends {
		if err := w.appendTo(f); err != nil {
			w.fail(fmt.Errorf("cannot write %s: %w", f.path, err), at...)
			return
		}
	}
	w.putFile(f.file, at...)
}

// appendTo puts what the file holds before the data.
func (w *fileWriter) appendTo(f *wantedFile) error {
	old, err := os.ReadFile(w.m.path(f.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.data = withEnd(old, f.data)
	var st unix.Stat_t
	if err := unix.Stat(w.m.path(f.path), &st); err != nil {
		return err
	}
	if f.anyMode {
		f.mode = st.Mode & 0o7777
	}
	if f.anyOwner {
		f.uid, f.gid = int(st.Uid), int(st.Gid)
	}
	return nil
}

// withEnd is what a file holds with data at its end, unless it has that already.
// Lines begin on a line of their own: else nobody could tell afterwards whether
// they were added.
func withEnd(old, data []byte) []byte {
	lines := bytes.HasSuffix(data, []byte("\n"))
	whole := bytes.Clone(data)
	if !lines {
		whole = append(whole, '\n')
	}
	switch {
	case bytes.HasPrefix(old, whole), bytes.Contains(old, append([]byte("\n"), whole...)),
		!lines && bytes.HasSuffix(old, data):
		return old
	case lines && len(old) > 0 && !bytes.HasSuffix(old, []byte("\n")):
		old = append(old, '\n')
	}
	return append(old, data...)
}
