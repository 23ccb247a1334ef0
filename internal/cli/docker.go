package cli

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// systemDocker becomes the Docker CLI, talking to System Docker. It returns only
// when that fails.
func systemDocker(args []string) error {
	argv := append([]string{"docker", "--host", "unix:///var/run/system-docker.sock"}, args...)
	if err := unix.Exec("/usr/bin/docker", argv, os.Environ()); err != nil {
		return fmt.Errorf("cannot run docker: %w", err)
	}
	return nil
}
