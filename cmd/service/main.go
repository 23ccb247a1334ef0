// Command service is the main of the machine's own services: one small program
// that goes by the name of the service, so that none of them has to load the
// Docker and compose libraries that `ros` is made of. It knows names; what each
// service does is in the packages below internal/machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/machine"
	"github.com/ros-os/ros/internal/machine/console"
	"github.com/ros-os/ros/internal/machine/device"
	"github.com/ros-os/ros/internal/machine/network"
)

// mains are what runs, by the name that the program is called by.
var mains = map[string]func(context.Context) error{
	"console": runConsole,
	"docker":  machine.ExecUserDocker,
	"network": network.Run,
	"ntp":     device.RunNTP,
	"udev":    device.RunUdev,
}

func main() {
	name := filepath.Base(os.Args[0])
	run, ok := mains[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: this program is called by the name of a service of the machine\n", name)
		os.Exit(2)
	}
	logrus.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		logrus.WithField("service", name).Error(err)
		os.Exit(1)
	}
}

// runConsole spares people the mounts of the machine's own services.
func runConsole(ctx context.Context) error {
	if err := machine.Hide(); err != nil {
		logrus.WithFields(logrus.Fields{"service": "console", "err": err}).Warn("df shows more than it should")
	}
	return console.Run(ctx)
}
