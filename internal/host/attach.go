package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// detachKey leaves the console: ctrl and ].
const detachKey = 0x1d

// Attach joins a terminal to the machine's console until the detach key or the
// machine's end, or until ctx ends.
func (m *Machine) Attach(ctx context.Context, in *os.File, out io.Writer) error {
	if _, err := m.running(); err != nil {
		return err
	}
	conn, err := dialUnix(m.path("console.sock"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if term.IsTerminal(int(in.Fd())) {
		before, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return fmt.Errorf("cannot prepare the terminal: %w", err)
		}
		defer func() { _ = term.Restore(int(in.Fd()), before) }()
	}
	over := make(chan error, 2)
	go func() {
		_, err := io.Copy(out, conn)
		over <- err
	}()
	go func() {
		err := typeUntilDetach(conn, in)
		if errors.Is(err, io.EOF) {
			return // no more input, but still output
		}
		over <- err
	}()
	select {
	case err := <-over:
		if err != nil {
			return fmt.Errorf("cannot stay at the console: %w", err)
		}
	case <-ctx.Done():
	}
	return nil
}

// typeUntilDetach copies until the detach key (nil) or the end of the input
// (io.EOF).
func typeUntilDetach(to io.Writer, from io.Reader) error {
	buf := make([]byte, 1024)
	for {
		n, err := from.Read(buf)
		before, _, detach := bytes.Cut(buf[:n], []byte{detachKey})
		if _, err := to.Write(before); err != nil {
			return err
		}
		if detach {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Follow copies a log to out, and then what is added to it, until ctx ends.
// A log that begins anew is followed from its beginning.
func Follow(ctx context.Context, path string, out io.Writer) error {
	var at int64
	for ctx.Err() == nil {
		n, err := copyFrom(path, at, out)
		if err != nil {
			return err
		}
		at = n
		_ = pause(ctx, 200*time.Millisecond) // the loop looks at ctx itself
	}
	return nil
}

func copyFrom(path string, at int64, out io.Writer) (int64, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read the log: %w", err)
	}
	defer func() { _ = f.Close() }()
	if about, err := f.Stat(); err == nil && about.Size() < at {
		at = 0
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return 0, fmt.Errorf("cannot read the log: %w", err)
	}
	n, err := io.Copy(out, f)
	if err != nil {
		return 0, fmt.Errorf("cannot show the log: %w", err)
	}
	return at + n, nil
}

// Show copies a log to out as it is now.
func Show(path string, out io.Writer) error {
	_, err := copyFrom(path, 0, out)
	return err
}
