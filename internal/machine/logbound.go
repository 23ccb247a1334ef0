package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/sirupsen/logrus"
)

// logPause is how often logs are looked at.
const logPause = time.Minute

// boundLogs keeps the logs of PID 1's processes from growing without end, until
// ctx ends: System Docker and the controller run for months.
func (b *Boot) boundLogs(ctx context.Context) {
	tick := time.NewTicker(logPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, l := range []*logFile{b.dockerLog, b.controlLog} {
			if err := l.bound(); err != nil {
				logrus.WithField("err", err).Warn("a long log cannot be put aside")
			}
		}
	}
}

// bound puts a log aside that is too long while its process runs. The process
// keeps the file, and appends to it: what is in there is copied to PATH.1, and
// the file emptied. What is written in between is lost.
func (l *logFile) bound() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	info, err := l.file.Stat()
	if err != nil || info.Size() < maxLog {
		return err
	}
	if err := putAside(l.path, l.path+".1"); err != nil {
		return err
	}
	return l.file.Truncate(0)
}

// putAside replaces a file by the content of another one, in one instant.
func putAside(from, to string) error {
	tmp := to + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := copyFile(from, tmp)
	if err == nil {
		err = os.Rename(tmp, to)
	}
	if err != nil {
		_ = os.Remove(tmp) // half of it would only take room
		return fmt.Errorf("cannot copy %s: %w", from, err)
	}
	return os.Chmod(to, 0o640)
}
