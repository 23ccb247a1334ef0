package network

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// firstMetric is the metric of the first link's default route; it is below that
// of every route that dhcpcd makes, so that a configured gateway wins.
const firstMetric = 100

// setGateways makes the default routes through a link those of the
// configuration. Routes are told apart by their protocol: "static" are ours,
// "dhcp" are dhcpcd's, and all others are left alone.
func setGateways(l netlink.Link, w want, metric int) error {
	have, err := netlink.RouteList(l, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("cannot list the routes of %s: %w", l.Attrs().Name, err)
	}
	there := map[netip.Addr]bool{}
	var errs []error
	for _, r := range have {
		gateway, isDefault := defaultGateway(r)
		if !isDefault {
			continue
		}
		if r.Protocol == unix.RTPROT_STATIC && r.Priority == metric && slices.Contains(w.Gateways, gateway) {
			there[gateway] = true
			continue
		}
		if r.Protocol == unix.RTPROT_STATIC || r.Protocol == unix.RTPROT_DHCP && !w.DHCP {
			errs = append(errs, removeRoute(l, r))
		}
	}
	for _, gateway := range w.Gateways {
		if !there[gateway] {
			errs = append(errs, addGateway(l, w, gateway, metric))
		}
	}
	return errors.Join(errs...)
}

func addGateway(l netlink.Link, w want, gateway netip.Addr, metric int) error {
	route := netlink.Route{
		LinkIndex: l.Attrs().Index, Gw: gateway.AsSlice(),
		Protocol: unix.RTPROT_STATIC, Priority: metric,
	}
	if !reaches(w.Addresses, gateway) {
		route.Flags = int(netlink.FLAG_ONLINK) // hosts with a /32 and a gateway outside of it
	}
	if err := netlink.RouteAdd(&route); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("cannot add gateway %s through %s: %w", gateway, l.Attrs().Name, err)
	}
	return nil
}

func reaches(addresses []netip.Prefix, gateway netip.Addr) bool {
	return gateway.IsLinkLocalUnicast() ||
		slices.ContainsFunc(addresses, func(p netip.Prefix) bool { return p.Contains(gateway) })
}

func removeRoute(l netlink.Link, r netlink.Route) error {
	if err := netlink.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("cannot remove the route through %s: %w", l.Attrs().Name, err)
	}
	return nil
}

// defaultGateway is the gateway of a default route of the main table.
func defaultGateway(r netlink.Route) (netip.Addr, bool) {
	if r.Table != unix.RT_TABLE_MAIN || len(r.Gw) == 0 {
		return netip.Addr{}, false
	}
	if r.Dst != nil {
		if ones, _ := r.Dst.Mask.Size(); ones != 0 {
			return netip.Addr{}, false
		}
	}
	gateway, ok := netip.AddrFromSlice(r.Gw)
	return gateway.Unmap(), ok
}
