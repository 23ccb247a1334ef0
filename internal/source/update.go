package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Change is one change of the user's cloud-config.yml.
type Change struct {
	Author
	// Edit gets what the file holds (nil when there is none) and returns what it
	// should hold; its error leaves the file as it was.
	Edit func(old []byte) ([]byte, error)
	// Try puts the change on trial for that long: unless it is confirmed by
	// then, the file becomes again what it was before the trial. 0 is no trial.
	Try time.Duration
}

// Update changes the user's cloud-config.yml below root. It holds a lock over
// reading and writing, so that two writers never lose each other's change, and
// keeps the old and the new text in the history before it writes the file.
//
// While a change is on trial only another one on trial is taken, and goes back
// to the same text; others get an [OnTrialError].
func Update(root string, c Change) error {
	return desk{root: root, disk: osDisk{}, now: Now()}.update(c)
}

// Current is the text of the user's cloud-config.yml, nil when there is none.
func Current(root string) ([]byte, error) { return desk{root: root}.current() }

// desk is where the user's file is changed.
type desk struct {
	root string
	disk disk
	now  Moment
}

func (d desk) path(p string) string { return filepath.Join(d.root, p) }

func (d desk) current() ([]byte, error) {
	data, err := os.ReadFile(d.path(CloudConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the user's configuration: %w", err)
	}
	return data, nil
}

func (d desk) update(c Change) error {
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	// A trial whose time is up ends now, whether or not the controller runs.
	trial, verdict, err := d.settle()
	if err != nil {
		return err
	}
	if verdict == OnTrial && c.Try == 0 {
		return OnTrialError{Trial: trial, Left: trial.Left(d.now)}
	}
	old, err := d.current()
	if err != nil {
		return err
	}
	text, err := c.Edit(old)
	if err != nil || bytes.Equal(text, old) {
		return err
	}
	before, err := d.remember(old, Entry{Author: c.Author, Text: text})
	if err != nil {
		return err
	}
	if c.Try == 0 {
		before = 0
	} else if before, err = d.begin(trial, before, old, text, c); err != nil {
		return err
	}
	if err := replace(d.disk, d.path(CloudConfigFile), text); err != nil {
		return err
	}
	return d.prune(before)
}

// lock waits until nobody else changes the configuration.
func (d desk) lock() (unlock func(), err error) {
	if err := mkdirs(d.disk, d.path(ConfDir)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.path(ConfDir+"/.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the configuration: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock the configuration: %w", err), f.Close())
	}
	unlock = func() { _ = f.Close() } // closing gives the lock up
	if err := errors.Join(sweep(d.disk, d.path(CloudConfigFile)), sweep(d.disk, d.path(trialFile))); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}
