package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/sirupsen/logrus"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const switchName = "switch"

// switchPrefix is the network of a machine in namespaces. It is joined to no
// other network, so every machine has the same.
func switchPrefix() netip.Prefix { return netip.MustParsePrefix("10.99.0.0/24") }

func switchAddress() netip.Addr { return netip.MustParseAddr("10.99.0.1") }

// address is what one of the machine's interfaces is offered.
func address(nic int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 99, 0, byte(10 + nic)})
}

// network is the switch of one machine: a bridge in the supervisor's network
// namespace, with a DHCP and a name server on it.
type network struct {
	spec   *Spec
	bridge netlink.Link
	dhcp   *dhcpServer
	names  *nameServer
}

func openNetwork(ctx context.Context, spec *Spec, log *logrus.Logger) (n *network, err error) {
	n = &network{spec: spec}
	if err := raiseLoopback(); err != nil {
		return nil, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = switchName
	n.bridge = &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(n.bridge); err != nil {
		return nil, fmt.Errorf("cannot make the machine's switch: %w", err)
	}
	ip := &net.IPNet{IP: switchAddress().AsSlice(), Mask: net.CIDRMask(switchPrefix().Bits(), 32)}
	if err := netlink.AddrAdd(n.bridge, &netlink.Addr{IPNet: ip}); err != nil {
		return nil, fmt.Errorf("cannot give the machine's switch an address: %w", err)
	}
	if err := netlink.LinkSetUp(n.bridge); err != nil {
		return nil, fmt.Errorf("cannot raise the machine's switch: %w", err)
	}
	if n.dhcp, err = serveDHCP(spec, log); err != nil {
		return nil, err
	}
	if n.names, err = serveNames(ctx, spec, log); err != nil {
		return nil, errors.Join(err, n.dhcp.close())
	}
	return n, nil
}

// plug gives the process's network namespace its interfaces eth0, eth1, …, with
// their cables in but for some.
func (n *network) plug(pid int, unplugged []int) error {
	var plugged []int
	for nic := range n.spec.NICs {
		port := portName(nic)
		// The one of the boot before may be waiting for the kernel to bury it.
		if old, err := netlink.LinkByName(port); err == nil {
			if err := netlink.LinkDel(old); err != nil && !errors.Is(err, unix.ENODEV) {
				return fmt.Errorf("cannot unplug interface %d: %w", nic, err)
			}
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MasterIndex = port, n.bridge.Attrs().Index
		veth := &netlink.Veth{
			LinkAttrs: attrs, PeerName: nicName(nic),
			PeerHardwareAddr: n.spec.mac(nic), PeerNamespace: netlink.NsPid(pid),
		}
		if err := netlink.LinkAdd(veth); err != nil {
			return fmt.Errorf("cannot plug in interface %d: %w", nic, err)
		}
		if !slices.Contains(unplugged, nic) {
			plugged = append(plugged, nic)
		}
	}
	return setPorts(plugged, true)
}

// nicName is the machine's end of an interface's cable.
func nicName(nic int) string { return fmt.Sprintf("eth%d", nic) }

// portName is the switch's end of an interface's cable.
func portName(nic int) string { return fmt.Sprintf("port%d", nic) }

func (n *network) close() error {
	return errors.Join(n.dhcp.close(), n.names.close())
}
