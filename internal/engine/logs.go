package engine

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
)

// defaultTail is how many lines of a log are copied unless told otherwise.
const defaultTail = 100

// Logs copies what a container wrote to both its outputs, in one stream.
func (e *Engine) Logs(ctx context.Context, scope compose.Scope, id string, o servicectl.LogOptions, w io.Writer) error {
	d, err := e.daemon(scope)
	if err != nil {
		return err
	}
	if err := d.logs(ctx, id, o, w); err != nil {
		return fmt.Errorf("cannot read the log of %s: %w", id, daemonError{err})
	}
	return nil
}

func (d *daemon) logs(ctx context.Context, id string, o servicectl.LogOptions, w io.Writer) error {
	r, err := d.api().ContainerInspect(ctx, id)
	if err != nil {
		return err
	}
	log, err := d.api().ContainerLogs(ctx, id, container.LogsOptions{
		ShowStdout: true,
		ShowStderr: true,
		Follow:     o.Follow,
		Tail:       tail(o.Tail),
		Since:      since(o.Since),
		Timestamps: o.Timestamps,
	})
	if err != nil {
		return err
	}
	defer log.Close()
	if r.Config != nil && r.Config.Tty {
		_, err = io.Copy(w, log)
	} else {
		_, err = stdcopy.StdCopy(w, w, log)
	}
	return err
}

// since is an instant as Docker's client takes it.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func tail(lines int) string {
	switch {
	case lines < 0:
		return "all"
	case lines == 0:
		return strconv.Itoa(defaultTail)
	}
	return strconv.Itoa(lines)
}
