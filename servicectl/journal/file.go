package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// file is where a journal outlives its process: lines of JSON, appended. When it
// is full it is set aside in place of what was set aside before, so the two
// together are bounded.
type file struct {
	path string
	most int64

	mu      sync.Mutex // guards what follows, also while the disk is waited for
	f       *os.File   // nil: not open
	size    int64      // of the whole lines in it
	written uint64     // number of the last event that was written
	synced  uint64     // number of the last event that the disk has
}

// aside is where the older lines are.
func (f *file) aside() string { return f.path + ".old" }

// read is what the files hold, oldest first. It opens nothing.
func (f *file) read() ([]Event, error) {
	var data []byte
	var errs error
	for _, path := range []string{f.aside(), f.path} {
		part, err := f.readOne(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, fmt.Errorf("cannot read the journal: %w", err))
		}
		if n := len(part); n > 0 && part[n-1] != '\n' {
			part = append(part, '\n')
		}
		data = append(data, part...)
	}
	return parse(data), errs
}

// readOne reads no more of a file than there should be in it.
func (f *file) readOne(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(in, 2*f.most))
	return data, errors.Join(err, in.Close())
}

// write appends what take returns, unless another writer has done so up to an
// event; durably: and waits for the disk. What cannot be written is given back.
func (f *file) write(take func() []Event, giveBack func([]Event), until uint64, durably bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.written < until {
		events := take()
		if err := f.append(events); err != nil {
			giveBack(events)
			return err
		}
	}
	if !durably || f.synced >= until || f.f == nil {
		return nil
	}
	if err := unix.Fdatasync(int(f.f.Fd())); err != nil {
		return fmt.Errorf("cannot sync the journal: %w", err)
	}
	f.synced = f.written
	return nil
}

// append writes events in one go, and takes back what became of it when that
// fails. The caller holds the mutex.
func (f *file) append(events []Event) error {
	if len(events) == 0 {
		return nil
	}
	var data []byte
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("cannot encode an event: %w", err)
		}
		data = append(append(data, line...), '\n')
	}
	if err := f.ready(int64(len(data))); err != nil {
		return err
	}
	if _, err := f.f.Write(data); err != nil {
		// Half a line would spoil the next one. Opening it again cuts off the rest,
		// and finds the file that is there by then.
		err = errors.Join(fmt.Errorf("cannot write the journal: %w", err), f.f.Close())
		f.f = nil
		return err
	}
	f.size += int64(len(data))
	f.written = events[len(events)-1].Number
	return nil
}

// ready opens the file, with room for some bytes more.
func (f *file) ready(more int64) error {
	if f.f == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.size == 0 || f.size+more <= f.most {
		return nil
	}
	err := errors.Join(f.f.Close(), os.Rename(f.path, f.aside()))
	f.f = nil
	if err != nil {
		return fmt.Errorf("cannot set the journal aside: %w", err)
	}
	return f.open()
}

// open opens the file for appending, behind the last whole line.
func (f *file) open() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return fmt.Errorf("cannot make room for the journal: %w", err)
	}
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the journal: %w", err)
	}
	if f.size, err = cutToLines(file); err != nil {
		return errors.Join(fmt.Errorf("cannot open the journal: %w", err), file.Close())
	}
	f.f = file
	return nil
}

// cutToLines cuts off what follows the last whole line, and returns the size.
func cutToLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	var one [1]byte
	for ; size > 0; size-- {
		if _, err := f.ReadAt(one[:], size-1); err != nil {
			return 0, err
		}
		if one[0] == '\n' {
			break
		}
	}
	if size == info.Size() {
		return size, nil
	}
	return size, f.Truncate(size)
}

// close closes the file; the next write opens it again.
func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}
