package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// unpluggedFile holds the numbers of the interfaces whose cables are out; there is
// none while all are in.
const unpluggedFile = "unplugged"

// AllCables stands for the cables of all interfaces of a machine.
const AllCables = "all"

// Plug puts the cables of the machine's interfaces in, or takes them out: of those
// that are named, such as eth1, or of all. It stays so over boots.
func (m *Machine) Plug(in bool, names ...string) error {
	nics, err := m.Spec.cables(names)
	if err != nil {
		return err
	}
	if err := m.notePlug(in, nics); err != nil {
		return err
	}
	run, err := m.Run()
	if err != nil || !run.up() {
		return err
	}
	if m.Spec.Kind == VirtualMachine {
		return m.setLinks(nics, in)
	}
	return within(run.Supervisor, func() error { return setPorts(nics, in) })
}

// cables are the numbers of interfaces, of all without a name.
func (s *Spec) cables(names []string) ([]int, error) {
	var known []string
	for nic := range s.NICs {
		known = append(known, nicName(nic))
	}
	if len(names) == 0 {
		names = []string{AllCables}
	}
	var nics []int
	for _, name := range names {
		nic := slices.Index(known, name)
		switch {
		case name == AllCables:
			for nic := range known {
				nics = append(nics, nic)
			}
		case nic < 0:
			return nil, fmt.Errorf("cannot find interface %q of machine %q; it has %s", name, s.Name, strings.Join(known, ", "))
		default:
			nics = append(nics, nic)
		}
	}
	return nics, nil
}

// notePlug keeps what the next boot begins with.
func (m *Machine) notePlug(in bool, nics []int) error {
	out, err := m.unplugged()
	if err != nil {
		return err
	}
	out = slices.DeleteFunc(out, func(nic int) bool { return slices.Contains(nics, nic) })
	if !in {
		out = append(out, nics...)
	}
	path := m.path(unpluggedFile)
	if len(out) > 0 {
		return writeJSON(path, out)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot plug in machine %q: %w", m.Spec.Name, err)
	}
	return nil
}

// unplugged are the interfaces whose cables are out.
func (m *Machine) unplugged() ([]int, error) {
	var out []int
	err := readJSON(m.path(unpluggedFile), &out)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return out, err
}

// setLinks has the emulator show a carrier, or none.
func (m *Machine) setLinks(nics []int, up bool) error {
	var commands []qmpCommand
	for _, nic := range nics {
		commands = append(commands, qmpCommand{
			Execute: "set_link", Arguments: map[string]any{"name": fmt.Sprintf("net%d", nic), "up": up},
		})
	}
	return qmp(m.path("qmp.sock"), commands...)
}

// setPorts raises or lowers the switch's end of cables: the machine's end has a
// carrier, or none.
func setPorts(nics []int, up bool) error {
	set := netlink.LinkSetDown
	if up {
		set = netlink.LinkSetUp
	}
	for _, nic := range nics {
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
