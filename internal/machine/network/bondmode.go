package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// bondModes are the modes that the driver takes an option in; those that are not
// here it takes in all. One that it refuses costs the whole bond.
var bondModes = map[string][]netlink.BondMode{
	"lacp_rate":         {netlink.BOND_MODE_802_3AD},
	"ad_actor_sys_prio": {netlink.BOND_MODE_802_3AD},
	"ad_actor_system":   {netlink.BOND_MODE_802_3AD},
	"ad_user_port_key":  {netlink.BOND_MODE_802_3AD},
	"packets_per_slave": {netlink.BOND_MODE_BALANCE_RR},
	"tlb_dynamic_lb":    {netlink.BOND_MODE_BALANCE_TLB, netlink.BOND_MODE_BALANCE_ALB},
	"primary":           {netlink.BOND_MODE_ACTIVE_BACKUP, netlink.BOND_MODE_BALANCE_TLB, netlink.BOND_MODE_BALANCE_ALB},
	"arp_interval":      modesByARP,
	"arp_validate":      modesByARP,
}

// modesByARP are the modes that may look for their ports by ARP. The others look for a
// carrier, whether that is asked for or not.
var modesByARP = []netlink.BondMode{
	netlink.BOND_MODE_BALANCE_RR, netlink.BOND_MODE_ACTIVE_BACKUP, netlink.BOND_MODE_BALANCE_XOR, netlink.BOND_MODE_BROADCAST,
}

// fitBond leaves out the options of a bond that do not go with its mode or with each
// other, and tells them; paths say where each is written.
func (t *translator) fitBond(options map[string]string, paths map[string][]string) {
	mode := netlink.BOND_MODE_BALANCE_RR // as the driver has it
	if bond, err := newBond(linkAttrs("bond0"), map[string]string{"mode": options["mode"]}); err == nil {
		mode = bond.Mode
	}
	leave := func(name, why string) {
		t.warn("is left out: "+why, "", paths[name]...)
		delete(options, name)
	}
	for _, name := range sortedKeys(options) {
		if modes, limited := bondModes[name]; limited && !slices.Contains(modes, mode) {
			leave(name, fmt.Sprintf("mode %s has it not, only %s", mode, modeNames(modes)))
		}
	}
	isSet := func(name string) bool { return options[name] != "" && options[name] != "0" && options[name] != "none" }
	byCarrier := isSet("miimon") || options["miimon"] == "" && !slices.Contains(modesByARP, mode)
	for _, name := range []string{"updelay", "downdelay"} {
		switch {
		case byCarrier || options[name] == "":
		case isSet(name):
			leave(name, "it goes with a mii-monitor-interval (miimon)")
		default:
			delete(options, name) // that of a bond that does not look
		}
	}
	for _, name := range []string{"arp_interval", "arp_validate"} {
		if isSet(name) && isSet("miimon") {
			leave(name, "a bond looks for a carrier or by ARP, not both")
		}
	}
}

func modeNames(modes []netlink.BondMode) string {
	var names []string
	for _, m := range modes {
		names = append(names, m.String())
	}
	return strings.Join(names, ", ")
}
