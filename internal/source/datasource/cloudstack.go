package datasource

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/ros-os/ros/internal/source"
)

// cloudStack asks the virtual router of a network, which is its DHCP server.
type cloudStack struct {
	web     *web
	base    string // that is configured
	servers func() []string
}

func openCloudStack(o opening) (Datasource, error) {
	base, err := tree(o.arg, "")
	return &cloudStack{web: o.web, base: base, servers: func() []string { return dhcpServers(o.root) }}, err
}

// Fetch asks each DHCP server in turn until one is a virtual router.
func (c *cloudStack) Fetch(ctx context.Context) (source.Seed, error) {
	bases := []string{c.base}
	if c.base == "" {
		bases = nil
		for _, s := range c.servers() {
			bases = append(bases, "http://"+s)
		}
	}
	if len(bases) == 0 {
		return source.Seed{}, errors.New("no DHCP server is known yet")
	}
	var errs []error
	for _, base := range bases {
		get := c.web.getOnLink
		if c.base != "" {
			get = c.web.get
		}
		s, err := (&ec2{web: c.web, base: base + "/latest", get: get}).Fetch(ctx)
		if err == nil || !s.Empty() {
			return s, err
		}
		errs = append(errs, err)
	}
	return source.Seed{}, errors.Join(errs...)
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
		if ip := leaseServer(packet); ip != nil {
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
