package engine

import (
	"context"
	"fmt"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
)

var (
	_ servicectl.Signaller = (*Engine)(nil)
	_ servicectl.Topper    = (*Engine)(nil)
	_ servicectl.PullMeter = (*Engine)(nil)
)

// Signal sends a signal to a container: a name, with or without SIG, or a number.
func (e *Engine) Signal(ctx context.Context, scope compose.Scope, id, signal string) error {
	d, err := e.daemon(scope)
	if err != nil {
		return err
	}
	err = d.api().ContainerKill(ctx, id, signal)
	d.seen.touch(id)
	if err != nil {
		return fmt.Errorf("cannot send %s: %w", signal, daemonError{err})
	}
	return nil
}

// Top lists the processes of a container that runs.
func (e *Engine) Top(ctx context.Context, scope compose.Scope, id string) (servicectl.Processes, error) {
	d, err := e.daemon(scope)
	if err != nil {
		return servicectl.Processes{}, err
	}
	list, err := d.api().ContainerTop(ctx, id, nil)
	if err != nil {
		return servicectl.Processes{}, fmt.Errorf("cannot list the processes: %w", daemonError{err})
	}
	return servicectl.Processes{Titles: list.Titles, Rows: list.Processes}, nil
}
