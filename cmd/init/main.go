// Command init is PID 1 of the machine: it boots it, keeps System Docker and the
// controller running, and takes it down.
package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/machine"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "usage: init is started by the kernel, as process 1; to leave the machine use reboot, poweroff or halt")
		os.Exit(1)
	}
	if len(os.Args) > 1 {
		// The kernel hands over what stands behind "--" on its command line, and
		// everybody can read a process's arguments.
		_ = syscall.Exec(os.Args[0], os.Args[:1], os.Environ()) // else it boots with them
	}
	boot := machine.NewBoot(os.Getenv("container") == "ros")
	logrus.SetFormatter(machine.ConsoleFormat{Clock: boot.Clock})
	if err := boot.Run(context.Background()); err != nil {
		logrus.Error(err)
	}
	if !boot.Namespaced {
		select {} // the kernel panics when PID 1 exits
	}
	os.Exit(1)
}
