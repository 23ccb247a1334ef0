package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// vmGuest runs a machine in QEMU.
type vmGuest struct {
	machine *Machine
	log     *logrus.Logger
	accel   Accel
	sshPort int
	main    Process
	begin   int64 // where this boot begins in the console's log
	exited  chan ending
}

func newVMGuest(ctx context.Context, m *Machine, run *Run, log *logrus.Logger) (*vmGuest, error) {
	home := filepath.Dir(filepath.Dir(m.dir))
	accel, err := chooseAccel(ctx, home, filepath.Join(m.Spec.Image, "vmlinuz"))
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	run.Accel, run.SSHPort = string(accel), port
	return &vmGuest{machine: m, log: log, accel: accel, sshPort: port, exited: make(chan ending, 1)}, nil
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("cannot find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("cannot find a free port: got %s", l.Addr())
	}
	return addr.Port, nil
}

func (g *vmGuest) start(_ context.Context) (Process, error) {
	g.begin = 0
	if about, err := os.Stat(g.machine.ConsoleLog()); err == nil {
		g.begin = about.Size()
	}
	args := qemuArgs(&g.machine.Spec, g.accel, g.sshPort)
	g.log.WithField("args", args).Info(qemuProgram)
	cmd := exec.Command(qemuProgram, args...) //nolint:noctx // lives until [vmGuest.cut]
	cmd.Dir = g.machine.dir
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr // the supervisor's log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
	if err := spawn(cmd, g.exited); err != nil {
		return Process{}, fmt.Errorf("cannot start QEMU: %w", err)
	}
	var err error
	if g.main, err = identify(cmd.Process.Pid); err != nil {
		return g.main, err
	}
	unplugged, err := g.machine.unplugged()
	if err != nil || len(unplugged) == 0 {
		return g.main, err
	}
	return g.main, g.unplug(unplugged)
}

// unplug takes cables out as soon as the emulator listens, long before its
// kernel looks at them.
func (g *vmGuest) unplug(nics []int) error {
	for deadline := time.Now().Add(qmpTime); ; {
		err := g.machine.setLinks(nics, false)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(readyPoll)
	}
}

const faultPoll = 500 * time.Millisecond

// wait returns when QEMU ended, as it does when the machine switches itself
// off. A machine that died of the emulator's fault hangs; it is ended here.
func (g *vmGuest) wait() (outcome, error) {
	var watch faultWatch
	for {
		timer := time.NewTimer(faultPoll)
		select {
		case end := <-g.exited:
			timer.Stop()
			if end.err != nil {
				return died, fmt.Errorf("QEMU ended: %w", end.err)
			}
			return poweredOff, nil
		case <-timer.C:
		}
		if g.accel == TCG && watch.saw(g.newOutput()) {
			err := g.cut()
			<-g.exited
			return emulatorFault, err
		}
	}
}

// newOutput reads what the console showed since the last call.
func (g *vmGuest) newOutput() string {
	f, err := os.Open(g.machine.ConsoleLog())
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.NewSectionReader(f, g.begin, 1<<20))
	if err != nil {
		return ""
	}
	g.begin += int64(len(data))
	return string(data)
}

func (g *vmGuest) powerOff() error {
	return qmp(g.machine.path("qmp.sock"), qmpCommand{Execute: "system_powerdown"})
}

func (g *vmGuest) reboot() error {
	return qmp(g.machine.path("qmp.sock"), ctrlAltDel())
}

func (g *vmGuest) cut() error {
	if err := g.main.signal(unix.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

func (g *vmGuest) close() error { return nil }
