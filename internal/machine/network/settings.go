package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ros-os/ros/cloudconfig"
)

// SettingsFile is where [Settings] are handed over.
const SettingsFile = "/run/ros/network/settings.json"

// Settings is all that service network needs of the configuration.
type Settings struct {
	// Hostname is sent to DHCP servers.
	Hostname string `json:"hostname,omitempty"`
	// HostnameSet says that the user chose the host name; otherwise a name that
	// DHCP gives is passed on.
	HostnameSet bool `json:"hostname_set,omitempty"`
	// Network is rancher.network, with its DHCP time-out filled in.
	Network cloudconfig.Network `json:"network"`
	// FallbackDNS is used when neither the user nor DHCP named a server.
	FallbackDNS cloudconfig.DNS `json:"fallback_dns"`
}

// readSettings reads what was handed over; found is false while nothing was.
func readSettings(path string) (s Settings, found bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, false, nil
	}
	if err != nil {
		return Settings{}, false, fmt.Errorf("cannot read the network settings: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return Settings{}, false, fmt.Errorf("cannot read the network settings %s: %w", path, err)
	}
	return s, true, nil
}

// interfaces are the configured ones, or the default: DHCP wherever a cable may
// be plugged in.
func (s Settings) interfaces() map[string]cloudconfig.Interface {
	if len(s.Network.Interfaces) > 0 {
		return s.Network.Interfaces
	}
	return map[string]cloudconfig.Interface{"eth*": {DHCP: true}, "en*": {DHCP: true}}
}
