// Command ros looks at and changes a ros machine; it is also its controller.
package main

import (
	"os"

	"github.com/ros-os/ros/internal/cli"
)

// Set at link time.
var (
	version = "dev"
	compose = "v2.40.3"
)

func main() {
	os.Exit(cli.Main(os.Args, cli.Build{Version: version, Compose: compose}))
}
