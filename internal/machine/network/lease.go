package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// lease is what a DHCP server said, as far as this system uses it.
type lease struct {
	Address     netip.Addr `json:"address"`
	Nameservers []string   `json:"nameservers,omitempty"`
	Search      []string   `json:"search,omitempty"`
	Hostname    string     `json:"hostname,omitempty"`
	NTP         []string   `json:"ntp,omitempty"`
}

// readLease reads the lease of a link from dhcpcd's folder: the server's packet
// as it came. found is false when there is none.
func readLease(dir, name string) (l lease, found bool, err error) {
	path := filepath.Join(dir, name+".lease")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return lease{}, false, nil
	}
	if err != nil {
		return lease{}, false, fmt.Errorf("cannot read the lease of %s: %w", name, err)
	}
	l, err = parseLease(data)
	if err != nil {
		return lease{}, false, fmt.Errorf("cannot read the lease %s: %w", path, err)
	}
	return l, true, nil
}

// parseLease reads a DHCP packet. What comes out goes into files that others
// read line by line, so anything but addresses and plain names is dropped.
func parseLease(packet []byte) (lease, error) {
	p, err := dhcpv4.FromBytes(packet)
	if err != nil {
		return lease{}, err
	}
	address, ok := netip.AddrFromSlice(p.YourIPAddr.To4())
	if !ok {
		return lease{}, errors.New("it gives no address")
	}
	l := lease{
		Address: address, Nameservers: addresses(p.DNS()), NTP: addresses(p.NTPServers()),
		Hostname: plainName(p.HostName()),
	}
	if search := p.DomainSearch(); search != nil {
		l.Search = plainNames(search.Labels)
	}
	if len(l.Search) == 0 {
		l.Search = plainNames(strings.Fields(p.DomainName()))
	}
	return l, nil
}

func addresses(ips []net.IP) []string {
	var out []string
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip.To4()); ok && !a.IsUnspecified() {
			out = append(out, a.String())
		}
	}
	return out
}

func plainNames(names []string) []string {
	var out []string
	for _, name := range names {
		if name = plainName(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// plainName is a DNS name, or nothing.
func plainName(name string) string {
	name = strings.TrimRight(name, ".\x00")
	if len(name) > 253 {
		return ""
	}
	for _, r := range name {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
		if !plain {
			return ""
		}
	}
	return name
}
