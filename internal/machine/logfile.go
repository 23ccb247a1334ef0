package machine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
)

// maxLog is the size over which a log is put aside when its process starts.
const maxLog = 8 << 20

// logFile is the output of one process of PID 1.
type logFile struct {
	path string

	mu   sync.Mutex // guards file
	file *os.File
}

// open returns the file to write to. A log that is too long becomes PATH.1. When
// the file cannot be opened, the output goes to the console: that must not keep
// a process from starting.
func (l *logFile) open() *os.File {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		if info, err := l.file.Stat(); err == nil && info.Size() < maxLog {
			return l.file
		}
		_ = l.file.Close() // its reader, the process that ended, is gone
		l.file = nil
	}
	if info, err := os.Stat(l.path); err == nil && info.Size() >= maxLog {
		if err := os.Rename(l.path, l.path+".1"); err != nil {
			logrus.WithField("err", err).Warn("a long log cannot be put aside")
		}
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return os.Stderr
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		logrus.WithField("err", err).Warn("a log cannot be written; it goes to the console")
		return os.Stderr
	}
	l.file = f
	return f
}

// close lets go of the file, so that its file system can be unmounted.
func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close() // what was written was written by others
		l.file = nil
	}
}

// tail returns the last lines of the log.
func (l *logFile) tail(lines int) string {
	text, err := tailOf(l.path, lines)
	if err != nil {
		return fmt.Sprintf("(cannot read %s: %v)", l.path, err)
	}
	return text
}

func tailOf(path string, lines int) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // read only
	const enough = 16 << 10
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		if _, err := f.Seek(max(0, end-enough), io.SeekStart); err != nil {
			return "", err
		}
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return "", err
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n"), nil
}
