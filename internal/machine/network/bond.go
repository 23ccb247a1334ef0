package network

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

// bondOption is one option of a bond: how it is read, and whether two bonds have
// it alike.
type bondOption struct {
	set    func(b *netlink.Bond, value string) error
	same   func(a, b *netlink.Bond) bool
	frozen bool // cannot change while the bond is up or has ports
}

// bondOptions are the options that may be written in bond_opts, by the names
// that the bonding driver gives them.
func bondOptions() map[string]bondOption {
	peers := number(0, 255, func(b *netlink.Bond) *int { return &b.NumPeerNotif })
	return map[string]bondOption{
		"mode":      frozen(named(func(b *netlink.Bond) *netlink.BondMode { return &b.Mode }, netlink.StringToBondModeMap)),
		"lacp_rate": frozen(named(func(b *netlink.Bond) *netlink.BondLacpRate { return &b.LacpRate }, netlink.StringToBondLacpRateMap)),
		"ad_select": frozen(named(func(b *netlink.Bond) *netlink.BondAdSelect { return &b.AdSelect }, netlink.StringToBondAdSelectMap)),
		"fail_over_mac": frozen(named(func(b *netlink.Bond) *netlink.BondFailOverMac { return &b.FailOverMac },
			netlink.StringToBondFailOverMacMap)),
		"xmit_hash_policy": named(func(b *netlink.Bond) *netlink.BondXmitHashPolicy { return &b.XmitHashPolicy },
			netlink.StringToBondXmitHashPolicyMap),
		"primary_reselect": named(func(b *netlink.Bond) *netlink.BondPrimaryReselect { return &b.PrimaryReselect },
			netlink.StringToBondPrimaryReselectMap),
		"arp_validate": named(func(b *netlink.Bond) *netlink.BondArpValidate { return &b.ArpValidate },
			netlink.StringToBondArpValidateMap),
		"arp_all_targets": named(func(b *netlink.Bond) *netlink.BondArpAllTargets { return &b.ArpAllTargets },
			netlink.StringToBondArpAllTargetsMap),
		"miimon":            number(0, 1<<31-1, func(b *netlink.Bond) *int { return &b.Miimon }),
		"updelay":           number(0, 1<<31-1, func(b *netlink.Bond) *int { return &b.UpDelay }),
		"downdelay":         number(0, 1<<31-1, func(b *netlink.Bond) *int { return &b.DownDelay }),
		"use_carrier":       number(0, 1, func(b *netlink.Bond) *int { return &b.UseCarrier }),
		"arp_interval":      number(0, 1<<31-1, func(b *netlink.Bond) *int { return &b.ArpInterval }),
		"min_links":         number(0, 1<<31-1, func(b *netlink.Bond) *int { return &b.MinLinks }),
		"resend_igmp":       number(0, 255, func(b *netlink.Bond) *int { return &b.ResendIgmp }),
		"all_slaves_active": number(0, 1, func(b *netlink.Bond) *int { return &b.AllSlavesActive }),
		"packets_per_slave": number(0, 65535, func(b *netlink.Bond) *int { return &b.PacketsPerSlave }),
		"lp_interval":       number(1, 1<<31-1, func(b *netlink.Bond) *int { return &b.LpInterval }),
		"ad_actor_sys_prio": number(1, 65535, func(b *netlink.Bond) *int { return &b.AdActorSysPrio }),
		"ad_user_port_key":  frozen(number(0, 1023, func(b *netlink.Bond) *int { return &b.AdUserPortKey })),
		"tlb_dynamic_lb":    frozen(number(0, 1, func(b *netlink.Bond) *int { return &b.TlbDynamicLb })),
		"num_grat_arp":      peers,
		"num_unsol_na":      peers,
		"arp_ip_target":     {set: arpTargets, same: sameTargets},
		"ad_actor_system":   {set: actorSystem, same: sameActor, frozen: true},
		// Made when the port is there.
		"primary": {set: func(*netlink.Bond, string) error { return nil }, same: func(_, _ *netlink.Bond) bool { return true }},
	}
}

func frozen(o bondOption) bondOption {
	o.frozen = true
	return o
}

// named is an option that has names; its number is understood too, as the
// driver does.
func named[T ~int](field func(*netlink.Bond) *T, names map[string]T) bondOption {
	return bondOption{
		set: func(b *netlink.Bond, value string) error {
			if v, ok := names[value]; ok {
				*field(b) = v
				return nil
			}
			for _, v := range names {
				if value == strconv.Itoa(int(v)) {
					*field(b) = v
					return nil
				}
			}
			return fmt.Errorf("%q is none of %s", value, strings.Join(sortedKeys(names), ", "))
		},
		same: func(a, b *netlink.Bond) bool { return *field(a) == *field(b) },
	}
}

// number is an option that is a number in a range.
func number(from, to int, field func(*netlink.Bond) *int) bondOption {
	return bondOption{
		set: func(b *netlink.Bond, value string) error {
			switch value {
			case "true":
				value = "1"
			case "false":
				value = "0"
			}
			n, err := strconv.Atoi(value)
			if err != nil || n < from || n > to {
				return fmt.Errorf("%q is not a number from %d to %d", value, from, to)
			}
			*field(b) = n
			return nil
		},
		same: func(a, b *netlink.Bond) bool { return *field(a) == *field(b) },
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

func sameTargets(a, b *netlink.Bond) bool {
	return slices.EqualFunc(a.ArpIpTargets, b.ArpIpTargets, net.IP.Equal)
}

func actorSystem(b *netlink.Bond, value string) error {
	mac, err := net.ParseMAC(value)
	if err != nil || len(mac) != 6 || mac[0]&1 == 1 {
		return fmt.Errorf("%q is not the hardware address of one machine", value)
	}
	b.AdActorSystem = mac
	return nil
}

func sameActor(a, b *netlink.Bond) bool { return bytes.Equal(a.AdActorSystem, b.AdActorSystem) }

// newBond is a bond with the options that were written; the others stay the
// driver's.
func newBond(attrs netlink.LinkAttrs, options map[string]string) (*netlink.Bond, error) {
	bond := netlink.NewLinkBond(attrs)
	known := bondOptions()
	for _, name := range sortedKeys(options) {
		option, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("bond option %s is not known", name)
		}
		if err := option.set(bond, options[name]); err != nil {
			return nil, fmt.Errorf("cannot use bond option %s: %w", name, err)
		}
	}
	return bond, nil
}

// bondChanges are the options that a bond does not have as written. anew says
// that it must be made anew for them.
func bondChanges(options map[string]string, have *netlink.Bond) (changes map[string]string, anew bool) {
	known := bondOptions()
	for _, name := range sortedKeys(options) {
		want := netlink.NewLinkBond(netlink.LinkAttrs{})
		option, ok := known[name]
		if !ok || option.set(want, options[name]) != nil || option.same(want, have) {
			continue // what cannot be used was told when it was read
		}
		if changes == nil {
			changes = map[string]string{}
		}
		changes[name] = options[name]
		anew = anew || option.frozen
	}
	return changes, anew
}

func linkAttrs(name string) netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	return attrs
}
