package network

import (
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The kernel's numbers of a port's options (if_link.h).
const (
	portPriority = 2 // IFLA_BRPORT_PRIORITY
	portCost     = 3 // IFLA_BRPORT_COST
)

// bridgeAttribute is how an option of a bridge is told to the kernel.
type bridgeAttribute struct {
	number int // in if_link.h
	short  bool
}

// bridgeAttributes are the options of bridges that can be set, by the names that
// they have below /sys.
var bridgeAttributes = map[string]bridgeAttribute{
	"forward_delay": {number: 1}, "hello_time": {number: 2}, "max_age": {number: 3}, "ageing_time": {number: 4},
	"stp_state": {number: 5}, "priority": {number: 6, short: true},
}

// setBridge sets options of a bridge.
func setBridge(l netlink.Link, options map[string]string) error {
	req := linkRequest(l, unix.AF_UNSPEC, unix.RTM_NEWLINK)
	about := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	about.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	data := about.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	for _, name := range sortedKeys(options) {
		value, err := strconv.ParseUint(options[name], 10, 32)
		attribute, known := bridgeAttributes[name]
		if err != nil || !known {
			return fmt.Errorf("%s=%s is no option of a bridge", name, options[name])
		}
		if attribute.short {
			data.AddRtAttr(attribute.number, nl.Uint16Attr(uint16(min(value, 1<<16-1))))
		} else {
			data.AddRtAttr(attribute.number, nl.Uint32Attr(uint32(value)))
		}
	}
	req.AddData(about)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// setPort sets an option of a bridge's port.
func setPort(l netlink.Link, option string, value int) error {
	req := linkRequest(l, unix.AF_BRIDGE, unix.RTM_SETLINK)
	data := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	switch option {
	case "cost":
		data.AddRtAttr(portCost, nl.Uint32Attr(uint32(min(value, 65535))))
	case "priority":
		data.AddRtAttr(portPriority, nl.Uint16Attr(uint16(min(value, 63))))
	default:
		return fmt.Errorf("%s is no option of a port", option)
	}
	req.AddData(data)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

func linkRequest(l netlink.Link, family, kind int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(family)
	msg.Index = int32(l.Attrs().Index)
	req.AddData(msg)
	return req
}
