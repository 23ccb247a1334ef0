package network

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// executor makes steps. It decides nothing.
type executor struct {
	sysctl string // /proc/sys/net, wherever it is
}

// do makes one step. What is as it should be already is no error: the kernel may
// have changed since the step was planned.
func (x executor) do(s Step) error {
	err := x.change(s)
	if err != nil {
		return fmt.Errorf("cannot %s: %w", s.change(), plain(err))
	}
	return nil
}

// plain says what the kernel means by an error that does not say it.
func plain(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("the kernel has no support for it: %w", err)
	}
	return err
}

func (x executor) change(s Step) error {
	switch s.Verb {
	case Make:
		return makeDevice(*s.device)
	case StartDHCP, StopDHCP, RunCommands:
		return nil // the set of programs was changed as a whole; commands are the service's
	case SetSysctl:
		return x.setSysctl(s.path, s.value)
	case AddRule:
		return ignore(netlink.RuleAdd(kernelRule(s.rule)), unix.EEXIST)
	case RemoveRule:
		return ignore(netlink.RuleDel(kernelRule(s.rule)), unix.ENOENT)
	case AddRoute, ReplaceRoute, RemoveRoute:
		return changeRoute(s)
	case Rename, Remove, Configure, SetMAC, SetMTU, Join, Leave, SetPort, SetUp, AddAddress, RemoveAddress:
	}
	l, err := netlink.LinkByName(s.Link)
	if err != nil {
		return err
	}
	return changeLink(l, s)
}

func changeLink(l netlink.Link, s Step) error {
	switch s.Verb {
	case Rename:
		return renameLink(l, s.value)
	case Remove:
		return netlink.LinkDel(l)
	case Configure:
		return configure(l, *s.device, s.options)
	case SetMAC:
		mac, err := net.ParseMAC(s.value)
		if err != nil {
			return err
		}
		return netlink.LinkSetHardwareAddr(l, mac)
	case SetMTU:
		return netlink.LinkSetMTU(l, s.number)
	case Join:
		return join(l, s.value)
	case Leave:
		return netlink.LinkSetNoMaster(l)
	case SetPort:
		return setPort(l, s.value, s.number)
	case SetUp:
		return netlink.LinkSetUp(l)
	case AddAddress:
		return ignore(netlink.AddrAdd(l, &netlink.Addr{IPNet: ipNet(s.address.Prefix)}), unix.EEXIST)
	case RemoveAddress:
		return ignore(netlink.AddrDel(l, &netlink.Addr{IPNet: ipNet(s.address.Prefix)}), unix.EADDRNOTAVAIL)
	case Make, RunCommands, StartDHCP, StopDHCP, SetSysctl, AddRoute, ReplaceRoute, RemoveRoute, AddRule, RemoveRule:
	}
	return nil // made by whoever does not need the link
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// renameLink gives a link another name, which some kernels do only while it is
// down.
func renameLink(l netlink.Link, name string) error {
	if err := netlink.LinkSetDown(l); err != nil {
		return err
	}
	return netlink.LinkSetName(l, name)
}

// join makes a link a port. It joins a bond only while it is down.
func join(l netlink.Link, name string) error {
	master, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if master.Type() == "bond" {
		if err := netlink.LinkSetDown(l); err != nil {
			return err
		}
	}
	return netlink.LinkSetMaster(l, master)
}

func (x executor) setSysctl(name, value string) error {
	return os.WriteFile(filepath.Join(x.sysctl, name), []byte(value), 0o644)
}

func makeDevice(d Device) error {
	attrs := linkAttrs(d.Name)
	switch d.Kind {
	case Bond:
		bond, err := newBond(attrs, d.Options)
		if err != nil {
			return err
		}
		return netlink.LinkAdd(bond)
	case Vlan:
		parent, err := netlink.LinkByName(d.Parent)
		if err != nil {
			return err
		}
		attrs.ParentIndex = parent.Attrs().Index
		return netlink.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: d.ID})
	case Bridge:
		return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs})
	case Dummy:
		return netlink.LinkAdd(&netlink.Dummy{LinkAttrs: attrs})
	case Wireguard:
		return netlink.LinkAdd(&netlink.Wireguard{LinkAttrs: attrs})
	}
	return fmt.Errorf("%q is no kind of device", d.Kind)
}

// configure sets options of a device that is there.
func configure(l netlink.Link, d Device, options map[string]string) error {
	switch d.Kind {
	case Bond:
		bond, err := newBond(linkAttrs(d.Name), options)
		if err != nil {
			return err
		}
		bond.Index = l.Attrs().Index
		if port := options["primary"]; port != "" {
			p, err := netlink.LinkByName(port)
			if err != nil {
				return err
			}
			bond.Primary = p.Attrs().Index
		}
		return netlink.LinkModify(bond)
	case Bridge:
		return setBridge(l, options)
	case Wireguard:
		return setTunnel(d.Name, *d.Tunnel)
	case Vlan, Dummy:
	}
	return nil // they have no options
}

func changeRoute(s Step) error {
	r, err := kernelRoute(s)
	if err != nil {
		return err
	}
	switch s.Verb {
	case AddRoute:
		return ignore(netlink.RouteAdd(r), unix.EEXIST)
	case ReplaceRoute:
		return netlink.RouteReplace(r)
	default:
		r.Protocol = 0 // whoever's it is
		return ignore(netlink.RouteDel(r), unix.ESRCH)
	}
}

func kernelRoute(s Step) (*netlink.Route, error) {
	r := &netlink.Route{
		Dst: ipNet(s.route.To), Priority: s.route.Metric, Table: s.route.Table, MTU: s.route.MTU,
		Protocol: unix.RTPROT_STATIC, Family: netlink.FAMILY_V4,
	}
	if s.route.To.Addr().Is6() {
		r.Family = netlink.FAMILY_V6
	}
	if r.Table == 0 {
		r.Table = mainTable
	}
	for number, name := range routeTypes() {
		if name == s.route.Type {
			r.Type = number
			return r, nil
		}
	}
	l, err := netlink.LinkByName(s.Link)
	if err != nil {
		return nil, err
	}
	r.LinkIndex = l.Attrs().Index
	if s.route.Via.IsValid() {
		r.Gw = s.route.Via.AsSlice()
	} else if s.route.To.Addr().Is4() {
		r.Scope = netlink.SCOPE_LINK
	}
	if s.route.Scope == "host" {
		r.Scope = netlink.SCOPE_HOST
	}
	if s.route.From.IsValid() {
		r.Src = s.route.From.AsSlice()
	}
	if s.route.OnLink && s.route.Via.IsValid() {
		r.Flags = int(netlink.FLAG_ONLINK)
	}
	return r, nil
}

func kernelRule(r Rule) *netlink.Rule {
	out := netlink.NewRule()
	out.Table, out.Mark, out.Tos, out.Protocol = r.Table, uint32(r.Mark), uint(r.TOS), unix.RTPROT_STATIC
	if r.Priority != 0 {
		out.Priority = r.Priority
	}
	out.Src, out.Dst, out.Family = ipNet(r.From), ipNet(r.To), netlink.FAMILY_V4
	if r.From.IsValid() && r.From.Addr().Is6() || r.To.IsValid() && r.To.Addr().Is6() {
		out.Family = netlink.FAMILY_V6
	}
	return out
}
