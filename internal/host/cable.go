package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// unpluggedFile exists while the cables of a machine's interfaces are out.
const unpluggedFile = "unplugged"

// Plug puts the cables of the machine's interfaces in, or takes them out. It
// stays so over boots.
func (m *Machine) Plug(in bool) error {
	if err := m.notePlug(in); err != nil {
		return err
	}
	run, err := m.Run()
	if err != nil || !run.up() {
		return err
	}
	if m.Spec.Kind == VirtualMachine {
		return m.setLinks(in)
	}
	return within(run.Supervisor, func() error { return setPorts(&m.Spec, in) })
}

// notePlug keeps what the next boot begins with.
func (m *Machine) notePlug(in bool) error {
	path := m.path(unpluggedFile)
	if !in {
		return writeJSON(path, true)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot plug in machine %q: %w", m.Spec.Name, err)
	}
	return nil
}

// isPlugged says whether the machine's cables are in.
func (m *Machine) isPlugged() bool { return !exists(m.path(unpluggedFile)) }

// setLinks has the emulator show a carrier, or none.
func (m *Machine) setLinks(up bool) error {
	var commands []qmpCommand
	for nic := range m.Spec.NICs {
		commands = append(commands, qmpCommand{
			Execute: "set_link", Arguments: map[string]any{"name": fmt.Sprintf("net%d", nic), "up": up},
		})
	}
	return qmp(m.path("qmp.sock"), commands...)
}

// setPorts raises or lowers the switch's end of every cable: the machine's end
// has a carrier, or none.
func setPorts(spec *Spec, up bool) error {
	set := netlink.LinkSetDown
	if up {
		set = netlink.LinkSetUp
	}
	for nic := range spec.NICs {
		port, err := netlink.LinkByName(portName(nic))
		if err == nil {
			err = set(port)
		}
		if err != nil {
			return fmt.Errorf("cannot plug interface %d: %w", nic, err)
		}
	}
	return nil
}

// within does something in the network namespace of a process, on a thread that
// is thrown away afterwards.
func within(p Process, do func() error) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		failed <- func() error {
			ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", p.PID), unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return fmt.Errorf("cannot find the machine's switch: %w", err)
			}
			defer func() { _ = unix.Close(ns) }()
			if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("cannot reach the machine's switch: %w", err)
			}
			return do()
		}()
	}()
	return <-failed
}
