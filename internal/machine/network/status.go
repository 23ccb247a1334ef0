package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/ros-os/ros/cloudconfig"
)

// The files that service network publishes.
const (
	// ReadyFile exists while the network is up.
	ReadyFile = "/run/ros/network/ready"
	// StatusFile holds a [Status].
	StatusFile = "/run/ros/network/status.json"
)

// Status is what service network tells others.
type Status struct {
	Ready    bool     `json:"ready"`
	Waiting  []string `json:"waiting,omitempty"`  // why it is not ready
	Problems []string `json:"problems,omitempty"` // what could not be made
	// Lasting are those of the problems that another try or two have not mended,
	// such as that of a card whose driver came later.
	Lasting []string `json:"lasting,omitempty"`
	// Lacks is what is not there that the configuration asks for: interfaces, cables,
	// answers.
	Lacks []string `json:"lacks,omitempty"`
	// Hostname is what DHCP gave, when the user chose no name.
	Hostname string          `json:"hostname,omitempty"`
	NTP      []string        `json:"ntp,omitempty"` // time servers that DHCP gave
	DNS      cloudconfig.DNS `json:"dns"`
	Links    []LinkStatus    `json:"links,omitempty"`
	// Begun is what is being given to the links, while steps are made.
	Begun map[string]begun `json:"begun,omitempty"`
	// Last are the steps that were made last, each with its cause.
	Last []Step `json:"last,omitempty"`
}

// LinkStatus is one link that the configuration names.
type LinkStatus struct {
	Name      string   `json:"name"`
	Carrier   bool     `json:"carrier"`
	Addresses []string `json:"addresses,omitempty"`
	DHCP      bool     `json:"dhcp,omitempty"`
	Wifi      string   `json:"wifi,omitempty"` // the wireless network to join
	// Given is what this service gave the link, so that a later run can take it
	// back.
	Given applied `json:"given"`
}

// ReadStatus reads what service network published; the zero Status when it did
// not run yet.
func ReadStatus(path string) (Status, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, nil
	}
	if err != nil {
		return Status{}, fmt.Errorf("cannot read the network's status: %w", err)
	}
	var s Status
	if err := json.Unmarshal(data, &s); err != nil {
		return Status{}, fmt.Errorf("cannot read the network's status %s: %w", path, err)
	}
	return s, nil
}

// publish writes the status, and the ready file after it.
func publish(p paths, s Status) error {
	if err := writeStatus(p.status, s); err != nil {
		return err
	}
	if s.Ready {
		return replace(p.ready, nil)
	}
	return removeFile(p.ready)
}

func writeStatus(path string, s Status) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the network's status: %w", err)
	}
	return replace(path, append(data, '\n'))
}

// replace writes a whole file at once; it does nothing when the file says the
// same already.
func replace(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of %s: %w", path, err)
	}
	if err := renameio.WriteFile(path, data, 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	return nil
}
