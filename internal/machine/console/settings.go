package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// SettingsFile is where [Settings] are handed over.
const SettingsFile = "/run/ros/console.json"

// Settings is all that service console needs of the configuration.
type Settings struct {
	SSH SSH `json:"ssh"`
	// Autologin are the terminals on which rancher is logged in without being
	// asked for a password.
	Autologin []string `json:"autologin,omitempty"`
}

// SSH is rancher.ssh.
type SSH struct {
	Disabled      bool   `json:"disabled,omitempty"`
	Port          int    `json:"port,omitempty"` // 0 is 22
	ListenAddress string `json:"listen_address,omitempty"`
	// HostKeys are keys of the configuration: "ed25519" is a private key in
	// PEM, "ed25519-pub" its public one, "ed25519-cert" its certificate; the same for "rsa" and "ecdsa".
	HostKeys map[string]string `json:"host_keys,omitempty"`
	// KeyTypes are the kinds of host keys to have besides; ed25519 when empty.
	KeyTypes []string `json:"key_types,omitempty"`
	// Instance is which machine this is: keys that were made for another one, such
	// as that from which the disk was copied, are not used. "" is not known.
	Instance string `json:"instance,omitempty"`
	// Users may log in besides rancher and docker.
	Users     []string `json:"users,omitempty"`
	Root      bool     `json:"root,omitempty"`      // root may log in with a key
	Passwords bool     `json:"passwords,omitempty"` // users may log in with a password
}

// readSettings reads what was handed over; without it, the zero Settings are a
// console that works.
func readSettings(path string) (Settings, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("cannot read the console's settings: %w", err)
	}
	var s Settings
	if err := json.Unmarshal(data, &s); err != nil {
		return Settings{}, fmt.Errorf("cannot read the console's settings %s: %w", path, err)
	}
	return s, nil
}
