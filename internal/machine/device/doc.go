// Package device is the mains of the services "udev" and "ntp": they keep the
// device manager and the clock daemon running, and leave the devices and the
// clock of the host alone on a machine in namespaces.
//
// It knows udevd and chronyd. It reads no configuration of the machine.
package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// namespacedFile exists on a machine in namespaces.
const namespacedFile = "/run/ros/public/namespaced"

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// markReady makes a ready file.
func markReady(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot tell that the service is ready: %w", err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return fmt.Errorf("cannot tell that the service is ready: %w", err)
	}
	return nil
}

// markEnded removes a ready file.
func markEnded(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot tell that the service has ended: %w", err)
	}
	return nil
}
