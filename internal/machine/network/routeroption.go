package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/rfc1035label"
)

// announcement is what a router says about name servers on one link: an option of
// its advertisement (RFC 8106).
type announcement struct {
	link     int // its number
	servers  []netip.Addr
	domains  []string
	lifetime time.Duration // 0 takes them back
}

// The numbers that the options have, and the advertisement that they are in.
const (
	optionServers, optionDomains = 25, 31
	routerAdvertisement          = 134
)

const (
	userOptionHeader = 16 // struct nduseroptmsg
	// optionHeader is the type, the length in units of 8 bytes, two bytes of nothing
	// and the lifetime in seconds.
	optionHeader = 8
)

// parseAnnouncements reads what the kernel hands over of an advertisement. No length
// in it is believed before it is compared with what there is.
func parseAnnouncements(message []byte) ([]announcement, error) {
	if len(message) < userOptionHeader {
		return nil, errors.New("it is shorter than its header")
	}
	size, link := int(binary.NativeEndian.Uint16(message[2:])), int(int32(binary.NativeEndian.Uint32(message[4:])))
	kind, options := message[8], message[userOptionHeader:]
	if size > len(options) {
		return nil, fmt.Errorf("it has %d bytes of options, and says %d", len(options), size)
	}
	if kind != routerAdvertisement {
		return nil, nil
	}
	var all []announcement
	for options = options[:size]; len(options) > 0; {
		if len(options) < optionHeader {
			return nil, errors.New("an option is cut off")
		}
		length := int(options[1]) * 8
		if length == 0 || length > len(options) {
			return nil, fmt.Errorf("an option of %d bytes is in %d", length, len(options))
		}
		a, err := parseAnnouncement(options[:length])
		if err != nil {
			return nil, err
		}
		if a.link = link; len(a.servers)+len(a.domains) > 0 {
			all = append(all, a)
		}
		options = options[length:]
	}
	return all, nil
}

// parseAnnouncement reads one option; one of another kind announces nothing.
func parseAnnouncement(option []byte) (announcement, error) {
	a := announcement{lifetime: time.Duration(binary.BigEndian.Uint32(option[4:])) * time.Second}
	switch body := option[optionHeader:]; option[0] {
	case optionServers:
		for ; len(body) >= 16; body = body[16:] {
			if server := netip.AddrFrom16([16]byte(body[:16])); isServer(server) {
				a.servers = append(a.servers, server)
			}
		}
	case optionDomains:
		labels, err := rfc1035label.FromBytes(body)
		if err != nil {
			return announcement{}, fmt.Errorf("cannot read the search domains: %w", err)
		}
		a.domains = plainNames(labels.Labels) // what fills the option up is no name
	}
	return a, nil
}

// isServer says whether an address can be that of one name server in the network.
func isServer(ip netip.Addr) bool {
	return !ip.Is4In6() && !ip.IsUnspecified() && !ip.IsMulticast() && !ip.IsLoopback()
}
