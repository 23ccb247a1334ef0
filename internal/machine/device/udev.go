package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/supervise"
)

const (
	// UdevReadyFile exists once the devices that were there at boot are set up.
	UdevReadyFile = "/run/ros/udev.ready"

	settleLimit = "30" // seconds
	controlPoll = 20 * time.Millisecond
	stopLimit   = 5 * time.Second
)

// udev is the service udev: its files and programs.
type udev struct {
	udevd, udevadm, control, ready, namespaced string
}

// RunUdev keeps udevd running until ctx ends. It has the kernel tell again of
// the devices that are there, waits once until they are set up, and is ready.
func RunUdev(ctx context.Context) error {
	return udev{
		udevd: "/usr/lib/systemd/systemd-udevd", udevadm: "udevadm", control: "/run/udev/control",
		ready: UdevReadyFile, namespaced: namespacedFile,
	}.run(ctx)
}

func (u udev) run(ctx context.Context) (err error) {
	if err := markEnded(u.ready); err != nil { // of a run that was killed
		return err
	}
	defer func() { err = errors.Join(err, markEnded(u.ready)) }()
	if exists(u.namespaced) {
		if err := markReady(u.ready); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	set := supervise.NewSet(supervise.Direct{})
	defer func() { err = errors.Join(err, stopSet(ctx, set)) }()
	if err := set.Keep(ctx, []supervise.Program{{Name: "udevd", Argv: []string{u.udevd}}}); err != nil {
		return err
	}
	if err := u.coldplug(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if err := markReady(u.ready); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// inert are subsystems whose devices have neither a driver nor a rule: a quarter
// of what a small machine has.
var inert = []string{
	"memory", "workqueue", "wakeup", "bdi", "event_source", "clockevents", "clocksource",
	"ata_port", "ata_link", "ata_device",
}

// coldplug sets up the devices that were there before udevd.
func (u udev) coldplug(ctx context.Context) error {
	if err := waitFor(ctx, u.control); err != nil {
		return fmt.Errorf("cannot wait for udevd: %w", err)
	}
	devices := []string{"trigger", "--type=devices", "--action=add"}
	for _, subsystem := range inert {
		devices = append(devices, "--subsystem-nomatch="+subsystem)
	}
	for _, args := range [][]string{{"trigger", "--type=subsystems", "--action=add"}, devices} {
		if err := u.adm(ctx, args...); err != nil {
			return fmt.Errorf("cannot set up the devices: %w", err)
		}
	}
	if err := u.adm(ctx, "settle", "--timeout="+settleLimit); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// One slow device must not hold up the machine.
		logrus.WithFields(logrus.Fields{"service": "udev", "err": err}).Warn("some devices are not set up yet")
	}
	return nil
}

func (u udev) adm(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, u.udevadm, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot run udevadm %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// waitFor waits until a path exists.
func waitFor(ctx context.Context, path string) error {
	tick := time.NewTicker(controlPoll)
	defer tick.Stop()
	for !exists(path) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func stopSet(ctx context.Context, set *supervise.Set) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	return set.Stop(ctx)
}
