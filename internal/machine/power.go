package machine

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Action is how the machine is left.
type Action int

const (
	// PowerOff switches the machine off.
	PowerOff Action = iota
	// Reboot starts the machine again.
	Reboot
	// Halt stops it and leaves the power on.
	Halt
)

// String says what happens.
func (a Action) String() string {
	switch a {
	case PowerOff:
		return "power off"
	case Reboot:
		return "reboot"
	case Halt:
		return "halt"
	}
	return "stop"
}

// command is what reboot(2) is told.
func (a Action) command() int {
	switch a {
	case Reboot:
		return unix.LINUX_REBOOT_CMD_RESTART
	case Halt:
		return unix.LINUX_REBOOT_CMD_HALT
	case PowerOff:
	}
	return unix.LINUX_REBOOT_CMD_POWER_OFF
}

// powerSignals are the signals by which PID 1 is told to leave the machine.
func powerSignals() []os.Signal {
	return []os.Signal{syscall.SIGTERM, syscall.SIGUSR2, syscall.SIGINT, syscall.SIGUSR1}
}

// actionOf is what a signal asks for; ctrl-alt-del is SIGINT.
func actionOf(sig os.Signal) Action {
	switch sig {
	case syscall.SIGINT:
		return Reboot
	case syscall.SIGUSR1:
		return Halt
	default: // SIGTERM and SIGUSR2
		return PowerOff
	}
}
