package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
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
	mediaPoll                                  string        // milliseconds; 0 is never
	processors                                 time.Duration // after all other devices
}

// RunUdev keeps udevd running until ctx ends. It has the kernel tell again of
// the devices that are there, waits once until they are set up, and is ready.
func RunUdev(ctx context.Context) error {
	return udev{
		udevd: "/usr/lib/systemd/systemd-udevd", udevadm: "udevadm", control: "/run/udev/control",
		ready: UdevReadyFile, namespaced: namespacedFile,
		mediaPoll: "/sys/module/block/parameters/events_dfl_poll_msecs", processors: 15 * time.Second,
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
	if err := set.Keep(ctx, []supervise.Program{{Name: "udevd", Argv: []string{u.udevd, "--children-max=" + strconv.Itoa(workers())}}}); err != nil {
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
	u.plugProcessors(ctx)
	<-ctx.Done()
	return nil
}

// plugProcessors has the drivers of the processors loaded, a little later. They
// only make ciphers faster, but the kernel starts dozens of modprobes while it
// tries them out, which would keep the services waiting that start meanwhile.
func (u udev) plugProcessors(ctx context.Context) {
	later := time.NewTimer(u.processors)
	defer later.Stop()
	select {
	case <-ctx.Done():
	case <-later.C:
		if err := u.adm(ctx, "trigger", "--action=add", "--subsystem-match="+processors); err != nil && ctx.Err() == nil {
			logrus.WithFields(logrus.Fields{"service": "udev", "err": err}).Warn("ciphers are slower than they could be")
		}
	}
}

// workers is how many devices are set up at once. Starting a worker takes longer
// than most devices do, so that many more than processors make it slower.
func workers() int { return 2 + 2*runtime.NumCPU() }

// processors are the subsystem of the processors.
const processors = "cpu"

// inert are subsystems whose devices have neither a driver nor a rule: a quarter
// of what a small machine has.
var inert = []string{
	"memory", "workqueue", "wakeup", "bdi", "event_source", "clockevents", "clocksource",
	"ata_port", "ata_link", "ata_device",
}

// coldplug sets up the devices that were there before udevd, disks and network
// cards first. Subsystems and modules are not told of: the only rule for them
// that matters here is made up for.
func (u udev) coldplug(ctx context.Context) error {
	if err := waitFor(ctx, u.control); err != nil {
		return fmt.Errorf("cannot wait for udevd: %w", err)
	}
	devices := []string{"trigger", "--type=devices", "--action=add", "--prioritized-subsystem=block,net"}
	for _, subsystem := range append([]string{processors}, inert...) {
		devices = append(devices, "--subsystem-nomatch="+subsystem)
	}
	if err := u.adm(ctx, devices...); err != nil {
		return fmt.Errorf("cannot set up the devices: %w", err)
	}
	u.pollMedia()
	if err := u.adm(ctx, "settle", "--timeout="+settleLimit); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// One slow device must not hold up the machine.
		logrus.WithFields(logrus.Fields{"service": "udev", "err": err}).Warn("some devices are not set up yet")
	}
	return nil
}

// pollMedia has the kernel look for new media in drives that cannot tell.
func (u udev) pollMedia() {
	if never, err := os.ReadFile(u.mediaPoll); err != nil || string(bytes.TrimSpace(never)) != "0" {
		return // there is no such setting, or somebody chose another
	}
	if err := os.WriteFile(u.mediaPoll, []byte("2000"), 0o600); err != nil {
		logrus.WithFields(logrus.Fields{"service": "udev", "err": err}).Warn("new media in a drive may not be seen")
	}
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
