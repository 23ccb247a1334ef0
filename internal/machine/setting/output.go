package setting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/google/renameio/v2"
	"github.com/sirupsen/logrus"
)

// logOutput adds to the log of what the configuration's commands say.
func (m *Machine) logOutput(text string) error {
	f, err := m.openOutput()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // Sync has said whether it was written
	if _, err := f.WriteString(text); err != nil {
		return fmt.Errorf("cannot write to %s: %w", outputFile, err)
	}
	return f.Sync()
}

// outputFile has what commands said, and passwords that were made by chance.
const outputFile = "/var/log/cloud-init-output.log"

func (m *Machine) openOutput() (*os.File, error) {
	if err := makeFolder(m.path("/var/log")); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", outputFile, err)
	}
	f, err := os.OpenFile(m.path(outputFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", outputFile, err)
	}
	return f, nil
}

const (
	// largestOutput is the size over which the log is put aside.
	largestOutput = 8 << 20
	// The log is looked at more and more seldom while nothing is added to it.
	firstLook, lastLook = time.Second, time.Minute
)

// boundOutput keeps the log from growing without end, until ctx ends: a command, and
// what it leaves behind, may say more than the disk holds.
func (m *Machine) boundOutput(ctx context.Context) {
	timer := time.NewTimer(m.late.look)
	defer timer.Stop()
	var last int64
	for pause := m.late.look; ; timer.Reset(pause) {
		select {
		case <-ctx.Done():
			return
		case <-m.late.speaks:
			pause = m.late.look
			continue
		case <-timer.C:
		}
		size, err := m.putOutputAside()
		if err != nil {
			logrus.WithFields(logrus.Fields{"phase": "apply", "err": err}).Warn("a long log cannot be put aside")
		}
		if pause = min(2*pause, lastLook); size != last {
			last, pause = size, m.late.look
		}
	}
}

// putOutputAside keeps the end of a log that is too long beside it, and empties it:
// who writes to it goes on at its beginning. What is written in between is lost.
func (m *Machine) putOutputAside() (size int64, err error) {
	path := m.path(outputFile)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it is only made shorter through it
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if st.Size() <= largestOutput {
		return st.Size(), nil
	}
	aside, err := renameio.NewPendingFile(path+".1", renameio.WithStaticPermissions(0o600))
	if err != nil {
		return 0, err
	}
	defer func() { _ = aside.Cleanup() }() // does nothing after a success
	if _, err := io.Copy(aside, io.NewSectionReader(f, st.Size()-largestOutput, largestOutput)); err != nil {
		return 0, err
	}
	if err := aside.CloseAtomicallyReplace(); err != nil {
		return 0, err
	}
	return 0, f.Truncate(0)
}
