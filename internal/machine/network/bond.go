package network

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

// bondOption sets one option of a bond.
type bondOption func(b *netlink.Bond, value string) error

// bondOptions are the options that may be written in bond_opts, by the names
// that the bonding driver gives them.
func bondOptions() map[string]bondOption {
	return map[string]bondOption{
		"mode": named(func(b *netlink.Bond, v netlink.BondMode) { b.Mode = v }, netlink.StringToBondModeMap),
		"lacp_rate": named(func(b *netlink.Bond, v netlink.BondLacpRate) { b.LacpRate = v },
			netlink.StringToBondLacpRateMap),
		"xmit_hash_policy": named(func(b *netlink.Bond, v netlink.BondXmitHashPolicy) { b.XmitHashPolicy = v },
			netlink.StringToBondXmitHashPolicyMap),
		"fail_over_mac": named(func(b *netlink.Bond, v netlink.BondFailOverMac) { b.FailOverMac = v },
			netlink.StringToBondFailOverMacMap),
		"ad_select": named(func(b *netlink.Bond, v netlink.BondAdSelect) { b.AdSelect = v },
			netlink.StringToBondAdSelectMap),
		"primary_reselect": named(func(b *netlink.Bond, v netlink.BondPrimaryReselect) { b.PrimaryReselect = v },
			netlink.StringToBondPrimaryReselectMap),
		"miimon":            number(func(b *netlink.Bond, v int) { b.Miimon = v }),
		"updelay":           number(func(b *netlink.Bond, v int) { b.UpDelay = v }),
		"downdelay":         number(func(b *netlink.Bond, v int) { b.DownDelay = v }),
		"use_carrier":       number(func(b *netlink.Bond, v int) { b.UseCarrier = v }),
		"arp_interval":      number(func(b *netlink.Bond, v int) { b.ArpInterval = v }),
		"arp_ip_target":     arpTargets,
		"min_links":         number(func(b *netlink.Bond, v int) { b.MinLinks = v }),
		"resend_igmp":       number(func(b *netlink.Bond, v int) { b.ResendIgmp = v }),
		"num_grat_arp":      number(func(b *netlink.Bond, v int) { b.NumPeerNotif = v }),
		"num_unsol_na":      number(func(b *netlink.Bond, v int) { b.NumPeerNotif = v }),
		"all_slaves_active": number(func(b *netlink.Bond, v int) { b.AllSlavesActive = v }),
		"packets_per_slave": number(func(b *netlink.Bond, v int) { b.PacketsPerSlave = v }),
	}
}

// named reads an option that has names; its number is understood too, as the
// driver does.
func named[T ~int](set func(*netlink.Bond, T), names map[string]T) bondOption {
	return func(b *netlink.Bond, value string) error {
		if v, ok := names[value]; ok {
			set(b, v)
			return nil
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is none of %s", value, strings.Join(sortedKeys(names), ", "))
		}
		set(b, T(n))
		return nil
	}
}

func number(set func(*netlink.Bond, int)) bondOption {
	return func(b *netlink.Bond, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a number", value)
		}
		set(b, n)
		return nil
	}
}

func arpTargets(b *netlink.Bond, value string) error {
	for _, text := range strings.Split(value, ",") {
		ip := net.ParseIP(strings.TrimSpace(text)).To4()
		if ip == nil {
			return fmt.Errorf("%q is not an IPv4 address", text)
		}
		b.ArpIpTargets = append(b.ArpIpTargets, ip)
	}
	return nil
}

// newBond is a bond with the options that were written; the others stay the
// driver's.
func newBond(attrs netlink.LinkAttrs, options map[string]string) (*netlink.Bond, error) {
	bond := netlink.NewLinkBond(attrs)
	known := bondOptions()
	for _, name := range sortedKeys(options) {
		set, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("bond option %s is not known", name)
		}
		if err := set(bond, options[name]); err != nil {
			return nil, fmt.Errorf("cannot use bond option %s: %w", name, err)
		}
	}
	return bond, nil
}

// bondDiffers says whether an option that is set in want is another in have.
func bondDiffers(want, have *netlink.Bond) bool {
	pairs := [][2]int{
		{int(want.Mode), int(have.Mode)},
		{int(want.LacpRate), int(have.LacpRate)},
		{int(want.XmitHashPolicy), int(have.XmitHashPolicy)},
		{int(want.FailOverMac), int(have.FailOverMac)},
		{int(want.AdSelect), int(have.AdSelect)},
		{int(want.PrimaryReselect), int(have.PrimaryReselect)},
		{want.Miimon, have.Miimon},
		{want.UpDelay, have.UpDelay},
		{want.DownDelay, have.DownDelay},
		{want.UseCarrier, have.UseCarrier},
		{want.ArpInterval, have.ArpInterval},
		{want.MinLinks, have.MinLinks},
		{want.ResendIgmp, have.ResendIgmp},
		{want.NumPeerNotif, have.NumPeerNotif},
		{want.AllSlavesActive, have.AllSlavesActive},
		{want.PacketsPerSlave, have.PacketsPerSlave},
	}
	for _, p := range pairs {
		if p[0] >= 0 && p[0] != p[1] {
			return true
		}
	}
	return false
}
