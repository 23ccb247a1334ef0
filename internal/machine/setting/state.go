package setting

import (
	"encoding/json"
	"fmt"

	"github.com/ros-os/ros/internal/machine/account"
)

const (
	// stateFile remembers, for one boot, what this package made, so that it can
	// be taken back, and only it.
	stateFile = "/run/ros/setting.json"
	// numbersFile remembers, over boots, the numbers that users were given:
	// their files on the state disk keep them.
	numbersFile = "/var/lib/rancher/users.json"
)

// state is what was made since the machine booted.
type state struct {
	// Users were made, or changed, and are no longer what the image says.
	Users []string `json:"users,omitempty"`
	// Before has what users who were there already were before they were changed, by
	// name.
	Before map[string]account.User `json:"before,omitempty"`
	// Members are users that were put into groups, by group.
	Members map[string][]string `json:"members,omitempty"`
	// Passwords are the hashes that were set, by user.
	Passwords map[string]string `json:"passwords,omitempty"`
	// Sysctl has what kernel settings were before they were set, by their files.
	Sysctl map[string]string `json:"sysctl,omitempty"`
	// Locale is the file that the language was written to.
	Locale string `json:"locale,omitempty"`
	// Once are users who have the password that is kept for the instance.
	Once []string `json:"once,omitempty"`

	saved string // as it was read
}

// readState reads what was made before; what cannot be read is as if it were not
// there: then nothing is taken back.
func (m *Machine) readState() *state {
	s := &state{}
	text, err := m.read(stateFile)
	if err == nil && text != "" {
		if err := json.Unmarshal([]byte(text), s); err != nil {
			s = &state{}
		}
	}
	if s.Members == nil {
		s.Members = map[string][]string{}
	}
	if s.Before == nil {
		s.Before = map[string]account.User{}
	}
	if s.Sysctl == nil {
		s.Sysctl = map[string]string{}
	}
	if s.Passwords == nil {
		s.Passwords = map[string]string{}
	}
	s.saved = text
	return s
}

func (s *state) save(m *Machine) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot remember what was set: %w", err)
	}
	if text := string(data) + "\n"; text != s.saved {
		return m.writeSecret(stateFile, []byte(text))
	}
	return nil
}
