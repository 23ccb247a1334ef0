package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// listLinks is every interface that the kernel has, by name.
func listLinks() ([]link, error) {
	all, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("cannot list the interfaces: %w", err)
	}
	links := make([]link, 0, len(all))
	for _, l := range all {
		a := l.Attrs()
		links = append(links, link{
			Name: a.Name, Index: a.Index, MAC: a.HardwareAddr.String(), Kind: l.Type(),
			Loopback: a.Flags&net.FlagLoopback != 0,
			Carrier:  a.RawFlags&unix.IFF_LOWER_UP != 0,
		})
	}
	slices.SortFunc(links, func(a, b link) int { return strings.Compare(a.Name, b.Name) })
	return links, nil
}

// applied is what the configuration gave a link, so that it can be taken back
// without touching what others gave it.
type applied struct {
	Want  want `json:"want"`
	Index int  `json:"index"` // a link that is plugged in again has another
}

// isFor says whether it is what this link was given for these wishes: then its
// commands have run.
func (a applied) isFor(w want, index int) bool {
	return a.Index == index && reflect.DeepEqual(a.Want, w)
}

// applyLink makes one link as it should be. before is what it was given last
// (zero when nothing), lease the address that dhcpcd gave it (zero when none).
// Nothing that is right already is touched.
func applyLink(w want, before applied, lease netip.Addr, metric int) error {
	l, err := netlink.LinkByName(w.Name)
	if err != nil {
		return fmt.Errorf("cannot find %s: %w", w.Name, err)
	}
	errs := []error{setMTU(l, w.MTU), setMaster(l, w.Master), setUp(l)}
	errs = append(errs, setAddresses(l, w, before.Want, lease), setGateways(l, w, metric))
	return errors.Join(errs...)
}

// releaseLink takes back what a link was given that is not in the configuration
// any more.
func releaseLink(before applied) error {
	l, found, err := exists(before.Want.Name)
	if err != nil || !found || l.Attrs().Index != before.Index {
		return err
	}
	var errs []error
	if before.Want.Master != "" {
		errs = append(errs, netlink.LinkSetNoMaster(l))
	}
	errs = append(errs, setGateways(l, want{}, 0))
	if before.Want.addressed() {
		errs = append(errs, setAddresses(l, want{}, before.Want, netip.Addr{}))
	}
	return errors.Join(errs...)
}

func setMTU(l netlink.Link, mtu int) error {
	if mtu == 0 || l.Attrs().MTU == mtu {
		return nil
	}
	if err := netlink.LinkSetMTU(l, mtu); err != nil {
		return fmt.Errorf("cannot set the MTU of %s to %d: %w", l.Attrs().Name, mtu, err)
	}
	return nil
}

// setMaster makes a link a port of a bridge or bond, or of none. A link joins a
// bond only while it is down.
func setMaster(l netlink.Link, name string) error {
	if name == "" {
		return leaveMaster(l)
	}
	master, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("cannot make %s a port of %s: %w", l.Attrs().Name, name, err)
	}
	if l.Attrs().MasterIndex == master.Attrs().Index {
		return nil
	}
	if master.Type() == "bond" {
		if err := netlink.LinkSetDown(l); err != nil {
			return fmt.Errorf("cannot set %s down: %w", l.Attrs().Name, err)
		}
		l.Attrs().Flags &^= net.FlagUp
	}
	if err := netlink.LinkSetMaster(l, master); err != nil {
		return fmt.Errorf("cannot make %s a port of %s: %w", l.Attrs().Name, name, err)
	}
	return nil
}

func leaveMaster(l netlink.Link) error {
	if l.Attrs().MasterIndex == 0 {
		return nil
	}
	if err := netlink.LinkSetNoMaster(l); err != nil {
		return fmt.Errorf("cannot take %s out of its bridge or bond: %w", l.Attrs().Name, err)
	}
	return nil
}

func setUp(l netlink.Link) error {
	if l.Attrs().Flags&net.FlagUp != 0 {
		return nil
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return fmt.Errorf("cannot set %s up: %w", l.Attrs().Name, err)
	}
	return nil
}

// setAddresses adds what is missing and removes what does not belong there.
func setAddresses(l netlink.Link, w, before want, lease netip.Addr) error {
	have, err := netlink.AddrList(l, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("cannot list the addresses of %s: %w", l.Attrs().Name, err)
	}
	there := map[netip.Prefix]bool{}
	for _, a := range have {
		there[prefixOf(a)] = true
	}
	// New ones first: a link never is without an address in between.
	errs := []error{addAddresses(l, w.Addresses, there)}
	removed := false
	for _, a := range have {
		if keepsAddress(found(a), w, before, lease) {
			continue
		}
		removed = true
		if err := netlink.AddrDel(l, &netlink.Addr{IPNet: a.IPNet}); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			errs = append(errs, fmt.Errorf("cannot remove %s from %s: %w", prefixOf(a), l.Attrs().Name, err))
		}
	}
	if removed { // with the first address of a subnet the kernel removes its others
		errs = append(errs, addAddresses(l, w.Addresses, nil))
	}
	return errors.Join(errs...)
}

func addAddresses(l netlink.Link, prefixes []netip.Prefix, there map[netip.Prefix]bool) error {
	var errs []error
	for _, p := range prefixes {
		if there[p] {
			continue
		}
		if err := netlink.AddrAdd(l, &netlink.Addr{IPNet: ipNet(p)}); err != nil && !errors.Is(err, unix.EEXIST) {
			errs = append(errs, fmt.Errorf("cannot add %s to %s: %w", p, l.Attrs().Name, err))
		}
	}
	return errors.Join(errs...)
}

// address is one address that a link has.
type address struct {
	Prefix    netip.Prefix
	Permanent bool // without a lifetime: neither a lease nor autoconfigured
}

func found(a netlink.Addr) address {
	return address{Prefix: prefixOf(a), Permanent: a.Flags&unix.IFA_F_PERMANENT != 0}
}

// keepsAddress says whether an address that a link has may stay. A link without
// DHCP has exactly the IPv4 addresses of the configuration, and a port of a
// bridge has none; from one with DHCP, and of IPv6, which the kernel configures
// by itself, only what an earlier configuration gave is taken back. A link that
// was and is to have no address here belongs to others.
func keepsAddress(a address, w, before want, lease netip.Addr) bool {
	ip := a.Prefix.Addr()
	switch {
	case slices.Contains(w.Addresses, a.Prefix), ip.IsLoopback():
		return true
	case ip.Is6():
		return !slices.Contains(before.Addresses, a.Prefix)
	case w.Master == "" && !w.addressed() && !before.addressed():
		return true
	case w.IPv4LL && ip.IsLinkLocalUnicast():
		return true
	case w.DHCP:
		return ip == lease || !a.Permanent || !slices.Contains(before.Addresses, a.Prefix)
	}
	return false
}

func prefixOf(a netlink.Addr) netip.Prefix {
	ip, _ := netip.AddrFromSlice(a.IP) // the kernel gives 4 or 16 bytes
	ones, _ := a.Mask.Size()
	return netip.PrefixFrom(ip.Unmap(), ones)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
