package network

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/sirupsen/logrus"
)

// lease is what a DHCP server said, as far as this system uses it.
type lease struct {
	Address     netip.Addr `json:"address"`
	Nameservers []string   `json:"nameservers,omitempty"`
	Search      []string   `json:"search,omitempty"`
	Hostname    string     `json:"hostname,omitempty"`
	NTP         []string   `json:"ntp,omitempty"`
}

// readLease reads a lease of a link from dhcpcd's folder: the server's packet as
// it came. found is false when there is none, or none that can be understood.
func readLease(path string, parse func([]byte) (lease, error)) (l lease, found bool) {
	data, err := os.ReadFile(path)
	if err == nil {
		l, err = parse(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		logrus.WithFields(logrus.Fields{"service": "network", "err": err}).Debugf("lease %s is not used", path)
	}
	return l, err == nil
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

// parseLease6 reads a reply of DHCPv6 in the same way.
func parseLease6(packet []byte) (lease, error) {
	p, err := dhcpv6.MessageFromBytes(packet)
	if err != nil {
		return lease{}, err
	}
	l := lease{Nameservers: addresses(p.Options.DNS())}
	if search := p.Options.DomainSearchList(); search != nil {
		l.Search = plainNames(search.Labels)
	}
	for _, given := range p.Options.IANA() {
		if a := given.Options.OneAddress(); a != nil {
			l.Address, _ = netip.AddrFromSlice(a.IPv6Addr) // a wrong length is no address
		}
	}
	if !l.Address.IsValid() {
		return lease{}, errors.New("it gives no address")
	}
	return l, nil
}

func addresses(ips []net.IP) []string {
	var out []string
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok && !a.IsUnspecified() {
			out = append(out, a.Unmap().String())
		}
	}
	return out
}

// without is the lease without what is not to be used of it.
func (l lease) without(not Lease) lease {
	if not.NoDNS {
		l.Nameservers = nil
	}
	if not.NoDNS || not.NoDomains {
		l.Search = nil
	}
	if not.NoHostname {
		l.Hostname = ""
	}
	if not.NoNTP {
		l.NTP = nil
	}
	return l
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
