package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// Readiness checks are short: one that does not pass is made again at the next
// observation.
const (
	connectTimeout = 500 * time.Millisecond
	execTimeout    = 2 * time.Second
	// How a command is going is asked this often, at first and at last.
	firstLook = 10 * time.Millisecond
	lastLook  = 200 * time.Millisecond
)

// checkReady sets Ready of the running containers whose services have a check
// of their own that passes. A check that passed is not made again until the
// container is started anew.
func (d *daemon) checkReady(ctx context.Context, found []plan.Container, w wanted) {
	var checks sync.WaitGroup
	defer checks.Wait()
	for i := range found {
		c := &found[i]
		svc := w.services[c.Service]
		if !c.Managed || c.State != plan.Running || !hasOwnCheck(svc.Ready) {
			continue
		}
		if d.seen.hasPassed(*c) {
			c.Ready = true
			continue
		}
		if d.seen.hasStep(*c) {
			continue // the daemon would let the check wait for the step's end
		}
		checks.Go(func() {
			if d.check(ctx, c.ID, svc.Ready) == nil {
				c.Ready = true
				d.seen.pass(*c)
			}
		})
	}
}

// hasOwnCheck says whether a service's readiness is more than what Docker knows.
func hasOwnCheck(r compose.Ready) bool {
	return r.Kind != compose.ReadyRunning && r.Kind != compose.ReadyHealth
}

// check makes one check of a container.
func (d *daemon) check(ctx context.Context, id string, r compose.Ready) error {
	switch r.Kind {
	case compose.ReadyTCP:
		return connect(ctx, "tcp", net.JoinHostPort("127.0.0.1", r.Target))
	case compose.ReadyUnix:
		if d.isSilent(r.Target) {
			return errors.New("the daemon does not answer yet")
		}
		return connect(ctx, "unix", r.Target)
	case compose.ReadyFile:
		_, err := os.Stat(r.Target)
		return err
	case compose.ReadyExec:
		return d.exec(ctx, id, r.Target)
	case compose.ReadyRunning, compose.ReadyHealth:
		return nil
	}
	return fmt.Errorf("there is no readiness check %q", r.Kind)
}

// isSilent says whether a socket is that of a daemon of ours which does not
// answer: dockerd takes connections long before it does.
func (d *daemon) isSilent(socket string) bool {
	return slices.ContainsFunc(d.others, func(o *daemon) bool { return o.socket == socket && !o.seen.isLive() })
}

func connect(ctx context.Context, network, address string) error {
	dialer := net.Dialer{Timeout: connectTimeout}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// exec runs a shell command in a container; its exit status must be 0. A command
// that takes longer than a check may is not run a second time beside itself: the
// next check asks how it ended.
func (d *daemon) exec(ctx context.Context, id, command string) error {
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	exec, begun := d.seen.unfinished(id)
	if !begun {
		created, err := d.api().ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: []string{"/bin/sh", "-c", command}})
		if err != nil {
			return err
		}
		exec = created.ID
		d.seen.begin(id, exec)
		// Not attached: of a connection that is hijacked Docker's client awaits the
		// answer for ever, whatever the context says.
		if err := d.api().ContainerExecStart(ctx, exec, container.ExecStartOptions{Detach: true}); err != nil {
			d.seen.finish(id)
			return err
		}
	}
	done, err := d.awaitExec(ctx, exec)
	if err == nil && done.Running {
		return fmt.Errorf("%q is still running", command)
	}
	d.seen.finish(id)
	if err == nil && done.ExitCode != 0 {
		err = fmt.Errorf("%q: exit status %d", command, done.ExitCode)
	}
	return err
}

// awaitExec asks about a command, more and more seldom, until it has ended or ctx
// has.
func (d *daemon) awaitExec(ctx context.Context, exec string) (done container.ExecInspect, err error) {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		if done, err = d.api().ContainerExecInspect(ctx, exec); err != nil || !done.Running {
			return done, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return done, nil
		}
	}
}
