package datasource

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/ros-os/ros/internal/source"
)

// cloudStack asks the virtual router of a network. It is the network's DHCP server;
// where addresses are not given by DHCP, it is the router to everywhere.
type cloudStack struct {
	web     *web
	base    string // that is configured
	servers func() []string
	// passwords is the address of the password server of a metadata service.
	passwords func(base string) string
	passwordServer
}

func openCloudStack(o opening) (Datasource, error) {
	base, err := tree(o.arg, "")
	c := &cloudStack{
		web: o.web, base: base, servers: func() []string { return virtualRouters(o.root) },
		passwords:      func(base string) string { return passwordsBeside(base, "/") },
		passwordServer: passwordServer{get: o.web.getOnLink, root: o.root},
	}
	if base != "" {
		c.get = o.web.get
	}
	return c, err
}

// Fetch asks each router in turn until one is a virtual router.
func (c *cloudStack) Fetch(ctx context.Context) (source.Seed, error) {
	bases := []string{c.base}
	if c.base == "" {
		bases = nil
		for _, s := range c.servers() {
			bases = append(bases, "http://"+s)
		}
	}
	if len(bases) == 0 {
		return source.Seed{}, errors.New("neither a DHCP server nor a default gateway is known yet")
	}
	var errs []error
	for _, base := range bases {
		s, err := (&ec2{web: c.web, base: base + "/latest", get: c.get, names: namesOfCloudStack()}).Fetch(ctx)
		if err == nil || !s.Empty() {
			return c.ask(ctx, c.passwords(base), s, err)
		}
		errs = append(errs, err)
	}
	return source.Seed{}, together(errs)
}

// together is what several servers are for a machine that needs one of them: as
// long as one may answer yet, the others do not count.
func together(errs []error) error {
	var hopeful, final []error
	for _, err := range errs {
		var permanent permanentError
		switch {
		case errors.Is(err, ErrNothing):
		case errors.As(err, &permanent):
			final = append(final, err)
		default:
			hopeful = append(hopeful, err)
		}
	}
	switch {
	case len(hopeful) > 0:
		return errors.Join(hopeful...)
	case len(final) > 0:
		return errors.Join(final...)
	}
	return ErrNothing
}

// virtualRouters are those that may be one.
func virtualRouters(root string) []string {
	if servers := dhcpServers(root); len(servers) > 0 {
		return servers
	}
	table, err := os.ReadFile(filepath.Join(root, routes))
	if err != nil {
		return nil // it is asked again
	}
	if gateway := defaultGateway(string(table)); gateway.IsValid() {
		return []string{gateway.String()}
	}
	return nil
}

// routes is the kernel's routing table of IPv4.
const routes = "/proc/net/route"

// What the kernel says of a route by bits.
const (
	routeUp      = 1
	routeGateway = 2
)

// defaultGateway is the router to everywhere, the one with the lowest metric; it
// is not valid when there is none. Addresses in the table are numbers of the
// machine's byte order.
func defaultGateway(table string) netip.Addr {
	var gateway netip.Addr
	lowest := uint64(math.MaxUint64)
	for line := range strings.Lines(table) {
		// interface, destination, gateway, flags, references, use, metric, mask, …
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		address, err := strconv.ParseUint(f[2], 16, 32)
		flags, ferr := strconv.ParseUint(f[3], 16, 16)
		metric, merr := strconv.ParseUint(f[6], 10, 32)
		if err != nil || ferr != nil || merr != nil || flags&routeUp == 0 || flags&routeGateway == 0 || metric >= lowest {
			continue
		}
		var bytes [4]byte
		binary.NativeEndian.PutUint32(bytes[:], uint32(address))
		gateway, lowest = netip.AddrFrom4(bytes), metric
	}
	return gateway
}

// leases are what DHCP servers answered, as dhcpcd keeps it: one packet a file.
const leases = "/var/lib/dhcpcd/*.lease"

// dhcpServers are those that gave this machine its addresses.
func dhcpServers(root string) []string {
	files, _ := filepath.Glob(filepath.Join(root, leases)) // the pattern is sound
	var servers []string
	for _, f := range files {
		packet, err := os.ReadFile(f)
		if err != nil {
			continue // of a card that has gone meanwhile
		}
		if ip := leaseServer(packet); ip != nil && !slices.Contains(servers, ip.String()) {
			servers = append(servers, ip.String())
		}
	}
	return servers
}

// leaseServer is the server that a lease came from, nil when it cannot be told.
func leaseServer(packet []byte) net.IP {
	lease, err := dhcpv4.FromBytes(packet)
	if err != nil {
		return nil
	}
	return lease.ServerIdentifier()
}
