package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/ros-os/ros/cloudconfig"
)

// SettingsFile is where [Settings] are handed over.
const SettingsFile = "/run/ros/network/settings.json"

const defaultDHCPTimeout = 10 * time.Second

// Settings is all that service network needs of the configuration.
type Settings struct {
	// Hostname is sent to DHCP servers.
	Hostname string `json:"hostname,omitempty"`
	// HostnameSet says that the user chose the host name; otherwise a name that
	// DHCP gives is passed on.
	HostnameSet bool `json:"hostname_set,omitempty"`
	// PreCmds and PostCmds are run before and after all else.
	PreCmds  []string `json:"pre_cmds,omitempty"`
	PostCmds []string `json:"post_cmds,omitempty"`
	// DHCPTimeout is in seconds; 0 is the usual one.
	DHCPTimeout int `json:"dhcp_timeout,omitempty"`
	// Documents are what the sources of the configuration say, the highest first:
	// for each link the first counts that has an entry for it. Without any entry
	// DHCP is asked wherever a cable may be plugged in.
	Documents []Document `json:"documents,omitempty"`
	// DNS is what the user wants, whatever others say.
	DNS cloudconfig.DNS `json:"dns"`
	// FallbackDNS is used when neither the user nor DHCP named a server.
	FallbackDNS cloudconfig.DNS `json:"fallback_dns"`
	// Resolver is what else programs are told about looking up names.
	Resolver Resolver `json:"resolver,omitzero"`
	// Wifi are the wireless networks that links may join.
	Wifi map[string]cloudconfig.Wifi `json:"wifi,omitempty"`
}

// Resolver is what resolv.conf says besides servers and domains.
type Resolver struct {
	Options  []string `json:"options,omitempty"` // "rotate", "timeout:1"
	SortList []string `json:"sortlist,omitempty"`
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

// documents are those that count.
func (s Settings) documents() []Document {
	docs, any := []Document(nil), false
	for _, doc := range s.Documents {
		docs = append(docs, doc)
		any = any || len(doc.Entries) > 0 || doc.Disabled
		if doc.Disabled {
			break
		}
	}
	if any {
		return docs
	}
	dhcp := Link{DHCP: true}
	return append(docs, Document{Source: "default", Entries: []Entry{
		{ID: "en*", Match: Match{Name: "en*"}, Link: dhcp}, {ID: "eth*", Match: Match{Name: "eth*"}, Link: dhcp},
	}})
}

// wantsAddresses says whether any link is to have an address, once it is there.
func (s Settings) wantsAddresses() bool {
	for _, doc := range s.documents() {
		for _, e := range doc.Entries {
			if e.Link.addressed() && e.Match.Name != "lo" {
				return true
			}
		}
	}
	return false
}

func (s Settings) timeout() time.Duration {
	if s.DHCPTimeout <= 0 {
		return defaultDHCPTimeout
	}
	return time.Duration(s.DHCPTimeout) * time.Second
}
