package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/moby/sys/signal"

	"github.com/ros-os/ros/compose"
)

// restoreTimeout is how long giving a container its restart policy back may take.
const restoreTimeout = 10 * time.Second

// StopAll stops all running containers of a daemon, all at the same time, for
// the machine to go down: containers whose restart policy says so are started
// again when the daemon is. Containers that do not end in the grace time are
// killed.
func (e *Engine) StopAll(ctx context.Context, scope compose.Scope, grace time.Duration) error {
	d, err := e.daemon(scope)
	if err != nil {
		return err
	}
	running, err := d.api().ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return fmt.Errorf("cannot list containers: %w", daemonError{err})
	}
	errs := make([]error, len(running))
	var stops sync.WaitGroup
	for i, s := range running {
		stops.Go(func() {
			if err := d.takeDown(ctx, s.ID, grace); err != nil {
				errs[i] = fmt.Errorf("cannot stop %s: %w", name(s.Names), daemonError{err})
			}
			d.seen.touch(s.ID)
		})
	}
	stops.Wait()
	return errors.Join(errs...)
}

// takeDown stops one container. Docker would not start a container of policy
// "unless-stopped" again that it was told to stop: such a one is ended by its
// signal, with a policy for that time by which it stays down.
func (d *daemon) takeDown(ctx context.Context, id string, grace time.Duration) error {
	r, err := d.api().ContainerInspect(ctx, id)
	if err != nil {
		return err
	}
	policy := r.HostConfig.RestartPolicy
	if !policy.IsUnlessStopped() || r.State.Paused {
		return d.stop(ctx, id, grace)
	}
	main, err := mainProcess(r)
	if err != nil {
		return d.stop(ctx, id, grace)
	}
	defer main.Release() //nolint:errcheck // it is not waited for
	if err := d.setRestart(ctx, id, container.RestartPolicy{Name: container.RestartPolicyDisabled}); err != nil {
		return err
	}
	ended := d.end(ctx, id, main, stopSignal(r), grace)
	restore, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTimeout)
	defer cancel()
	return errors.Join(ended, d.setRestart(restore, id, policy))
}

// end sends the container's process its stop signal and waits for the container
// to end, by force after the grace time.
func (d *daemon) end(ctx context.Context, id string, main *os.Process, stop syscall.Signal, grace time.Duration) error {
	done, failed := d.api().ContainerWait(ctx, id, container.WaitConditionNotRunning)
	if err := main.Signal(stop); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	patience := time.NewTimer(grace)
	defer patience.Stop()
	for {
		select {
		case <-done:
			return nil
		case err := <-failed:
			return err
		case <-patience.C:
			if err := main.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return err
			}
		}
	}
}

func (d *daemon) setRestart(ctx context.Context, id string, policy container.RestartPolicy) error {
	_, err := d.api().ContainerUpdate(ctx, id, container.UpdateConfig{RestartPolicy: policy})
	return err
}

// mainProcess is a container's first process, when it can be seen from here.
func mainProcess(r container.InspectResponse) (*os.Process, error) {
	main, err := os.FindProcess(r.State.Pid)
	if err != nil {
		return nil, err
	}
	// The process is held by now: its number cannot become another's.
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", r.State.Pid))
	if err == nil && strings.Contains(string(groups), r.ID) {
		return main, nil
	}
	return nil, errors.Join(err, main.Release(), errors.New("the container's process is not visible"))
}

// stopSignal is the signal by which a container wants to be stopped.
func stopSignal(r container.InspectResponse) syscall.Signal {
	if s, err := signal.ParseSignal(r.Config.StopSignal); err == nil {
		return s
	}
	return syscall.SIGTERM
}
