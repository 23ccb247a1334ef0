package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// nsGuest runs a machine in namespaces. Its supervisor is born in mount and
// network namespaces of its own: the switch that the machine's interfaces hang
// on lives in the latter, so the host sees neither mounts nor interfaces, and
// both end with the supervisor.
type nsGuest struct {
	machine *Machine
	log     *logrus.Logger
	groups  groups
	console *consoleHub
	network *network
	main    Process
	exited  chan ending // one value per boot, from the thread that started it
}

// namespaceFlags make the namespaces of the supervisor.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWNET

// machineFlags make the namespaces of the machine. Its cgroup namespace is
// made by [EnterMachine], for it takes the group the process is in at that
// time as its root.
const machineFlags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

func newNSGuest(ctx context.Context, m *Machine, log *logrus.Logger) (*nsGuest, error) {
	// Mounts of the supervisor stay its own; what the host unmounts goes here too.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return nil, fmt.Errorf("cannot detach from the host's mounts: %w", err)
	}
	hierarchies, err := hostHierarchies()
	if err != nil {
		return nil, err
	}
	g := &nsGuest{machine: m, log: log, groups: groups{hierarchies, m.group()}, exited: make(chan ending, 1)}
	if g.console, err = openConsoleHub(m.path("console.sock"), m.ConsoleLog()); err != nil {
		return nil, err
	}
	if g.network, err = openNetwork(ctx, &m.Spec, log); err != nil {
		return nil, errors.Join(err, g.console.close())
	}
	return g, nil
}

func (g *nsGuest) start(_ context.Context) (Process, error) {
	if err := g.groups.create(); err != nil {
		return Process{}, err
	}
	ready, begin, err := os.Pipe()
	if err != nil {
		return Process{}, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer func() { _ = begin.Close() }()
	cmd := exec.Command("/proc/self/exe", "__enter", g.machine.dir) //nolint:noctx // lives until [nsGuest.cut]
	cmd.Env = machineEnv()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = g.console.terminal, g.console.terminal, g.console.terminal
	cmd.ExtraFiles = []*os.File{ready}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: machineFlags, Pdeathsig: unix.SIGKILL}
	err = spawn(cmd, g.exited)
	_ = ready.Close()
	if err != nil {
		return Process{}, fmt.Errorf("cannot start machine %q in namespaces: %w", g.machine.Spec.Name, err)
	}
	if err := g.admit(cmd.Process.Pid, begin); err != nil {
		_ = cmd.Process.Kill()
		<-g.exited
		return Process{}, errors.Join(err, g.groups.remove())
	}
	return g.main, nil
}

// admit gives the new process its groups and interfaces, then lets it go on.
func (g *nsGuest) admit(pid int, begin *os.File) (err error) {
	if g.main, err = identify(pid); err != nil {
		return err
	}
	if err := g.groups.add(pid); err != nil {
		return err
	}
	unplugged, err := g.machine.unplugged()
	if err != nil {
		return err
	}
	if err := g.network.plug(pid, unplugged); err != nil {
		return err
	}
	if _, err := begin.Write([]byte("go")); err != nil {
		return fmt.Errorf("cannot start PID 1: %w", err)
	}
	return nil
}

// wait reads from PID 1's end what reboot(2) asked for: the kernel turns a
// restart into SIGHUP and any kind of halt into SIGINT.
func (g *nsGuest) wait() (outcome, error) {
	err := (<-g.exited).err
	cleaning := g.groups.remove()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			switch status.Signal() {
			case unix.SIGHUP:
				return restarted, cleaning
			case unix.SIGINT:
				return poweredOff, cleaning
			default: // reboot(2) sends no other
			}
		}
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	return died, errors.Join(fmt.Errorf("PID 1 ended: %w", err), cleaning)
}

func (g *nsGuest) powerOff() error { return g.main.signal(unix.SIGTERM) }
func (g *nsGuest) reboot() error   { return g.main.signal(unix.SIGINT) }
func (g *nsGuest) cut() error      { return g.main.signal(unix.SIGKILL) }

func (g *nsGuest) close() error {
	return errors.Join(g.network.close(), g.console.close(), g.groups.remove())
}

func machineEnv() []string {
	return []string{
		"container=ros", "TERM=linux", "HOME=/",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
}
